"""Two flows in one file that share a layer. `python main.py` runs both, one after the other."""

from dataclasses import dataclass
from enum import Enum

from laminar import Flow, Layer
from laminar.configurations import layers


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Paint:
    colour: Colour
    litres: float


class MixFlow(Flow): ...


class PourFlow(Flow): ...


@MixFlow.register
@PourFlow.register(container=layers.Container(memory=256), retry=layers.Retry(attempts=2))
class Can(Layer):
    def __call__(self) -> None:
        self.paint = Paint(Colour.RED, 2.5)


@MixFlow.register
class Mix(Layer):
    def __call__(self, can: Can) -> None:
        self.mixed = [can.paint, Paint(Colour.BLUE, 0.5)]


@PourFlow.register
class Pour(Layer):
    def __call__(self, can: Can) -> None:
        self.poured = can.paint.litres / 2


if mix := MixFlow():
    mix()

if pour := PourFlow():
    pour()
