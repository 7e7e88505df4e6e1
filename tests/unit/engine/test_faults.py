from __future__ import annotations

import time

import pytest

from laminar.datastores import Local
from laminar.engine import faults, layout
from laminar.engine.faults import POINTS, STAGES, VARIABLE, Fault, Injected
from laminar.errors import StoreError, UsageError
from laminar.model.wire import Task

KEYS = {
    "blob": layout.blob("ab" * 32),
    "image": layout.image("ab" * 32),
    "execution": layout.execution_record("F", "one"),
    "launch": layout.launch("F", "one", 1),
    "generation": layout.generation("F", "one", 2),
    "lease": layout.lease("F", "one", 1, "owner.json"),
    "beats": layout.lease("F", "one", 1, "beats"),
    "stop": layout.lease("F", "one", 1, "stop.json"),
    "ended": layout.lease("F", "one", 1, "ended.json"),
    "plan": layout.plan("F", "one", "A", 2),
    "commit": layout.commit("F", "one", "A", 0, 2),
    "started": layout.started("F", "one", "A", 0, 1),
    "failure": layout.failure("F", "one", "A", 0, 1),
    "final": layout.final("F", "one", "A", 0, 1),
    "log": layout.log("F", "one", "A", 0, 1),
}
TASK = Task("main:F", "one", "B", "/store", attempt=2)


@pytest.fixture(autouse=True)
def unarmed():
    yield
    faults.arm_scheduler({})


def arm(text):
    environ = {VARIABLE: text}
    faults.arm_scheduler(environ)
    assert not environ


def test_every_key_is_of_a_kind():
    assert {kind: layout.kind(key) for kind, key in KEYS.items()} == {kind: kind for kind in layout.KINDS}
    assert layout.kind(layout.plan("F", "one", "A")) == "plan"
    assert layout.kind(layout.commit("F", "one", "A", 0)) == "commit"


def test_points():
    assert set(POINTS) == {f"{kind}.{stage}" for kind in KEYS for stage in STAGES}


def test_nothing_happens_unless_it_is_asked_for(tmp_path):
    faults.arm_scheduler({})
    assert faults.environment() == {}
    for kind, key in KEYS.items():
        assert Local(tmp_path).create(key, kind.encode())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("plan.in:kill", Fault("scheduler", "plan.in", "kill")),
        ("scheduler@log.after#3:full", Fault("scheduler", "log.after", "full", 3)),
        ("executor@commit.before:raise", Fault("executor", "commit.before", "raise")),
        ("B/0/1@blob.in:delay=0.5", Fault("B/0/1", "blob.in", "delay", 1, 0.5)),
        ("B/0/1@commit.in:stop", Fault("B/0/1", "commit.in", "stop")),
    ],
)
def test_fault_is_read(text, fault):
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    "text", ["commit:kill", "commit.in", "commit.in:explode", "commit.in#0:kill", "x.in:kill", ":"]
)
def test_what_names_no_fault_is_refused(text):
    with pytest.raises(UsageError, match="names no fault"):
        Fault.parse(text)


@pytest.mark.parametrize("kind", sorted(KEYS))
@pytest.mark.parametrize("stage", STAGES)
def test_full_disk(tmp_path, kind, stage):
    store = Local(tmp_path)
    write = store.append if kind in ("log", "beats") else store.create
    arm(f"{kind}.{stage}:full")
    with pytest.raises(StoreError, match="No space left on device") as caught:
        write(KEYS[kind], b"content")
    assert "free some space" in caught.value.remedy
    assert list(tmp_path.glob("tmp/*")) == []
    if stage == "after":
        assert store.read(KEYS[kind]) == b"content"
    write(KEYS["stop"], b"content")  # once is enough


def test_other_actions(tmp_path):
    store = Local(tmp_path)
    arm("plan.in:raise")
    with pytest.raises(Injected, match=r"plan\.in"):
        store.create(KEYS["plan"], b"content")
    arm("plan.in:delay=0.2")
    began = time.monotonic()
    assert store.create(KEYS["plan"], b"content")
    assert time.monotonic() - began >= 0.2


def test_the_time_that_counts(tmp_path):
    arm("log.before#3:full")
    store = Local(tmp_path)
    store.append(KEYS["log"], b"1")
    store.append(KEYS["log"], b"2")
    with pytest.raises(StoreError):
        store.append(KEYS["log"], b"3")
    assert store.read(KEYS["log"]) == b"12"


@pytest.mark.parametrize(("who", "armed"), [("executor", True), ("B/0/2", True), ("B/0/1", False), ("C/0/2", False)])
def test_a_fault_of_executor_processes_is_passed_on_to_them(tmp_path, who, armed):
    text = f"{who}@plan.in:raise"
    arm(text)
    store = Local(tmp_path)
    assert store.create(KEYS["plan"], b"content")
    environ = faults.environment()
    assert environ == {VARIABLE: text}
    faults.arm_executor(environ, TASK)
    assert not environ
    if armed:
        with pytest.raises(Injected):
            store.create(layout.plan("F", "one", "C"), b"content")
    else:
        assert store.create(layout.plan("F", "one", "C"), b"content")
