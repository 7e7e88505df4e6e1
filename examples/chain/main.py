"""A chain: each layer reads the one before. The start is a parameter: `-p start=5`."""

from laminar import Flow, Layer, Parameters


class ChainFlow(Flow): ...


@ChainFlow.register
class First(Layer):
    def __call__(self, parameters: Parameters) -> None:
        self.value: int = parameters.start


@ChainFlow.register
class Second(Layer):
    def __call__(self, first: First) -> None:
        self.value = first.value * 10


@ChainFlow.register
class Third(Layer):
    def __call__(self, second: Second) -> None:
        self.value = second.value + 1
        print(self.value)


if flow := ChainFlow():
    flow(start=4)
