"""Going on with executions, and chaining flows."""

from __future__ import annotations

from typing import Any

import pytest

from laminar import Execution, Flow, Layer, Parameters
from laminar.configurations import layers
from laminar.datastores import Memory
from laminar.errors import ExecutionError, FlowError, LaminarError, UsageError
from laminar.executors import Thread
from laminar.settings import current
from laminar.types import unwrap

calls: list[str] = []


class Numbers(Layer):
    def __call__(self) -> None:
        calls.append("Numbers")
        self.shard(numbers=[1, 2, 3])


class Inverse(Layer):
    broken = True

    def __call__(self, numbers: Numbers, parameters: Parameters) -> None:
        calls.append(f"Inverse/{self.index}")
        if self.index == 1 and Inverse.broken:
            raise ConnectionError
        self.value = parameters.top / numbers.numbers


class First(Flow): ...


class Second(Flow): ...


First.register(Numbers)
First.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Numbers, attribute="numbers")]))(Inverse)


@Second.register
class Total(Layer):
    def __call__(self, parameters: Parameters) -> None:
        calls.append("Total")
        self.total = sum(parameters.values)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    calls.clear()
    monkeypatch.setattr(Inverse, "broken", True)


def link(execution: Execution) -> Parameters:
    return Parameters(values=list(execution.layer(Inverse).value))


def test_resuming_runs_what_is_not_committed_and_nothing_else() -> None:
    flow = First(datastore=Memory(), executor=Thread(concurrency=3))  # of a failed layer, nothing more starts
    with pytest.raises(ExecutionError):
        flow(execution="x", top=6)
    assert sorted(calls) == ["Inverse/0", "Inverse/1", "Inverse/2", "Numbers"]
    (execution,) = flow.executions()
    assert (execution.state, execution.layer(Inverse).state.failed) == ("failed", True)
    calls.clear()
    Inverse.broken = False
    assert execution.resume() is execution
    assert calls == ["Inverse/1"]
    assert list(execution.layer(Inverse).value) == [6.0, 3.0, 2.0]
    assert execution.layer(Inverse, index=1).attempt == 2
    assert execution.state == "finished"
    execution.resume()
    assert calls == ["Inverse/1"]


def test_there_must_be_something_to_resume() -> None:
    flow = First(datastore=Memory(), executor=Thread())
    with pytest.raises(UsageError, match="flow First has no execution 'x' in the datastore") as caught:
        flow.execution("x").resume()
    assert "It has none there." in caught.value.remedy


def test_a_flow_follows_another_in_its_store_under_its_id() -> None:
    Inverse.broken = False
    store = Memory()
    chained = First(datastore=store, executor=Thread())(execution="x", top=6).next(flow=Second(), linker=link)
    assert (chained.id, chained.layer(Total).total) == ("x", 11.0)
    assert Second(datastore=store).execution("x").parameters == Parameters(values=[6.0, 3.0, 2.0])


def test_a_flow_keeps_the_datastore_that_it_sets() -> None:
    Inverse.broken = False
    one, two = Memory(), Memory()
    First(datastore=one, executor=Thread())(execution="x", top=6).next(Second(datastore=two), link)
    assert (len(First(datastore=one).executions()), len(Second(datastore=one).executions())) == (1, 0)
    assert len(Second(datastore=two).executions()) == 1


def test_a_flow_is_in_a_chain_once() -> None:
    Inverse.broken = False
    execution = First(datastore=Memory(), executor=Thread())(top=6).next(flow=Second(), linker=link)
    with pytest.raises(FlowError, match="flow First is twice in a chain: First -> Second -> First"):
        execution.next(flow=First(), linker=link)


@pytest.mark.parametrize("made", [{"values": [1]}, None])
def test_a_linker_that_makes_no_parameters_is_named(made: Any) -> None:
    Inverse.broken = False
    execution = First(datastore=Memory(), executor=Thread())(top=6)
    with pytest.raises(FlowError, match=f"the linker of flow Second returned {type(made).__name__}, not Parameters"):
        execution.next(flow=Second(), linker=lambda run: made)


def test_a_resumed_chain_goes_on_where_it_stopped() -> None:
    flow = First(datastore=Memory(), executor=Thread())
    with pytest.raises(ExecutionError):
        flow(execution="x", top=6).next(flow=Second(), linker=link)
    Inverse.broken = False
    calls.clear()
    for _ in range(2):
        chained = flow.execution("x").resume().next(flow=Second(), linker=link)
        assert chained.layer(Total).total == 11.0
    assert calls == ["Inverse/1", "Total"]


def test_a_resumed_chain_keeps_its_parameters_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Inverse.broken = False
    flow = First(datastore=Memory(), executor=Thread())
    flow(execution="x", top=6).next(flow=Second(), linker=link)
    flow.execution("x").resume().next(flow=Second(), linker=link)
    assert "warning: flow Second" not in capsys.readouterr().err
    chained = flow.execution("x").resume().next(flow=Second(), linker=lambda run: Parameters(values=[1]))
    assert "warning: flow Second goes on with the values that execution x was given" in capsys.readouterr().err
    assert chained.layer(Total).total == 11.0


def test_the_code_far_from_a_layer_knows_where_it_is() -> None:
    seen: list[Any] = []

    class Looks(Layer):
        def __call__(self) -> None:
            seen.append(
                (bool(current), current.execution, current.layer, current.index, current.splits, current.attempt)
            )

    made = type("F", (Flow,), {})
    made.register(Looks)
    made(datastore=Memory(), executor=Thread())(execution="x")
    assert seen == [(True, "x", "Looks", 0, 1, 1)]
    assert not current
    with pytest.raises(AttributeError, match="no layer is evaluated here"):
        _ = current.layer


def test_unwrap() -> None:
    assert unwrap(0) == 0
    with pytest.raises(ValueError, match="it is None"):
        unwrap(None)


def test_a_linker_that_raises_is_named_with_the_command_that_goes_on() -> None:
    Inverse.broken = False

    def link(execution: Execution) -> Parameters:
        raise KeyError("squares")

    with pytest.raises(LaminarError, match="the linker of flow Second raised KeyError: 'squares'") as caught:
        First(datastore=Memory(), executor=Thread())(execution="x", top=6).next(flow=Second(), linker=link)
    assert "laminar resume First:x" in caught.value.remedy
    assert 'raise KeyError("squares")' in caught.value.details
    assert caught.value.exit_code == 1
