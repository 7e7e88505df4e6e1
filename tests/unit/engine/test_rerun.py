"""Computing layers again: a new generation, under the same id; what was committed before stays."""

from __future__ import annotations

import pytest

from laminar import Flow, Layer
from laminar.datastores import Memory
from laminar.engine import layout
from laminar.engine.evaluate import evaluate
from laminar.engine.executor import Launch
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Ledger, Started
from laminar.errors import CorruptError, EngineError, ExecutionError, FlowError
from laminar.executors import Thread
from laminar.model.wire import Task
from laminar.wiring import archive

number = 1
calls: list[str] = []


class A(Layer):
    def __call__(self) -> None:
        calls.append("A")
        self.big = bytes(2000) + bytes([number])


class B(Layer):
    def __call__(self, a: A) -> None:
        calls.append("B")
        self.last = a.big[-1]


class C(Layer):
    def __call__(self, b: B) -> None:
        calls.append("C")
        self.last = b.last


class Apart(Layer):
    def __call__(self) -> None:
        calls.append("Apart")


class F(Flow): ...


for each in (A, B, C, Apart):
    F.register(each)


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Flow:
    monkeypatch.setitem(globals(), "number", 1)
    made = F(datastore=Memory(), executor=Thread())
    made(execution="x")
    monkeypatch.setitem(globals(), "number", 2)
    calls.clear()
    return made


def test_a_layer_and_what_depends_on_it_are_computed_again(flow: Flow) -> None:
    execution = flow.execution("x").resume(rerun=[B])
    assert (calls, execution.layer(C).last) == (["B", "C"], 1)
    calls.clear()
    flow.execution("x").resume(rerun=[A])
    assert (calls, execution.layer(C).last, execution.layer(C).attempt) == (["A", "B", "C"], 2, 3)
    store = flow.store()
    for generation, last in ((1, 1), (3, 2)):
        assert bytes(store.read(layout.commit("F", "x", "A", 0, generation))).count(b'"attempt":%d' % last) == 1
    calls.clear()
    flow.execution("x").resume()
    assert calls == []


def test_a_layer_that_is_not_there_is_an_error_before_anything_changes(flow: Flow) -> None:
    other = type("Other", (Layer,), {})
    with pytest.raises(FlowError, match="flow F has no layer 'Other'"):
        flow.execution("x").resume(rerun=[other])
    assert list(flow.store().children(layout.generations("F", "x"))) == []


def test_a_rerun_that_cannot_start_discards_nothing(flow: Flow) -> None:
    class Missing(Thread):
        def open(self, launch: Launch) -> None:
            raise EngineError("there is no engine.")

    flow.executor = Missing()
    with pytest.raises(EngineError):
        flow.execution("x").resume(rerun=[A])
    execution = flow.execution("x")
    assert (execution.state, execution.layer(C).last, execution.layer(C).attempt) == ("finished", 1, 1)


def test_what_is_to_be_computed_again_has_no_value_until_then(flow: Flow) -> None:
    Ledger(flow.store(), "F", "x").recompute(["B", "C"])
    execution = flow.execution("x")
    assert [str(execution.layer(layer).state) for layer in (A, B, C)] == ["finished", "waiting", "waiting"]
    with pytest.raises(AttributeError, match="layer B has not finished"):
        _ = execution.layer(B).last


def test_an_attempt_of_an_older_generation_commits_nothing(flow: Flow) -> None:
    store = flow.store()
    Ledger(store, "F", "x").recompute(["A"])
    ledger = Ledger(store, "F", "x")
    task = Task(layer="A", index=0, splits=1, attempt=1, target="", execution="x", datastore="")
    node = flow.node("A")
    inputs = Inputs(ledger, archive(store), flow.execution("x"))
    assert not evaluate(node, task, Started(node.configuration, generation=1), inputs)
    assert (calls, ledger.commit("A", 0)) == ([], None)


def test_a_lost_blob_is_named_when_the_execution_is_resumed_and_can_be_computed_again(flow: Flow) -> None:
    store = flow.store()
    assert isinstance(store, Memory)
    (blob,) = [key for key in store._data if key.startswith(layout.BLOBS)]
    del store._data[blob]
    with pytest.raises(ExecutionError, match="artifact 'big' of A is lost") as caught:
        flow.execution("x").resume()
    assert "--rerun A" in caught.value.remedy
    assert isinstance(caught.value.__cause__, CorruptError)
    assert calls == []
    execution = flow.execution("x").resume(rerun=[A])
    assert (execution.layer(C).last, sorted(calls)) == (2, ["A", "B", "C"])
