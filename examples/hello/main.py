"""The flow of the deployment page: B prints what A left for it."""

from laminar import Flow, Layer


class HelloFlow(Flow): ...


@HelloFlow.register
class A(Layer):
    def __call__(self) -> None:
        self.message = "hello"


@HelloFlow.register
class B(Layer):
    def __call__(self, a: A) -> None:
        print(a.message)


if flow := HelloFlow():
    flow()
