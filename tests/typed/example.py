"""How laminar's types look to users: checked by mypy --strict, and run, by `tests/typed/test_example.py`.

A `type: ignore` here is an error that mypy must report: strict mode complains about one that is not needed.
"""

from collections.abc import Iterator
from typing import Any, assert_type

from laminar import Execution, Flow, Layer, Parameters, datastores, executors, hooks, layers


class TypedFlow(Flow):
    @hooks.submission
    def label(self) -> None: ...


@TypedFlow.register
class A(Layer):
    def __call__(self, parameters: Parameters) -> None:
        self.number = 6
        self.shard(items=[1, 2])
        assert_type(parameters.anything, Any)


@TypedFlow.register(retry=layers.Retry(attempts=2), container=layers.Container(memory=256))
class B(Layer):
    limit: int = 100

    @hooks.entry
    def wanted(self, a: A) -> bool:
        return a.number < self.limit

    @hooks.execution
    def around(self) -> Iterator[None]:
        yield

    def __call__(self, a: A) -> None:
        assert_type(a, A)
        assert_type(a.number, int)
        assert_type(a.items, Any)  # what is not assigned in the class may be anything
        self.text = str(a.number * 7)
        assert_type((self.name, self.index, self.splits, self.attempt), tuple[str, int, int, int])
        assert_type(self.configuration.container.memory, int)


# A registered layer is the class that it was.
assert_type(A(number=6).number, int)
assert_type(B().limit, int)


class C(Layer):
    def __call__(self) -> None: ...


assert_type(TypedFlow.register(C), type[C])


class D(Layer):
    def __call__(self) -> None: ...


assert_type(TypedFlow.register(timeout=layers.Timeout(seconds=9))(D), type[D])

# A layer is called with what it takes, and so are its hooks.
b = B()
assert_type(b(A(number=6, items=[])), None)
assert_type(b.wanted(A(number=6)), bool)
assert_type(b.around(), Iterator[None])
assert_type(TypedFlow().label(), None)


def wrong() -> None:
    """Never called."""
    b()  # type: ignore[call-arg]
    b(B())  # type: ignore[arg-type]
    b.wanted("a")  # type: ignore[arg-type]
    TypedFlow.register(retries=2)(C)  # type: ignore[call-overload]
    TypedFlow.register(retry=2)(C)  # type: ignore[call-overload]
    TypedFlow.register(int)  # type: ignore[type-var]
    layers.Retry(attempts="2")  # type: ignore[arg-type]
    layers.ForEach(parameters=[A])  # type: ignore[list-item]
    execution.layer(B).txt.upper()  # not an error: artifacts may have any name
    execution.layer(B).text + 1  # type: ignore[operator]
    execution.layer("B")  # type: ignore[arg-type]


flow = TypedFlow(datastore=datastores.Memory(), executor=executors.Thread())
execution = flow(anything="at all")
assert_type(flow, TypedFlow)
assert_type(execution, Execution)
assert_type(execution.id, str)
assert_type(execution.state, str)
assert_type(execution.parameters, Parameters)
assert_type(execution.layer(A), A)
assert_type(execution.layer(B, index=0), B)
assert_type(execution.layer(B).text, str)
assert_type(flow.executions(), list[Execution])

assert execution.layer(A).number == 6
assert execution.layer(B).text == "42"
assert isinstance(execution.layer(B), B)
assert execution.layer(B).configuration.container.memory == 256
