"""What is found of executions, as a script asks for it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from laminar import Layer, layers, wiring
from laminar.datastores import Datastore
from laminar.engine import layout, records
from laminar.engine.addresses import Place, names_execution, resolve
from laminar.engine.lease import Lease
from laminar.engine.ledger import Commit, Failure, Ledger, Plan, Started
from laminar.engine.states import execution_state
from laminar.errors import ExecutionError, UsageError
from laminar.inspection.graphs import of_execution, of_flow
from laminar.inspection.layers import execution_facts
from laminar.inspection.logs import follow, last_lines, logs
from laminar.inspection.plans import plan
from laminar.inspection.runs import runs
from laminar.inspection.splits import layer_facts, split_facts
from laminar.inspection.values import Values
from laminar.model.configuration import Configuration
from laminar.model.wire import Task
from laminar.report.contents import gather
from tests.unit.conftest import MakeFlow


class Source(Layer):
    def __call__(self) -> None:
        self.shard(parts=["a", "b"])
        self.empty: list[int] = []


class Each(Layer):
    def __call__(self, source: Source) -> None:
        if source.parts == "b":
            raise ValueError("b")
        self.raw = b"raw"


CUT = {"foreach": layers.ForEach(parameters=[layers.Parameter(layer=Source, attribute="parts")])}


@pytest.fixture
def ledger(make_flow: MakeFlow, store: Datastore) -> Ledger:
    """An execution in which one of two splits failed."""
    with pytest.raises(ExecutionError):
        make_flow(Source, Each, configuration={"Each": CUT})(execution="x")
    return Ledger(store, "F", "x")


def begun(store: Datastore, execution: str = "y", layer: str = "A", *, take: bool = True) -> Ledger:
    """An execution of one layer of two splits, of which nothing has run, scheduled by this process."""
    made = Ledger(store, "F", execution)
    made.create("", {})
    facts = {"executor": "thread", "engine": {}, "versions": {}, "target": "", "fingerprint": "", "argv": []}
    made.launch({"graph": {layer: []}, **facts})
    made.put_plan(layer, Plan(2))
    if take:
        Lease.take(made)
    return made


def task(index: int, attempt: int = 1) -> Task:
    return Task(layer="A", index=index, splits=2, attempt=attempt, target="", execution="y", datastore="")


def test_a_split_that_failed_comes_first(ledger: Ledger) -> None:
    found = layer_facts(ledger, "Each")
    assert [(split.index, split.state) for split in found.splits] == [(1, "failed"), (0, "finished")]
    assert (found.layer.failed_splits, found.layer.finished_splits, found.layer.attempts) == (1, 1, 2)
    assert layer_facts(ledger, "Each", limit=1).more_splits == 1
    facts = split_facts(ledger, "Each", 1)
    assert facts.attempts[0].error is not None
    assert facts.attempts[0].error.words == "ValueError: b"


def test_what_a_catch_let_pass_is_counted_where_the_splits_are_read(
    make_flow: MakeFlow, store: Datastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flow(Source, Each, configuration={"Each": {**CUT, "catch": layers.Catch(ValueError)}})(execution="x")
    made = Ledger(store, "F", "x")
    assert [row.caught_splits for row in execution_facts(made).layers] == [0, 1]
    monkeypatch.setattr("laminar.inspection.layers.MOST_READ", 1)
    assert [row.caught_splits for row in execution_facts(made).layers] == [0, None]


def test_an_execution_and_its_graph(ledger: Ledger) -> None:
    assert execution_facts(ledger).state == "failed"
    assert [(layer.name, layer.state) for layer in of_execution(ledger).layers] == [
        ("Source", "finished"),
        ("Each", "failed"),
    ]


def test_images_by_the_names_that_their_users_know(store: Datastore) -> None:
    made = begun(store)
    engine = {"images": {"A": "sha256:1", "B": "sha256:1"}, "names": {"A": "mine", "B": "mine"}, "hardened": True}
    made.launch({**made.latest_launch(), "engine": engine})  # type: ignore[dict-item]
    facts = execution_facts(made)
    assert facts.hardened
    assert facts.layers_by_image == {("mine", "sha256:1"): ["A", "B"]}


def test_plan_of_a_resume(make_flow: MakeFlow, ledger: Ledger) -> None:
    graph = make_flow(Source, Each, configuration={"Each": CUT}).graph()
    done, left = plan(graph, ledger)
    assert (done.status, left.status, left.splits, left.to_run) == ("done", "to run", 2, 1)
    assert left.words == "1 of 2 splits: 1 failed"
    assert [step.splits for step in plan(graph)] == [1, None]
    assert of_flow(graph).layers[1].foreach == ["Source.parts"]
    commit = ledger.commit("Source", 0)
    assert commit is not None
    assert commit.code
    assert [plan(graph, ledger, {"Source": code})[0].changed for code in (commit.code, "other")] == [False, True]


def test_values(store: Datastore, ledger: Ledger) -> None:
    archive = wiring.archive(store, pickle="deny")
    out = io.BytesIO()
    Values(archive, resolve(store, "x/Source"), "parts").write(out)
    Values(archive, resolve(store, "x/Source"), "empty").write(out)
    Values(archive, resolve(store, "x/Each/0"), "raw").write(out)
    assert out.getvalue() == b'"a"\n"b"\n[]\nraw'
    with pytest.raises(UsageError, match="Each/1 failed: there is no 'raw' of it"):
        Values(archive, resolve(store, "x/Each"), "raw")


class Most(Layer):
    def __call__(self, source: Source) -> None:
        self.q = 1
        if source.parts == "b":
            raise ValueError("b")
        self.x = 1


def test_values_that_a_split_did_not_set_are_named_before_any_is_written(make_flow: MakeFlow, store: Datastore) -> None:
    caught = CUT | {"catch": layers.Catch(ValueError)}
    make_flow(Source, Most, configuration={"Most": caught})(execution="x")
    archive, place = wiring.archive(store, pickle="deny"), resolve(store, "x/Most")
    with pytest.raises(UsageError) as error:
        Values(archive, place, "x")
    assert error.value.message == "Most did not set 'x' in 1 of its 2 splits: 1 (caught ValueError)."
    assert error.value.remedy == "Name one split: laminar artifact x/Most/0 x"
    assert Values(archive, place, "q").plain() == [1, 1]
    with pytest.raises(UsageError, match="has no artifact 'z'"):
        Values(archive, place, "z")


def test_a_damaged_execution_hides_no_other(store: Datastore, ledger: Ledger) -> None:
    store.create(layout.execution_record("F", "z"), b"{}")
    begun(store)
    assert [(run.execution, run.state) for run in runs(store)] == [("y", "running"), ("x", "failed"), ("z", "damaged")]


class First(Layer):
    def __call__(self) -> None: ...


class Second(Layer):
    def __call__(self, first: First) -> None: ...


def test_list_and_show_agree_whatever_came_after_the_end(make_flow: MakeFlow, store: Datastore) -> None:
    """An execution that ended well is listed by what its scheduler recorded; a later scheduler makes that void."""
    make_flow(First, Second)(execution="y")
    ledger = Ledger(store, "F", "y")

    def listed() -> tuple[str, int]:
        (run,) = runs(store)
        assert run.state == execution_facts(Ledger(store, "F", "y")).state
        return run.state, run.layers_done

    assert listed() == ("finished", 2)
    resume = Lease.take(ledger)
    assert listed() == ("finished", 2)
    ledger.recompute(["Second"])
    assert listed() == ("running", 1)
    resume.release("interrupted")
    assert listed() == ("interrupted", 1)
    make_flow(First, Second).execution("y").resume()
    assert listed() == ("finished", 2)
    ledger.put_plan("Dropped", Plan(1))  # of a layer that the latest launch does not know
    assert listed() == ("interrupted", 2)


def test_a_list_looks_at_no_split_of_what_ended_well(
    make_flow: MakeFlow, store: Datastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flow(First, Second)(execution="y")
    monkeypatch.setattr(Ledger, "committed", lambda *_: pytest.fail("looked at the splits"))
    assert [(run.state, run.layers_done) for run in runs(store)] == [("finished", 2)]


def held(ledger: Ledger, epoch: int, since: float, until: float) -> None:
    """A scheduler had an execution."""
    owner = {"pid": 1, "born": "1", "host": "other", "user": "ada", "at": since}
    records.create(ledger.store, layout.lease("F", "y", epoch, "owner.json"), "owner", owner)
    ended = {"outcome": "done", "at": until}
    records.create(ledger.store, layout.lease("F", "y", epoch, "ended.json"), "ended", ended)


def test_all_tell_one_duration(store: Datastore) -> None:
    made = begun(store, take=False)
    held(made, 1, 100, 110)
    held(made, 2, 500, 520)
    made.put_commit(task(0), Commit(1, {}, started=101, finished=105))
    made.put_commit(task(1), Commit(1, {}, started=501, finished=517))
    (run,), facts, contents = runs(store), execution_facts(made), gather(made)
    assert (run.state, facts.state) == ("finished", "finished")
    assert run.duration_s == facts.duration_s == contents.facts.duration_s == 10 + 20
    (row,) = facts.layers
    assert (row.started, row.finished, row.duration_s) == (101, 517, 9 + 17)


def test_a_layer_begins_with_its_first_try(store: Datastore) -> None:
    made = begun(store)
    made.put_started(task(0), Started(Configuration()))
    made.put_failure(task(0), Failure("user", "ValueError", "again"))
    first = made.started(task(0), Configuration()).at
    assert execution_facts(made).layers[0].started == first
    for index in (0, 1):
        made.put_commit(task(index, 2 - index), Commit(2 - index, {}, started=first + 9, finished=first + 10))
    assert execution_facts(made).layers[0].started == first


def test_follow_takes_up_what_comes_and_ends_with_the_layer(store: Datastore) -> None:
    made = begun(store)

    def log(index: int, attempt: int, text: bytes) -> None:
        store.append(layout.log("F", "y", "A", index, attempt), text)

    def fail() -> None:
        made.put_failure(task(0), Failure("user", "ValueError", "again"))
        log(0, 2, b"second\n")

    def end() -> None:
        for index in (0, 1):
            made.put_commit(task(index, 2), Commit(2, {}))
        log(1, 2, b"last")

    log(0, 1, b"one\ntwo\n")
    steps: list[Callable[[], None]] = [lambda: log(0, 1, b"three\n"), lambda: log(0, 2, b"second\n"), end]
    pieces = follow(Place(made, "A"), tail=1, wait=lambda _: steps.pop(0)())
    assert [(piece.address, piece.attempt, piece.data) for piece in pieces] == [
        ("A/0", 1, b"two\n"),
        ("A/0", 1, b"three\n"),
        ("A/0", 2, b"second\n"),
        ("A/1", 2, b"last"),
    ]
    assert not steps
    fail()
    assert [piece.data for piece in logs(Place(made, "A", 0))] == [b"second\nsecond\n"]
    assert [piece.attempt for piece in logs(Place(made, "A", 0), attempt=1)] == [1]


def test_a_layer_waits_until_a_split_of_it_is_started(store: Datastore) -> None:
    made = begun(store, take=False)
    lease = Lease.take(made)
    assert [layer.state for layer in of_execution(made).layers] == ["waiting"]
    made.put_started(task(1), Started(Configuration()))
    assert [layer.state for layer in of_execution(made).layers] == ["running"]
    lease.release("interrupted")
    assert [layer.state for layer in of_execution(made).layers] == ["interrupted"]


def test_a_split_is_retrying_until_it_has_finally_failed(store: Datastore) -> None:
    made = begun(store, take=False)
    lease = Lease.take(made)

    def shown() -> tuple[str, int, int, bool, list[str]]:
        row, facts = execution_facts(made).layers[0], layer_facts(made, "A")
        states = [split_facts(made, "A", split.index).state for split in facts.splits]
        assert states == [split.state for split in facts.splits]
        return row.state, row.failed_splits, row.retrying_splits, row.error is not None, states

    for index in (0, 1):
        made.put_started(task(index), Started(Configuration()))
    made.put_failure(task(0), Failure("user", "ValueError", "no"))
    assert shown() == ("running", 0, 1, False, ["retrying", "running"])
    made.put_failure(task(1), Failure("user", "ValueError", "never"))
    made.put_final(task(1), lease.epoch)
    assert shown() == ("failed", 1, 1, True, ["failed", "retrying"])
    assert execution_facts(made).held
    lease.release("failed")
    assert shown() == ("failed", 2, 0, True, ["failed", "failed"])
    assert not execution_facts(made).held


def test_last_lines() -> None:
    assert last_lines(b"a\nb\nc", 2) == b"b\nc"
    assert last_lines(b"a\n", 5) == b"a\n"
    assert last_lines(b"a\n", 0) == b""
    assert last_lines(b"a\n", None) == b"a\n"


def test_states_of_executions(store: Datastore) -> None:
    made = begun(store)
    assert execution_state(made, ["A"]) == "running"
    assert execution_state(made, ["B"]) == "running"  # its scheduler is at work
    made.put_commit(task(0), Commit(1, {}))
    made.put_commit(task(1), Commit(1, {}))
    assert execution_state(made, ["A"]) == "finished"
    assert execution_state(made, ["A", "B"]) == "running"
    assert made.committed("A") == {0, 1}


def test_whether_a_word_is_an_execution_or_a_target(store: Datastore, ledger: Ledger, tmp_path: object) -> None:
    (tmp_path / "main.py").write_text("")  # type: ignore[operator]
    begun(store, "maintenance")
    here = str(tmp_path)
    for text in ("latest", "x", "F:x", "F:nope", "x/Source", "01jd8q", "ma"):
        assert names_execution(store, text, here), text
    for text in ("main", "main:F", "main.py", "dir/main.py:F", "nope"):
        assert not names_execution(store, text, here), text
