"""Flows for the executor suite. They stand in a module of laminar, so that every process that has laminar finds them."""

# ruff: noqa: D102 - each class says what its __call__ does

from __future__ import annotations

import os
import signal
import sys
import time

from laminar.flow import Flow
from laminar.model.configuration import Container
from laminar.model.layer import Layer

LINES = 20_000
ENDLESS_S = 600.0


class PartsFlow(Flow):
    """Layers that each do one thing to their executor."""


@PartsFlow.register
class Tells(Layer):
    """Saves what it knows of itself, and says so on stderr."""

    def __call__(self) -> None:
        print("told", file=sys.stderr)  # noqa: T201
        self.told = [self.name, self.index, self.splits, self.attempt, self.execution.id]


@PartsFlow.register
class Adds(Layer):
    """Reads another layer."""

    def __call__(self, tells: Tells) -> None:
        self.total = tells.told[1] + 1


@PartsFlow.register
class Prints(Layer):
    """Prints much, and leaves its last line open."""

    def __call__(self) -> None:
        for number in range(LINES):
            sys.stdout.write(f"{number} été\n")
        sys.stdout.write("the last words")


@PartsFlow.register(container=Container(env={"LAMINAR_SAMPLE": "a value = with, signs"}))
class Environment(Layer):
    """Saves what it finds in the environment."""

    def __call__(self) -> None:
        self.value = os.environ.get("LAMINAR_SAMPLE")
        self.task = [name for name in os.environ if name in ("LAMINAR_LAYER", "LAMINAR_EXECUTION", "LAMINAR_DATASTORE")]


@PartsFlow.register
class Fails(Layer):
    """Raises."""

    def __call__(self) -> None:
        raise ValueError("on purpose")


@PartsFlow.register
class Exits(Layer):
    """Ends its process behind laminar's back."""

    def __call__(self) -> None:
        os._exit(7)


@PartsFlow.register
class Dies(Layer):
    """Is killed."""

    def __call__(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@PartsFlow.register
class Hangs(Layer):
    """Says that it runs, and does not return."""

    def __call__(self) -> None:
        print("hanging", flush=True)  # noqa: T201
        time.sleep(ENDLESS_S)
        self.done = True


class FanFlow(Flow):
    """One layer, four that read it side by side, and one that reads those."""


@FanFlow.register
class Source(Layer):
    """The numbers."""

    def __call__(self) -> None:
        self.numbers = [1, 2, 3, 4]


class _Middle(Layer):
    def __call__(self, source: Source) -> None:
        self.square = source.numbers[int(self.name[-1])] ** 2


@FanFlow.register
class Middle0(_Middle):
    """One of four."""


@FanFlow.register
class Middle1(_Middle):
    """One of four."""


@FanFlow.register
class Middle2(_Middle):
    """One of four."""


@FanFlow.register
class Middle3(_Middle):
    """One of four."""


@FanFlow.register
class Sink(Layer):
    """Their sum."""

    def __call__(self, a: Middle0, b: Middle1, c: Middle2, d: Middle3) -> None:
        self.total = a.square + b.square + c.square + d.square
