"""Garbage collection: what goes, what stays, what a crash or a writer in the middle does to it."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar import Flow, Layer, wiring
from laminar.datastores import Datastore, Local, Memory, removal
from laminar.engine import artifacts, blobs, garbage, layout, processes, records
from laminar.engine.garbage import Collected, collect
from laminar.engine.lease import Lease
from laminar.engine.ledger import Commit, Ledger
from laminar.engine.verification import verify
from laminar.errors import CorruptError, StoreError, UsageError
from laminar.executors import Thread
from laminar.model.wire import Task

DAY_S = 86400.0


class Clock:
    """The time, which a test sets; it passes a little whenever it is asked for."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", made)
    return made


LAUNCH = {
    "graph": {"A": []},
    "executor": "thread",
    "engine": {},
    "versions": {},
    "target": "",
    "fingerprint": "",
    "argv": [],
}
OWNER = {"pid": 1, "born": "1", "boot": "another", "host": "far", "user": "somebody"}


def big(number: int) -> bytes:
    return b"%d" % number * 2000


def execution(
    store: Datastore, name: str, numbers: Sequence[int], *, flow: str = "F", shard: bool = False, end: str = "done"
) -> Ledger:
    """An execution whose layer A saved values: `end` is its outcome, `alive`, or `dead` where nobody knows."""
    ledger = Ledger(store, flow, name)
    archive = wiring.archive(store)
    ledger.create("main:F", {"given": archive.save(big(1000 + sum(numbers)))})
    held = Lease.take(ledger)
    ledger.launch({**LAUNCH, "engine": {"images": {"A": f"sha256:{name}"}}})
    values = {f"v{number}": archive.save(big(number)) for number in numbers}
    if shard:
        values["shard"] = archive.save_items(big(number) for number in numbers)
    ledger.put_commit(Task("main:F", name, "A", store.url), Commit(1, values))
    if end == "dead":
        key = layout.lease(flow, name, held.epoch, "owner.json")
        store.remove(key)
        records.create(store, key, "owner", {**OWNER, "at": time.time()})
    elif end != "alive":
        held.release(end)
    return ledger


def stored(store: Datastore) -> set[str]:
    return {layout.read_digest(key) for key in store.keys(layout.BLOBS)}


def names(store: Datastore) -> list[str]:
    return sorted(name for flow in store.children(layout.RUNS) for name in store.children(layout.flow(flow)))


def states(found: Collected) -> dict[str, str]:
    return {kept.execution: kept.state for kept in found.executions}


def test_without_a_rule_only_what_nothing_names_goes(clock: Clock) -> None:
    store = Memory()
    execution(store, "a", [1, 2], shard=True)
    named = stored(store)
    wiring.archive(store).save(big(99))
    records.create(store, layout.image("1" * 64), "image", {"answer": {}, "image": "sha256:a"})
    records.create(store, layout.image("2" * 64), "image", {"answer": {}, "image": "sha256:gone"})
    store.create(f"{layout.STAGED}half", b"half written")
    store.create(layout.external("kept"), b"written by a protocol")
    clock.now += 2 * DAY_S
    dry = collect(store, dry_run=True)
    assert stored(store) > named
    found = collect(store)
    assert (found.swept.blobs, found.swept.external, found.swept.images, found.swept.leftovers) == (1, 1, 1, 1)
    assert (dry.swept, dry.executions) == (found.swept, found.executions)
    assert stored(store) == named
    assert [key for key in store.keys("") if not key.startswith(("cas/", "runs/"))] == [layout.image("1" * 64)]
    assert verify(store).damages == []


def test_what_is_younger_than_the_grace_stays(clock: Clock) -> None:
    store = Memory()
    execution(store, "a", [1])
    wiring.archive(store).save(big(99))
    clock.now += DAY_S - 60
    found = collect(store)
    assert (found.swept.blobs, found.swept.young, found.swept.young_bytes) == (0, 1, 4032)
    assert collect(store, grace_s=3600).swept.blobs == 1


def test_the_last_of_each_flow_and_what_was_used_lately_stay(clock: Clock) -> None:
    store = Memory()
    for number in range(4):
        for flow in "FG":
            execution(store, f"{flow}{number}", [number], flow=flow)
        clock.now += 10 * DAY_S
    Ledger(store, "F", "F0").launch(LAUNCH)  # resumed
    found = collect(store, keep_last=1, older_than_s=25 * DAY_S)
    assert [name for name, state in states(found).items() if state == "removed"] == ["G0", "F1", "G1"]
    collect(store, keep_last=1)
    assert names(store) == ["F3", "G3"]
    collect(store, older_than_s=DAY_S)
    assert names(store) == []


def test_what_is_held_alone_and_with_others(clock: Clock) -> None:
    store = Memory()
    execution(store, "a", [1, 2])
    execution(store, "b", [2, 3])
    found = collect(store, dry_run=True)
    holders = [each.executions for each in found.contents]
    assert sorted(map(len, holders)) == [1, 1, 1, 1, 2]
    (both,) = [each for each in found.contents if len(each.executions) == 2]
    assert list(both.executions) == ["F:a", "F:b"]
    assert {each.shared_bytes for each in found.executions} == {both.bytes}
    assert sum(each.alone_bytes for each in found.executions) + both.bytes == sum(each.bytes for each in found.contents)


def test_one_at_work_stays_and_holds_what_was_written_since_it_began(clock: Clock) -> None:
    store = Memory()
    execution(store, "old", [1])
    wiring.archive(store).save(big(98))
    clock.now += DAY_S
    execution(store, "works", [2], end="alive")
    execution(store, "works", [2], flow="G")  # the same chain
    wiring.archive(store).save(big(99))
    clock.now += 30 * DAY_S
    execution(store, "new", [3])
    clock.now += 2 * DAY_S
    found = collect(store, older_than_s=DAY_S)
    assert [(each.flow, each.execution, each.state) for each in found.executions] == [
        ("F", "old", "removed"),
        ("F", "works", "at work"),
        ("G", "works", "kept"),
        ("F", "new", "removed"),
    ]
    assert found.held_by == ["F:works"]
    assert found.swept.blobs == 3  # of `old` two, and 98; those of `new`, and 99, are younger than `works`
    assert found.swept.young == 3


def test_one_that_nobody_ended_may_still_be_at_work(clock: Clock) -> None:
    store = Memory()
    execution(store, "lost", [1], end="dead")
    wiring.archive(store).save(big(99))
    clock.now += 40 * DAY_S
    found = collect(store)
    assert (states(found), found.held_by, found.swept.young) == ({"lost": "unfinished"}, ["F:lost"], 1)
    found = collect(store, older_than_s=30 * DAY_S)
    assert (states(found), found.held_by, stored(store)) == ({"lost": "removed"}, [], set())


def test_one_that_is_resumed_at_that_moment_stays(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Memory()
    ledger = execution(store, "a", [1])
    clock.now += 40 * DAY_S
    chosen = garbage.Retention.chosen

    def resumed(*arguments: Any) -> Any:
        found = chosen(*arguments)
        Lease.take(ledger)
        return found

    monkeypatch.setattr(garbage.Retention, "chosen", resumed)
    said: list[str] = []
    assert states(collect(store, older_than_s=1.0, say=said.append)) == {"a": "at work"}
    assert "F:a is kept: a scheduler has taken it" in said
    assert verify(store).damages == []


def test_a_resume_that_waited_for_a_removal_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class A(Layer):
        def __call__(self) -> None:
            self.foo = 1

    flow = type("F", (Flow,), {})
    flow.register(A)
    made = flow(datastore=Memory(), executor=Thread())
    gone = made(execution="a")
    take = Lease.take

    def late(ledger: Ledger, **options: Any) -> Lease:
        collect(ledger.store, older_than_s=1e-9)
        return take(ledger, **options)

    monkeypatch.setattr(Lease, "take", late)
    with pytest.raises(UsageError, match="has no execution 'a'"):
        gone.resume()
    assert [*made.store().keys(layout.execution("F", "a"))] != []
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 2 * DAY_S)
    assert collect(made.store()).swept.leftovers == 1
    assert [*made.store().keys(layout.RUNS)] == []


def test_content_stays_while_a_record_cannot_be_read(clock: Clock) -> None:
    store = Memory()
    execution(store, "a", [1])
    execution(store, "b", [2])
    wiring.archive(store).save(big(99))
    before = stored(store)
    damage(store, layout.commit("F", "a", "A", 0))
    clock.now += 2 * DAY_S
    found = collect(store)
    assert stored(store) == before
    assert [each.where for each in found.unreadable] == [layout.commit("F", "a", "A", 0)]
    damage(store, layout.execution_record("F", "b"))
    assert states(collect(store, older_than_s=1.0)) == {"b": "unreadable", "a": "removed"}
    assert stored(store) == before


def test_a_tampered_name_leads_nowhere(clock: Clock) -> None:
    store = Memory()
    execution(store, "a", [1])
    bad = {"x": {"blob": "../../../etc"}, "y": {"external": "../runs"}}
    Ledger(store, "F", "a").put_commit(Task("main:F", "a", "B", ""), Commit(1, bad))
    assert len(collect(store).unreadable) == 1  # the COMMIT that has them
    assert [each.problem for each in verify(store).damages] == ["unreadable"]


def test_rules_that_keep_nothing_and_stores_of_others_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot keep the last 0"):
        collect(Memory(), keep_last=0)
    with pytest.raises(UsageError, match="longer than nothing"):
        collect(Memory(), older_than_s=0)
    for look in (collect, verify):
        with pytest.raises(UsageError, match="there is no datastore at"):
            look(Local(tmp_path / "absent"))
        (tmp_path / "runs").mkdir(exist_ok=True)
        (tmp_path / "main.py").touch()
        with pytest.raises(UsageError, match=r"not a datastore of laminar alone: it holds main\.py"):
            look(Local(tmp_path))
    assert not (tmp_path / "absent").exists()


def test_files_that_are_not_laminars_stay(tmp_path: Path) -> None:
    store = Local(tmp_path)
    theirs = [
        tmp_path / name for name in ("runs/exp/one/events", "images/cat.json", "cas/sha256/ab/notes", "external/a.b")
    ]
    for path in theirs:
        path.parent.mkdir(parents=True)
        path.touch()
    time.sleep(1.1)
    collect(store, grace_s=0, keep_last=1)
    assert all(path.exists() for path in theirs)


def damage(store: Datastore, key: str) -> None:
    data = bytearray(store.read(key))
    data[len(data) // 2] ^= 1
    with store.stage() as staged:
        staged.write(data)
        staged.publish(key, replace=True)


class Crash(BaseException):
    """The process is killed."""


class Killed(Memory):
    """Ends the process at a step; what removes key by key is seen half done."""

    def __init__(self, steps: float = inf) -> None:
        super().__init__()
        self.steps = steps

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Crash

    def create(self, key: str, data: Any, *, durable: bool = True) -> bool:
        self._step()
        return super().create(key, data, durable=durable)

    def move(self, key: str, to: str, *, untouched_since: float = inf) -> bool:
        self._step()
        return super().move(key, to, untouched_since=untouched_since)

    def remove(self, key: str, *, untouched_since: float = inf) -> bool:
        for each in [each for each in sorted(self._data) if each == key or each.startswith(f"{key}/")]:
            self._step()
            super().remove(each, untouched_since=untouched_since)
        return True


def test_a_collection_that_is_killed_leaves_whole_executions_or_none(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "is_alive", lambda owner: False)  # it is this process that is killed

    def prepared() -> Killed:
        store = Killed()
        for name in "abc":
            execution(store, name, [1, ord(name)], shard=True)
        store.create(layout.external("gone"), b"x")
        clock.now += 2 * DAY_S
        return store

    wanted = prepared()
    collect(wanted, keep_last=1)
    crashes = 0
    while True:
        store = prepared()
        store.steps = crashes
        try:
            collect(store, keep_last=1)
        except Crash:
            crashes += 1
        else:
            break
        store.steps = inf
        assert verify(store).damages == []
        for name in names(store):
            ledger = Ledger(store, "F", name)
            assert ledger.record() is not None
            assert ledger.commit("A", 0) is not None
        collect(store, keep_last=1)
        assert (names(store), stored(store)) == (["c"], stored(wanted))
        assert not [key for key in store.keys("") if not key.startswith(("cas/", "runs/"))]
    assert crashes > 20


layers = st.builds(
    dict,
    numbers=st.lists(st.integers(0, 6), max_size=4, unique=True),
    flow=st.sampled_from("FG"),
    shard=st.booleans(),
    end=st.sampled_from(["done", "done", "failed", "alive", "dead"]),
)


@given(
    st.lists(layers, min_size=1, max_size=7), st.sampled_from([None, 1, 2]), st.sampled_from([None, 3, 30]), st.data()
)
def test_what_stays_verifies_and_nothing_else_stays(
    made: list[dict[str, Any]], keep_last: int | None, days: int | None, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(time, "time", clock)
        patch.setattr(artifacts, "PAGE_ITEMS", 2)
        store = Memory()
        for number, each in enumerate(made):
            execution(store, f"x{number}", **each)
            wiring.archive(store).save(big(data.draw(st.integers(0, 9))))
            clock.now += 3 * DAY_S
        found = collect(store, keep_last=keep_last, older_than_s=days and days * DAY_S)
        left = {each.execution: each for each in found.executions if each.state != "removed"}
        assert names(store) == sorted(left)
        assert all(each.state != "removed" or made[int(name[1:])]["end"] != "alive" for name, each in left.items())
        assert set(left) >= {f"x{number}" for number, each in enumerate(made) if each["end"] == "alive"}
        if keep_last:
            for flow in "FG":
                last = [f"x{number}" for number, each in enumerate(made) if each["flow"] == flow][-keep_last:]
                assert left.keys() >= set(last)
        assert verify(store).damages == []
        named = {name for kind, name in _named(found) if kind == "blob"}
        assert stored(store) >= named
        for digest in stored(store) - named:  # only what is younger than one that may be at work
            assert store.stat(layout.blob(digest)).modified > found.before
        again = collect(store)
        assert (again.swept.blobs, set(states(again))) == (0, set(left))


def _named(found: Collected) -> Iterator[tuple[str, str]]:
    gone = {each.address for each in found.executions if each.state == "removed"}
    return ((each.kind, each.name) for each in found.contents if not gone.issuperset(each.executions))


# A writer that finds its content there, and a collection that is about to remove it.


@pytest.fixture
def files(tmp_path: Path) -> Local:
    return Local(tmp_path / "store")


def put(store: Datastore) -> str:
    return str(wiring.archive(store).save(big(7))["blob"])


def test_a_writer_before_the_lock_saves_the_blob(files: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = put(files)
    cutoff = files.stat(layout.blob(digest)).modified
    time.sleep(0.05)
    lock = removal._lock

    def beaten(descriptor: int) -> bool:
        assert put(files) == digest
        return lock(descriptor)

    monkeypatch.setattr(removal, "_lock", beaten)
    assert files.remove(layout.blob(digest), untouched_since=cutoff) is False
    assert blobs.is_intact(files, digest)


def test_a_writer_behind_the_removal_writes_anew(files: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = put(files)
    cutoff = files.stat(layout.blob(digest)).modified
    real = fcntl.flock

    def beaten(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_SH:
            assert files.remove(layout.blob(digest), untouched_since=cutoff)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", beaten)
    assert put(files) == digest
    monkeypatch.undo()
    assert blobs.is_intact(files, digest)


def test_a_writer_at_work_on_the_blob_keeps_it(files: Local) -> None:
    digest = put(files)
    with removal.shared(f"{files.url}/{layout.blob(digest)}"):
        assert files.remove(layout.blob(digest)) is False
    assert files.remove(layout.blob(digest)) is True


@pytest.mark.parametrize("change", [shutil.copyfile, lambda _, path: Path(path).write_bytes(b"bad")])
def test_a_blob_that_cannot_be_refreshed_is_replaced(
    files: Local, monkeypatch: pytest.MonkeyPatch, change: Callable[..., Any]
) -> None:
    digest = put(files)
    path = f"{files.url}/{layout.blob(digest)}"
    change(__file__, path)
    monkeypatch.setattr(files, "refresh", lambda key: change is shutil.copyfile)
    assert put(files) == digest
    assert blobs.is_intact(files, digest)


def test_nothing_is_removed_through_a_link(files: Local, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ("ab" * 32)).touch()
    (tmp_path / "store/cas/sha256").mkdir(parents=True)
    (tmp_path / "store/cas/sha256/ab").symlink_to(outside)
    with pytest.raises(StoreError, match="leads out of the datastore"):
        files.remove(layout.blob("ab" * 32))
    assert (outside / ("ab" * 32)).exists()


def test_values_that_protocols_keep_are_removed_with_their_directories(files: Local) -> None:
    folder = Path(files.place(layout.external("abc"), writes=True))
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").write_text("x")
    cutoff = files.stat(layout.external("abc")).modified
    time.sleep(0.05)
    (folder / "deep/file").write_text("y")
    sweep = garbage.Sweep(files, cutoff, dry_run=False)
    sweep.content({"blob": (), "external": ()})
    assert folder.exists()
    sweep = garbage.Sweep(files, time.time() + 1, dry_run=False)
    sweep.content({"blob": (), "external": ()})
    assert not folder.exists()
    assert list(files.children(layout.TRASH)) == []


# What `laminar gc --verify` finds.


def test_damaged_content_is_put_aside_and_named(clock: Clock) -> None:
    store = Memory()
    for name in "ab":
        execution(store, name, [1, 2])
    entry = (Ledger(store, "F", "a").commit("A", 0) or pytest.fail("no commit")).artifacts["v1"]
    damage(store, layout.blob(entry["blob"]))
    assert verify(store, dry_run=True).quarantined == [entry["blob"]]
    found = verify(store)
    assert [(each.execution, each.problem, each.layer, each.artifact, each.remedy) for each in found.damages] == [
        ("a", "corrupt", "A", "v1", "laminar resume F:a --rerun A"),
        ("b", "corrupt", "A", "v1", "laminar resume F:b --rerun A"),
    ]
    assert list(store.children(layout.QUARANTINE)) == [entry["blob"]]
    assert [each.problem for each in verify(store).damages] == ["lost", "lost"]
    assert wiring.archive(store).save(big(1))["blob"] == entry["blob"]
    assert verify(store).damages == []


def test_a_page_of_a_shard_parameters_and_records_are_verified(clock: Clock) -> None:
    store = Memory()
    execution(store, "a", list(range(8)), shard=True)
    commit = Ledger(store, "F", "a").commit("A", 0) or pytest.fail("no commit")
    damage(store, layout.blob(commit.artifacts["shard"]["pages"][0]["blob"]))
    damage(store, layout.blob((Ledger(store, "F", "a").record() or {})["parameters"]["given"]["blob"]))
    execution(store, "b", [])
    damage(store, layout.commit("F", "b", "A", 0))
    assert collect(store).unreadable
    found = verify(store)
    assert sorted((each.execution, each.problem, each.artifact) for each in found.damages) == [
        ("a", "corrupt", "parameter given"),
        ("a", "corrupt", "shard"),
        ("b", "unreadable", ""),
    ]
    with pytest.raises(CorruptError):
        Ledger(store, "F", "b").commit("A", 0)


def test_only_results_that_count_are_read(clock: Clock) -> None:
    store = Memory()
    ledger = execution(store, "a", [1])
    store.remove(layout.blob((ledger.commit("A", 0) or pytest.fail("no commit")).artifacts["v1"]["blob"]))
    assert [each.problem for each in verify(store).damages] == ["lost"]
    ledger.recompute(["A"])
    ledger.put_commit(Task("main:F", "a", "A", ""), Commit(2, {"v1": wiring.archive(store).save(big(5))}), 2)
    assert verify(store).damages == []


def test_a_store_that_keeps_everything_is_refused() -> None:
    class Keeps(Memory):
        stat = Datastore.stat
        remove = Datastore.remove

    store = Keeps()
    ledger = Ledger(store, "F", "a")
    ledger.create("main:F", {})
    with pytest.raises(StoreError, match="nothing can be removed from the datastore memory: Keeps does not"):
        collect(store)
