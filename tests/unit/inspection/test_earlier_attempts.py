"""Attempts before a `--rerun`, or of another image: shown as what they were, and not counted for what they are not."""

from __future__ import annotations

import pytest

from laminar import Layer, layers
from laminar.datastores import Datastore
from laminar.engine.ledger import Failure, Ledger, Plan, Started
from laminar.errors import ExecutionError
from laminar.inspection.layers import execution_facts
from laminar.inspection.plans import plan
from laminar.inspection.splits import layer_facts, split_facts, tries_of
from laminar.model.configuration import Configuration
from laminar.model.wire import Task
from laminar.report.contents import gather
from tests.unit.conftest import MakeFlow

broken: set[str] = set()


class A(Layer):
    def __call__(self) -> None:
        assert "A" not in broken
        self.value = 1


class B(Layer):
    def __call__(self, a: A) -> None:
        assert "B" not in broken
        self.value = a.value


@pytest.fixture(autouse=True)
def mended() -> None:
    broken.clear()


def test_each_attempt_has_the_image_of_its_own_launch(store: Datastore) -> None:
    made = Ledger(store, "F", "x")
    made.create("", {})
    for number, image in enumerate(("sha256:a", "sha256:b"), start=1):
        facts = {"executor": "docker", "versions": {}, "target": "", "fingerprint": "", "argv": []}
        made.launch({"graph": {"A": []}, "engine": {"images": {"A": image}}, **facts})
        made.put_plan("A", Plan(1))
        task = Task(layer="A", attempt=number, target="", execution="x", datastore="")
        made.put_started(task, Started(Configuration()))
        made.put_failure(task, Failure("user", "ValueError", "no"))
    assert [each.image for each in tries_of(Ledger(store, "F", "x"), "A", 0, "failed")] == ["sha256:a", "sha256:b"]


def test_attempts_before_a_rerun_do_not_count(make_flow: MakeFlow, store: Datastore) -> None:
    flow = make_flow(A, B, configuration={"B": {"retry": layers.Retry(attempts=2, delay=0)}})
    broken.add("B")
    with pytest.raises(ExecutionError):
        flow(execution="x")
    broken.add("A")
    with pytest.raises(ExecutionError):
        flow.execution("x").resume(rerun=[A])
    ledger = Ledger(store, "F", "x")
    rows = {row.name: row for row in execution_facts(ledger).layers}
    assert (rows["A"].state, rows["A"].attempts) == ("failed", 1)
    # It failed before, and now waits for what is computed again.
    assert (rows["B"].state, rows["B"].attempts, rows["B"].error) == ("waiting", 0, None)
    assert (split_facts(ledger, "B", 0).state, str(flow.execution("x").layer(B).state)) == ("waiting", "waiting")
    assert [step.words for step in plan(flow.graph(), ledger)] == ["1 of 1 split: 1 failed", "waits for A"]

    broken.clear()
    flow.execution("x").resume()
    ledger = Ledger(store, "F", "x")
    rows = {row.name: row for row in execution_facts(ledger).layers}
    assert (rows["A"].attempts, rows["B"].attempts) == (2, 1)
    assert [row.attempt for row in layer_facts(ledger, "B").splits] == [3]  # numbers never restart
    made = {name: [(t.state, t.replaced) for t in split_facts(ledger, name, 0).attempts] for name in rows}
    assert made["A"] == [("finished", True), ("failed", False), ("finished", False)]
    assert made["B"] == [("failed", True), ("failed", True), ("finished", False)]
    assert [(each.layer, each.attempt) for each in gather(ledger).retried] == [("A", 2)]


def test_splits_of_which_only_earlier_attempts_are_known_were_never_started(store: Datastore) -> None:
    made = Ledger(store, "F", "x")
    made.create("", {})
    facts = {"executor": "thread", "engine": {}, "versions": {}, "target": "", "fingerprint": "", "argv": []}
    made.launch({"graph": {"A": []}, **facts})
    made.put_plan("A", Plan(3))
    for index in range(3):
        task = Task(layer="A", index=index, splits=3, target="", execution="x", datastore="")
        made.put_started(task, Started(Configuration()))
        made.put_failure(task, Failure("user", "ValueError", "no"))
    made.recompute(["A"])
    made = Ledger(store, "F", "x")
    made.put_plan("A", Plan(3))
    made.put_started(
        Task(layer="A", index=0, splits=3, attempt=2, target="", execution="x", datastore=""),
        Started(Configuration(), generation=made.generation("A")),
    )
    found = layer_facts(made, "A")
    assert found.layer.attempts == 1
    assert {split.index: (split.state, split.attempt) for split in found.splits} == {
        0: ("interrupted", 2),
        1: ("waiting", None),
        2: ("waiting", None),
    }
