from __future__ import annotations

import pytest

from laminar.datastores import Datastore
from laminar.engine import layout
from laminar.engine.ledger import Commit, Failure, Ledger, Plan, Started, executions
from laminar.errors import CorruptError, UsageError
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import Task

ENTRY = {"type": "int", "preview": "1", "codec": "json", "sizes": [1], "inline": "MQ=="}
LAUNCH = {
    "graph": {"A": []},
    "executor": "thread",
    "engine": {},
    "versions": {},
    "target": "",
    "fingerprint": "",
    "argv": [],
}


@pytest.fixture
def ledger(store: Datastore) -> Ledger:
    return Ledger(store, "F", "x")


def task(**values: int) -> Task:
    return Task(layer="A", target="main:F", execution="x", datastore="/store", **values)  # type: ignore[arg-type]


def test_before_anything_was_recorded_nothing_is_there(ledger: Ledger) -> None:
    assert ledger.record() is None
    assert ledger.plan("A") is None
    assert ledger.commit("A", 0) is None
    assert ledger.failure("A", 0, 1) is None
    assert ledger.started(task(), Configuration()) == Started(Configuration())
    assert ledger.attempts("A", 0) == ledger.launches() == []
    assert ledger.log("A", 0, 1) == b""
    assert executions(ledger.store, "F") == []


def test_an_execution_is_created_once(ledger: Ledger) -> None:
    ledger.create("main:F", {"n": ENTRY})
    with pytest.raises(UsageError, match="flow F has an execution 'x' already") as caught:
        ledger.create("main:Other", {})
    assert "--execution" in caught.value.remedy
    record = ledger.record()
    assert record is not None
    assert (record["target"], record["parameters"]) == ("main:F", {"n": ENTRY})


def test_the_first_commit_of_a_split_wins_and_stays(ledger: Ledger) -> None:
    first = Commit(attempt=1, artifacts={"a": ENTRY}, inputs={"B": "sum"}, code="c", started=1, finished=2)
    assert ledger.put_commit(task(attempt=1), first)
    assert not ledger.put_commit(task(attempt=2), Commit(attempt=2, artifacts={}))
    found = ledger.commit("A", 0)
    assert found is not None
    assert len(found.checksum) == 64
    assert found == first._replace(checksum=found.checksum)
    assert ledger.commit("A", 1) is None


def test_the_first_plan_stays(ledger: Ledger) -> None:
    ledger.put_plan("A", Plan(3))
    ledger.put_plan("A", Plan(5))
    assert ledger.plan("A") == Plan(3)


def test_an_attempt_is_recorded_with_its_configuration(ledger: Ledger) -> None:
    ledger.put_started(task(attempt=2), Started(Configuration(container=Container(memory=99)), changed=True))
    found = ledger.started(task(attempt=2), Configuration()).configuration
    assert found is not None
    assert found.container.memory == 99
    assert ledger.started(task(attempt=1), Configuration()) == Started(Configuration())


def test_attempts_are_counted_as_numbers(ledger: Ledger) -> None:
    for attempt in (10, 2, 1):
        ledger.put_failure(task(attempt=attempt), Failure("user", "ValueError", str(attempt)))
    ledger.put_commit(task(attempt=10), Commit(10, {}))
    assert ledger.attempts("A", 0) == [1, 2, 10]
    failure = ledger.failure("A", 0, 2)
    assert failure is not None
    assert failure[:3] == ("user", "ValueError", "2")


def test_launches_are_numbered_also_where_two_begin_at_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(11):
        ledger.launch({**LAUNCH, "by": number})
    with monkeypatch.context() as late:
        late.setattr(ledger.store, "children", lambda prefix: iter(()))
        ledger.launch({**LAUNCH, "by": 11})
    assert [launch["by"] for launch in ledger.launches()] == list(range(12))


def test_a_record_in_the_wrong_place_is_not_believed(ledger: Ledger) -> None:
    ledger.put_plan("A", Plan(3))
    plan = ledger.store.read(layout.plan("F", "x", "A"))
    ledger.store.create(layout.commit("F", "x", "A", 0), plan)
    with pytest.raises(CorruptError, match="is a 'plan' record, where a 'commit' one belongs"):
        ledger.commit("A", 0)
