"""One scheduler at a time: who holds the lease, when it is taken over, and what the loser hears."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from laminar import Flow, Layer
from laminar.configurations import layers
from laminar.datastores import Local, Memory
from laminar.engine import faults, layout, lease, processes, records
from laminar.engine.lease import Holder, Lease, held_s
from laminar.engine.ledger import Ledger
from laminar.errors import ExecutionError, Interrupted, StoreError, UsageError
from laminar.executors import Thread
from tests.conftest import wait_until

WAIT_S = 120.0

HELD = r"execution x of F is held by process \d+ on "


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Local(tmp_path), "F", "x")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A TTL that a test can wait for; the rules are the same."""
    monkeypatch.setattr(lease, "TTL_S", 0.3)
    monkeypatch.setattr(lease, "_BEAT_S", 0.02)
    monkeypatch.setattr(lease, "_LOOK_S", 0.02)


def elsewhere(ledger: Ledger) -> None:
    """Let the latest holder be a process of another machine, which cannot be looked up from here."""
    (key,) = [key for key in ledger.store.keys(layout.leases("F", "x")) if key.endswith("owner.json")]
    owner = records.load(ledger.store, key, "owner") or {}
    root = Path(ledger.store.url)
    (root / key).unlink()
    kept = {name: value for name, value in owner.items() if name not in ("laminar", "format", "sha256")}
    records.create(ledger.store, key, "owner", {**kept, "boot": "another", "host": "far"})


def test_each_launch_takes_the_next_epoch(ledger: Ledger) -> None:
    for epoch in (1, 2, 3):
        taken = Lease.take(ledger)
        assert taken.epoch == epoch
        taken.release("done")
    holder = Holder.of(ledger)
    assert holder is not None
    assert (holder.epoch, holder.outcome, holder.ended, holder.seems_alive) == (3, "done", True, False)


def test_what_a_living_process_holds_is_refused_at_once_and_given_by_force(ledger: Ledger) -> None:
    Lease.take(ledger)
    with pytest.raises(UsageError, match=HELD) as caught:
        Lease.take(ledger)
    words, stop = caught.value.remedy.splitlines()
    assert "--takeover" in words
    assert stop == "stop     laminar stop x"
    assert Lease.take(ledger, by_force=True).epoch == 2


def test_what_a_dead_process_held_is_taken_at_once(ledger: Ledger) -> None:
    script = "import sys; from laminar.datastores import Local; from laminar.engine.lease import Lease; "
    script += "from laminar.engine.ledger import Ledger; Lease.take(Ledger(Local(sys.argv[1]), 'F', 'x'))"
    subprocess.run([sys.executable, "-c", script, ledger.store.url], check=True)
    holder = Holder.of(ledger)
    assert holder is not None
    assert (holder.outcome, holder.ended, holder.seems_alive) == ("", True, False)
    assert Lease.take(ledger).epoch == 2


def test_a_process_that_has_ended_is_dead_also_while_its_parent_has_not_asked(ledger: Ledger) -> None:
    script = "import sys; from laminar.datastores import Local; from laminar.engine.lease import Lease; "
    script += "from laminar.engine.ledger import Ledger; Lease.take(Ledger(Local(sys.argv[1]), 'F', 'x'))"
    with subprocess.Popen([sys.executable, "-c", script, ledger.store.url]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert Lease.take(ledger).epoch == 2


def test_a_process_id_that_is_used_again_is_another_process(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(processes, "_born", lambda pid: "1")
        Lease.take(ledger)
    assert Lease.take(ledger).epoch == 2


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_looked_up_is_watched(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    held, said = Lease.take(ledger), []
    elsewhere(ledger)
    held.keep(lambda: None, lambda to: None)
    with monkeypatch.context() as patch:
        patch.setattr(lease, "TTL_S", WAIT_S)  # it beats, however slowly
        with pytest.raises(UsageError, match=HELD + "far"):
            Lease.take(ledger, say=said.append)
    assert "execution x was held by process" in said[0]
    held._over.set()  # it dies, without a word
    assert held._thread is not None
    held._thread.join()
    assert Lease.take(ledger).epoch == 2


@pytest.mark.usefixtures("quick")
def test_a_holder_that_gives_back_is_not_waited_for_any_longer(ledger: Ledger) -> None:
    held = Lease.take(ledger)
    elsewhere(ledger)
    threading.Timer(0.05, held.release, ["failed"]).start()
    assert Lease.take(ledger).epoch == 2


def test_what_was_removed_does_not_come_back_by_its_lease(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_BEAT_S", 0.0)
    monkeypatch.setattr(lease, "_LOOK_S", 0.5)  # from one beat to the next there is time to remove it
    held = Lease.take(ledger)
    beats = Path(ledger.store.url) / "runs/F/x/lease/1/beats"
    held.keep(lambda: None, lambda to: None)
    wait_until(beats.exists)
    (Path(ledger.store.url) / "runs").rename(Path(ledger.store.url) / "trash")  # in one step
    time.sleep(1.2)  # for two more
    held.release("done")
    assert list(ledger.store.keys("runs/F/x/")) == []
    again = Lease.take(ledger)
    assert (again.epoch, Holder.of(ledger).ended) == (1, False)  # type: ignore[union-attr]
    again.release("done")


def test_of_many_one_gets_it(ledger: Ledger) -> None:
    got: list[int] = []

    def take() -> None:
        try:
            got.append(Lease.take(ledger).epoch)
        except UsageError:
            got.append(0)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [0] * 7 + [1]


# In a run


class Waits(Layer):
    gate = threading.Event()
    came = threading.Event()

    def __call__(self) -> None:
        Waits.came.set()
        Waits.gate.wait(WAIT_S)


@pytest.fixture
def flow() -> Iterator[Flow]:
    made = type("F", (Flow,), {"__module__": __name__})
    made.register(Waits)
    Waits.gate.clear()
    Waits.came.clear()
    yield made(datastore=Memory(), executor=Thread())
    Waits.gate.set()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("how", ["stopped", "taken over"])
def test_a_run_that_is_stopped_or_taken_over_ends(flow: Flow, how: str) -> None:
    errors: list[Interrupted] = []

    def run() -> None:
        try:
            flow(execution="x")
        except Interrupted as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert Waits.came.wait(WAIT_S)
    ledger = Ledger(flow.store(), "F", "x")
    execution = flow.execution("x")
    assert (execution.state, execution.layer(Waits).state.running) == ("running", True)
    if how == "stopped":
        holder = Holder.of(ledger)
        assert holder is not None
        holder.ask_to_stop()
        words = "interrupted: execution x of F has stopped"
    else:
        taken = Lease.take(ledger, by_force=True)
        words = f"execution x of F was taken over by process {os.getpid()} on "
    thread.join(WAIT_S)
    (error,) = errors
    assert words in error.message
    assert error.exit_code == 143
    if how == "taken over":
        taken.release("interrupted")
    assert (execution.state, execution.layer(Waits).state.interrupted) == ("interrupted", True)


@pytest.mark.parametrize("ends", ["done", "failed"])
def test_a_run_that_ends_before_it_hears_of_a_takeover_removes_nothing(flow: Flow, ends: str) -> None:
    """What it sees of its own by then may have been adopted."""
    closed: list[str] = []

    class Records(Thread):
        def close(self) -> None:
            closed.append("close")
            super().close()

        def leave(self) -> None:
            closed.append("leave")
            super().close()

    class Fails(Layer):
        def __call__(self) -> None:
            Waits.gate.wait(WAIT_S)
            assert ends == "done"

    type(flow).register(Fails)
    flow.executor = Records()
    took: list[Lease] = []

    def take() -> None:
        assert Waits.came.wait(WAIT_S)
        took.append(Lease.take(Ledger(flow.store(), "F", "x"), by_force=True))
        Waits.gate.set()

    thread = threading.Thread(target=take)
    thread.start()
    with suppress(ExecutionError, Interrupted):  # the latter where it hears of it in time
        flow(execution="x")
    thread.join(WAIT_S)
    assert closed == ["leave"]
    took[0].release("done")


def test_time_in_which_nobody_went_on_is_no_time_of_the_execution(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 110.0, 500.0, 505.0, 900.0])
    monkeypatch.setattr(lease.time, "time", lambda: next(clock))
    assert held_s(ledger) is None
    for outcome in ("failed", "interrupted"):
        Lease.take(ledger).release(outcome)
    assert held_s(ledger) == 10 + 5
    assert held_s(ledger, 105, 502) == 5 + 2
    assert held_s(ledger, 105, 502, [(104, 111), (300, 301)]) == 6 + 1 + 2
    assert held_s(ledger, 200, 300) == 0
    running = Lease.take(ledger)
    monkeypatch.setattr(lease.time, "time", lambda: 903.0)
    assert held_s(ledger) == 10 + 5 + 3  # until now
    monkeypatch.setattr(Holder, "_is_alive", lambda _: False)
    assert held_s(ledger) == 10 + 5  # it died, and was never seen since
    running.release("done")


def test_between_two_tries_a_layer_has_not_failed(flow: Flow) -> None:
    seen: list[tuple[str, str]] = []

    class Fails(Layer):
        def __call__(self) -> None:
            seen.append((str(self.state), self.execution.state))
            raise ConnectionError

    type(flow).register(retry=layers.Retry(attempts=3, delay=0))(Fails)
    Waits.gate.set()
    with pytest.raises(ExecutionError):
        flow(execution="x")
    assert seen == [("running", "running")] * 3
    state = flow.execution("x").layer(Fails).state
    assert state.failed
    assert state.error is not None
    assert (state.error.error, flow.execution("x").state) == ("ConnectionError", "failed")


def test_an_epoch_whose_owner_died_as_it_took_it_is_nobodys(ledger: Ledger, tmp_path: Path) -> None:
    Lease.take(ledger).release("done")
    (tmp_path / layout.leases("F", "x") / "2").mkdir()
    holder = Holder.of(ledger)
    assert holder is not None
    assert holder.epoch == 1
    assert Lease.take(ledger).epoch == 2


@pytest.mark.parametrize("kind", ["lease", "ended"])
def test_a_process_whose_disk_was_full_does_not_hold_it_against_itself(ledger: Ledger, kind: str) -> None:
    """As a notebook that goes on with an execution when there is space again."""
    faults.arm_scheduler({faults.VARIABLE: f"{kind}.{'after' if kind == 'lease' else 'before'}:full"})
    with suppress(StoreError):
        Lease.take(ledger).release("failed")
    holder = Holder.of(ledger)
    assert holder is not None
    assert (holder.outcome, holder.ended, holder.seems_alive) == ("", True, False)
    assert Lease.take(ledger).epoch == 2
