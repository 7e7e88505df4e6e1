"""A diamond: two layers read one, a fourth reads both. Middle layers run side by side."""

from laminar import Flow, Layer


class DiamondFlow(Flow): ...


@DiamondFlow.register
class Source(Layer):
    def __call__(self) -> None:
        self.numbers = list(range(10))


@DiamondFlow.register
class Total(Layer):
    def __call__(self, source: Source) -> None:
        self.total = sum(source.numbers)


@DiamondFlow.register
class Largest(Layer):
    def __call__(self, source: Source) -> None:
        self.largest = max(source.numbers)


@DiamondFlow.register
class Report(Layer):
    def __call__(self, total: Total, largest: Largest) -> None:
        self.text = f"total {total.total}, largest {largest.largest}"
        print(self.text)


if flow := DiamondFlow():
    flow()
