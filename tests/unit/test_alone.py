"""`laminar.testing.run_layer`: one layer as in an execution, without the rest of its flow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from laminar import Flow, Layer, Parameters, hooks, layers
from laminar.errors import ExecutionError, FlowError, UsageError
from laminar.testing import run_layer

opened: list[str] = []


class Work(Flow):
    """Its hook counts for each layer."""

    def __init__(self, needed: str) -> None:
        super().__init__()
        self.needed = needed

    @hooks.execution
    def label(self) -> None:
        self.label = f"of {self.name}"


@Work.register
class Options(Parameters):
    factor: int = 2


@Work.register
class Source(Layer):
    def __call__(self) -> None:
        raise AssertionError("the test makes it")


OVER = layers.ForEach(parameters=[layers.Parameter(layer=Source, attribute="items")])


@Work.register(foreach=OVER, retry=layers.Retry(attempts=2, delay=3600), container=layers.Container(memory=100))
class Multiply(Layer):
    @hooks.submission
    def fit(self, source: Source) -> None:
        self.configuration.container.memory *= source.items[self.index]

    @hooks.retry
    def grow(self) -> None:
        self.configuration.container.memory += 1

    @hooks.execution
    def open_file(self) -> Iterator[None]:
        self.file = open(Path(self.scratch) / "file", "w")  # noqa: SIM115 - it cannot be pickled
        opened.append(self.scratch)
        try:
            yield
        finally:
            self.file.close()
        self.closed = True

    def __call__(self, source: Source, options: Options) -> None:
        if self.index == 1 and self.attempt == 1:
            raise ConnectionError
        self.product = source.items * options.factor
        self.where = (self.index, self.splits, self.attempt, self.execution.id, self.label)
        self.shard(letters=source.name[: self.index])


@Work.register
class Join(Layer):
    def __call__(self, multiply: Multiply) -> None:
        self.total = sum(multiply.product)
        self.letters = list(multiply.letters)


@Work.register
class Never(Layer):
    @hooks.entry
    def wanted(self, join: Join) -> bool:
        return bool(join.total > 10)

    def __call__(self) -> None: ...


def source() -> Source:
    made = Source()
    made.shard(items=iter([3, 5, 7]))
    return made


def test_a_layer_runs_with_all_that_its_flow_says_of_it() -> None:
    made = run_layer(Multiply, source(), flow=Work, execution="mine", factor=10)
    assert list(made.product) == [30, 50, 70]
    assert list(made.closed) == [True] * 3
    assert list(made.where) == [(at, 3, 1 + (at == 1), "mine", "of Multiply") for at in range(3)]
    assert list(made.letters) == ["S", "S", "o"]
    assert not hasattr(made, "file")
    assert (made.splits, made.state.finished) == (3, True)
    one = made.execution.layer(Multiply, index=1)
    assert (one.attempt, one.configuration.container.memory) == (2, 501)
    assert made.execution.parameters == Options(factor=10)
    assert made.execution.state == "finished"
    assert not any(Path(place).exists() for place in opened)


def test_several_inputs_of_one_class_are_its_splits() -> None:
    one, two = Multiply(product=1), Multiply(product=2)
    one.shard(letters="a")
    two.shard(letters="bc")
    for flow in (Work, None):
        join = run_layer(Join, one, two, flow=flow)
        assert (join.total, join.letters) == (3, ["a", "b", "c"])


def test_a_single_split_of_a_foreach_layer_is_read_as_such_where_the_flow_is_known() -> None:
    one = Multiply(product=4)
    one.shard(letters="")
    assert run_layer(Join, one, flow=Work).total == 4


def test_an_input_may_be_one_that_the_test_called() -> None:
    class First(Layer):
        def __call__(self) -> None:
            self.shard(numbers=range(3))
            self._hidden = 1

    class Second(Layer):
        def __call__(self, first: First, parameters: Parameters) -> None:
            self.total = sum(first.numbers[1:]) + parameters.more
            self.hidden = hasattr(first, "_hidden")

    first = First()
    first()
    second = run_layer(Second, first, more=4)
    assert (second.total, second.hidden) == (7, False)


@pytest.mark.parametrize(("total", "skipped"), [(11, False), (10, True)])
def test_an_entry_hook_decides(total: int, skipped: bool) -> None:
    assert run_layer(Never, Join(total=total), flow=Work).state.skipped is skipped


def test_a_layer_that_fails_carries_its_error() -> None:
    class Fails(Layer):
        def __call__(self) -> None:
            self.bad: Any = {"a": (x for x in "b")}

    with pytest.raises(ExecutionError, match=r"artifact 'bad' of layer Fails: .*the value\['a'\] is a generator"):
        run_layer(Fails)


def test_what_cannot_be_run_says_what_to_pass() -> None:
    with pytest.raises(UsageError, match="layer Join takes Multiply, which run_layer was not given"):
        run_layer(Join, flow=Work)
    with pytest.raises(FlowError, match="takes layer Multiply, which is not registered") as error:
        run_layer(Join)
    assert error.value.remedy.startswith("Pass each layer that Join takes")
    with pytest.raises(UsageError, match="layer Join takes no Source"):
        run_layer(Join, Multiply(), source(), flow=Work)
    with pytest.raises(FlowError, match="layer Lost is not registered to flow Work"):
        run_layer(type("Lost", (Layer,), {}), flow=Work)
    with pytest.raises(UsageError, match="factor is 'x', not int"):
        run_layer(Multiply, source(), flow=Work, factor="x")
