"""The scheduler, through `flow()`: threads and memory, real layers."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from laminar import Flow, Layer, Parameters, launch
from laminar.configurations import hooks, layers, schedulers
from laminar.datastores import Datastore, Memory
from laminar.engine.events import AttemptFailed, AttemptStarted, Beat, Ended, Event, SplitDone, Warned
from laminar.engine.executor import Exit, Job, Report
from laminar.engine.ledger import Ledger, Plan
from laminar.engine.ports import Buffer
from laminar.engine.resuming import Resume
from laminar.errors import ExecutionError, Interrupted, SettingsError, StoreError, UsageError, report
from laminar.executors import Thread
from laminar.model.wire import Task

from ..conftest import MakeFlow, begun

WAIT_S = 120.0


def retry(attempts: int = 1, infrastructure: int = 3) -> layers.Retry:
    return layers.Retry(attempts=attempts, infrastructure=infrastructure, delay=0)


class Seen:
    """An observer that keeps what it sees, and calls back."""

    def __init__(self, then: Callable[[Event], object] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._then = then

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._then(event)

    def close(self) -> None: ...


class Loses(Thread):
    """Loses the attempts that it is told to lose."""

    def __init__(self, *attempts: int) -> None:
        super().__init__()
        self.attempts = attempts

    def submit(self, job: Job, report: Report) -> None:
        if job.task.attempt in self.attempts:
            report(job, Exit(vanished=True))
        else:
            super().submit(job, report)


@pytest.fixture(autouse=True)
def threads_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests of this process have left is theirs."""
    monkeypatch.setattr(f"{__name__}.BEFORE", set(threading.enumerate()))


BEFORE: set[threading.Thread] = set()


def let_layers_end() -> None:
    """Wait for the threads of attempts that were given up."""
    for thread in set(threading.enumerate()) - BEFORE:
        if thread.name.startswith("laminar-layer"):
            thread.join(WAIT_S)
            assert not thread.is_alive()


class Clock:
    """The scheduler's: it goes as every clock does, and jumps ahead when a test wants that."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("laminar.engine.scheduler.time", made)
    monkeypatch.setattr("laminar.engine.scheduler._BEAT_S", 0.01)  # it looks at its clock as often
    return made


# Order


def test_a_layer_starts_when_what_it_needs_is_done_not_when_everything_is(make_flow: MakeFlow) -> None:
    last_began = threading.Event()

    class First(Layer):
        def __call__(self) -> None: ...

    class Long(Layer):
        def __call__(self) -> None:
            self.saw_the_last_begin = last_began.wait(WAIT_S)

    class Middle(Layer):
        def __call__(self, first: First) -> None: ...

    class Last(Layer):
        def __call__(self, middle: Middle) -> None:
            last_began.set()

    execution = make_flow(First, Long, Middle, Last, executor=Thread(concurrency=2))()
    assert execution.layer(Long).saw_the_last_begin
    assert execution.state == "finished"


def test_no_more_run_at_one_time_than_allowed_first_come_first_served(
    make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[str] = []
    order: list[str] = []

    def call(self: Layer) -> None:
        order.append(self.name)
        running.append(self.name)
        assert len(running) == 1
        running.remove(self.name)

    monkeypatch.setenv("LAMINAR_MAX_PARALLEL", "1")
    names = [f"L{number}" for number in range(10)]
    make_flow(*(type(name, (Layer,), {"__call__": call}) for name in names))()
    assert order == names


def test_the_executors_bound_holds(make_flow: MakeFlow) -> None:
    together = threading.Barrier(3)

    def call(self: Layer) -> None:
        together.wait(WAIT_S)  # breaks unless three run at one time, and with six only three by three

    made = [type(f"L{number}", (Layer,), {"__call__": call}) for number in range(6)]
    now = most = 0

    def count(event: Event) -> None:
        nonlocal now, most
        now += isinstance(event, AttemptStarted) - (type(event).__name__ == "SplitDone")
        most = max(now, most)

    launch.schedule(make_flow(*made, executor=Thread(concurrency=3)), observers=[Seen(count)])
    assert most == 3


class SlowDisk(Memory):
    """Puts the first COMMIT when `go_on` is set, and each group with a note of who is in it."""

    grouped = True

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[list[str]] = []
        self.go_on = threading.Event()

    def create_all(self, entries: Sequence[tuple[str, Buffer]]) -> list[bool]:
        assert self.go_on.wait(WAIT_S)
        self.groups.append([key.split("/")[-3] for key, _ in entries])
        return super().create_all(entries)


def test_what_waits_for_the_disk_gives_its_place_to_the_next_and_is_done_when_it_is_durable(
    make_flow: MakeFlow,
) -> None:
    disk, running, called = SlowDisk(), threading.Semaphore(1), []

    def call(self: Layer) -> None:
        assert running.acquire(blocking=False), "one at a time"
        called.append(self.name)
        if len(called) == 4:
            disk.go_on.set()  # not before: the others do not wait for the first one's disk
        running.release()

    def look(event: Event) -> None:
        if isinstance(event, SplitDone):
            assert event.layer in [name for group in disk.groups for name in group]

    names = [f"L{number}" for number in range(4)]
    made = [type(name, (Layer,), {"__call__": call}) for name in names]
    seen = Seen(look)
    launch.schedule(make_flow(*made, executor=Thread(concurrency=1), datastore=disk), observers=[seen])
    assert called == names
    assert sorted(name for group in disk.groups for name in group) == names
    assert [event.layer for event in seen.events if isinstance(event, SplitDone)] == names


def test_where_the_disk_is_full_each_of_a_group_is_tried_again(make_flow: MakeFlow) -> None:
    class Full(SlowDisk):
        def create_all(self, entries: Sequence[tuple[str, Buffer]]) -> list[bool]:
            if not self.groups:
                self.groups.append([])
                raise StoreError("the disk is full.")
            return super().create_all(entries)

    class A(Layer):
        def __call__(self) -> None:
            self.attempts = self.attempt

    disk = Full()
    disk.go_on.set()
    flow = make_flow(A, datastore=disk, configuration={"A": {"retry": retry()}})
    assert flow().layer(A).attempts == 2
    failure = Ledger(disk, "F", next(iter(flow.executions())).id).failure("A", 0, 1)
    assert failure is not None
    assert (failure.kind, failure.message) == ("infrastructure", "the disk is full.")


def test_the_time_of_an_attempt_is_its_own_not_the_disks(make_flow: MakeFlow, clock: Clock) -> None:
    class Broken(SlowDisk):
        def create_all(self, entries: Sequence[tuple[str, Buffer]]) -> list[bool]:
            super().create_all(())
            raise StoreError("the disk is broken.")

    over = threading.Event()

    class A(Layer):
        def __call__(self) -> None: ...

    class B(Layer):
        def __call__(self) -> None:
            clock.ahead = 3600
            over.wait(WAIT_S)

    def look(event: Event) -> None:
        if isinstance(event, AttemptFailed) and event.layer == "B":
            disk.go_on.set()  # its time began after A's

    disk, seen = Broken(), Seen(look)
    limits = {"timeout": layers.Timeout(seconds=3600), "retry": retry(infrastructure=1)}
    # One at a time: B has A's place, which only waits for the disk by then.
    flow = make_flow(A, B, executor=Thread(concurrency=1), datastore=disk, configuration={"A": limits, "B": limits})
    with pytest.raises(ExecutionError):
        launch.schedule(flow, observers=[seen])
    over.set()
    let_layers_end()
    words = {event.layer: event.cause for event in seen.events if isinstance(event, AttemptFailed)}
    assert "timed out" in words["B"]
    assert "the disk is broken." in words["A"]


def test_events_tell_the_story_in_order(make_flow: MakeFlow) -> None:
    class A(Layer):
        def __call__(self) -> None: ...

    class B(Layer):
        def __call__(self, a: A) -> None: ...

    seen = Seen()
    launch.schedule(make_flow(A, B), observers=[seen])
    told = [type(event).__name__ for event in seen.events]
    assert told == ["Began", *["LayerPlanned", "AttemptStarted", "SplitDone"] * 2, "Ended"]
    times = [event.at for event in seen.events]
    assert times == sorted(times)


def test_events_tell_what_a_catch_let_pass(make_flow: MakeFlow) -> None:
    class Fails(Layer):
        def __call__(self) -> None:
            raise ValueError("bad part")

    class After(Layer):
        def __call__(self, fails: Fails) -> None: ...

    seen = Seen()
    flow = make_flow(Fails, After, configuration={"Fails": {"catch": layers.Catch(ValueError)}})
    launch.schedule(flow, observers=[seen])
    done = [event.caught for event in seen.events if isinstance(event, SplitDone)]
    assert done == [{"type": "ValueError", "message": "bad part"}, None]
    end = seen.events[-1]
    assert isinstance(end, Ended)
    assert (end.splits, end.caught) == (2, 1)


def test_the_slowest_layer_may_be_one_that_failed(make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("laminar.engine.agenda.time", clock)

    class Quick(Layer):
        def __call__(self) -> None:
            clock.ahead += 1000

    class Fails(Layer):
        def __call__(self, quick: Quick) -> None:
            clock.ahead += 2000
            raise ValueError

    seen = Seen()
    flow = make_flow(Quick, Fails, configuration={"Fails": {"retry": retry(2)}})
    with pytest.raises(ExecutionError):
        launch.schedule(flow, observers=[seen])
    end = seen.events[-1]
    assert isinstance(end, Ended)
    assert end.slowest == "Fails"
    assert 4000 <= end.slowest_s < 5000, "both attempts"


def test_the_slowest_layer_may_be_one_that_was_given_up(make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("laminar.engine.agenda.time", clock)

    class Quick(Layer):
        def __call__(self) -> None: ...

    class Runs(Layer):
        def __call__(self, quick: Quick) -> None: ...

    def lose_the_store(event: Event) -> None:
        if isinstance(event, AttemptStarted) and event.layer == "Runs":
            clock.ahead += 2000
            raise StoreError("the network is down")

    seen = Seen(lose_the_store)
    with pytest.raises(StoreError):
        launch.schedule(make_flow(Quick, Runs), observers=[seen])
    end = seen.events[-1]
    assert isinstance(end, Ended)
    assert (end.outcome, end.slowest) == ("interrupted", "Runs")
    assert end.slowest_s >= 2000


# Retries


def test_only_the_split_that_failed_is_tried_again(make_flow: MakeFlow, store: Datastore) -> None:
    calls: list[tuple[int, int]] = []

    class A(Layer):
        def __call__(self) -> None:
            calls.append((self.index, self.attempt))
            if self.index == 1 and self.attempt < 3:
                raise ValueError("not yet")
            self.made_by = (self.index, self.splits, self.attempt)

    begun(store, "x").put_plan("A", Plan(3))
    execution = make_flow(A, configuration={"A": {"retry": retry(3)}}).execution("x").resume()
    assert sorted(calls) == [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1)]
    assert [execution.layer(A, index=index).made_by for index in range(3)] == [(0, 3, 1), (1, 3, 3), (2, 3, 1)]


def test_a_failed_attempt_leaves_nothing_to_the_next(make_flow: MakeFlow) -> None:
    class A(Layer):
        def __call__(self) -> None:
            if self.attempt == 1:
                self.left_over = 1
                raise ValueError
            self.own = 2

    execution = make_flow(A, configuration={"A": {"retry": retry(2)}})()
    assert execution.layer(A).own == 2
    assert not hasattr(execution.layer(A), "left_over")


def test_the_error_that_ends_a_run_steers_no_terminal(make_flow: MakeFlow) -> None:
    class A(Layer):
        def __call__(self) -> None:
            print("\x1b[31mred\x1b[0m and \x07")  # noqa: T201 - what a layer does
            raise ValueError("\x1b[2Jgone\nbelow")

    with pytest.raises(ExecutionError) as caught:
        make_flow(A)()
    said = report(caught.value)
    assert "error: A/0 failed at attempt 1: ValueError: \\x1b[2Jgone\nbelow" in said
    assert "\nlast lines of its log\n    red and \\x07\n" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("attempts", [1, 3])
def test_user_errors_are_tried_as_often_as_registered(make_flow: MakeFlow, attempts: int) -> None:
    calls: list[int] = []

    class A(Layer):
        def __call__(self) -> None:
            calls.append(self.attempt)
            raise ValueError("on purpose")

    of = "3 of 3" if attempts == 3 else "1"
    with pytest.raises(ExecutionError, match=f"A/0 failed at attempt {of}: ValueError: on purpose") as caught:
        make_flow(A, configuration={"A": {"retry": retry(attempts)}})()
    assert calls == list(range(1, attempts + 1))
    assert (caught.value.layer, caught.value.index, caught.value.attempt) == ("A", 0, attempts)
    assert caught.value.exit_code == 1


def test_what_the_infrastructure_loses_has_a_budget_of_its_own(make_flow: MakeFlow) -> None:
    calls: list[int] = []

    class A(Layer):
        def __call__(self) -> None:
            calls.append(self.attempt)
            if self.attempt == 2:
                raise ValueError

    configuration = {"A": {"retry": retry(attempts=2, infrastructure=2)}}
    make_flow(A, configuration=configuration, executor=Loses(1, 3))()
    assert calls == [2, 4]
    with pytest.raises(ExecutionError, match="A/0 failed at attempt 3 of 3: the process vanished") as caught:
        make_flow(A, configuration=configuration, executor=Loses(1, 2, 3))()
    assert caught.value.exit_code == 3


def test_what_no_try_can_mend_is_not_tried_again(make_flow: MakeFlow) -> None:
    calls: list[int] = []

    class A(Layer):
        def __call__(self) -> None:
            calls.append(self.attempt)
            self.generator = (x for x in ())

    with pytest.raises(ExecutionError, match="artifact 'generator' of layer A: it cannot be pickled"):
        make_flow(A, configuration={"A": {"retry": retry(5)}})()
    assert calls == [1]


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), RecursionError(), MemoryError()], ids=repr)
def test_whatever_a_layer_raises_is_its_own_failure(make_flow: MakeFlow, error: BaseException) -> None:
    calls: list[int] = []

    class A(Layer):
        def __call__(self) -> None:
            calls.append(self.attempt)
            raise error

    with pytest.raises(ExecutionError, match=type(error).__name__) as caught:
        make_flow(A)()
    assert calls == [1]
    assert caught.value.__cause__ is error
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit()], ids=repr)
def test_a_base_exception_of_a_layer_is_its_own_failure(make_flow: MakeFlow, error: BaseException) -> None:
    calls: list[int] = []

    class A(Layer):
        def __call__(self) -> None:
            calls.append(self.attempt)
            raise error

    with pytest.raises(ExecutionError):
        make_flow(A, configuration={"A": {"retry": retry()}})()
    assert calls == [1]


class Refusing(Memory):
    """Refuses what it is told to refuse, as often as it is told."""

    def __init__(self, what: str, times: int) -> None:
        super().__init__()
        self.what, self.times = what, times

    def _refuse(self, verb: str, key: str) -> None:
        if f"{verb} {key}".endswith(self.what) and self.times:
            self.times -= 1
            raise StoreError(f"cannot {verb} {key}: the network is down.", remedy="Wait.")

    def create(self, key: str, data: Any, *, durable: bool = True) -> bool:
        self._refuse("create", key)
        return super().create(key, data, durable=durable)

    def read(self, key: str) -> Any:
        if key.startswith("cas/"):
            self._refuse("read", "blob")
        return super().read(key)


class Makes(Layer):
    def __call__(self) -> None:
        self.data = b"x" * 5000


class Takes(Layer):
    def __call__(self, makes: Makes) -> None:
        self.size = len(makes.data)


def test_a_store_that_refuses_a_commit_is_infrastructure(make_flow: MakeFlow) -> None:
    configuration = {"Makes": {"retry": retry(infrastructure=2)}}
    execution = make_flow(Makes, datastore=Refusing("COMMIT", times=2), configuration=configuration)()
    assert execution.layer(Makes).data
    with pytest.raises(
        ExecutionError, match=r"failed at attempt 3 of 3: cannot create .*COMMIT: the network is down"
    ) as caught:
        make_flow(Makes, datastore=Refusing("COMMIT", times=3), configuration=configuration)()
    assert caught.value.exit_code == 3
    assert "Wait." in caught.value.remedy


def test_a_store_that_fails_to_read_an_input_is_infrastructure(make_flow: MakeFlow) -> None:
    configuration = {"Takes": {"retry": retry()}}
    execution = make_flow(Makes, Takes, datastore=Refusing("read blob", times=1), configuration=configuration)()
    assert execution.layer(Takes).size == 5000


# Timeouts


def test_an_attempt_that_takes_too_long_is_given_up_and_can_not_commit_any_more(make_flow: MakeFlow) -> None:
    go_on = threading.Event()

    class A(Layer):
        def __call__(self) -> None:
            go_on.wait(WAIT_S)
            self.value = "too late"

    flow = make_flow(A, configuration={"A": {"timeout": layers.Timeout(seconds=0.01)}})
    with pytest.raises(ExecutionError, match=r"A/0 failed at attempt 1: timed out after 0\.01 s") as caught:
        flow(execution="x")
    assert caught.value.exit_code == 1
    go_on.set()
    let_layers_end()
    assert not flow.execution("x").layer(A).state.finished


def test_a_timeout_is_tried_again_and_the_late_one_changes_nothing(make_flow: MakeFlow, clock: Clock) -> None:
    go_on = threading.Event()

    class A(Layer):
        def __call__(self) -> None:
            if self.attempt == 1:
                clock.ahead = 3600
                go_on.wait(WAIT_S)
            self.made_by = self.attempt

    flow = make_flow(A, configuration={"A": {"timeout": layers.Timeout(seconds=3600), "retry": retry(2)}})
    execution = flow()
    assert execution.layer(A).made_by == 2
    go_on.set()
    let_layers_end()
    assert flow.execution(execution.id).layer(A).made_by == 2


def test_a_timeout_of_what_is_done_in_time_does_nothing(make_flow: MakeFlow) -> None:
    class A(Layer):
        def __call__(self) -> None: ...

    assert make_flow(A, configuration={"A": {"timeout": layers.Timeout(seconds=3600)}})().state == "finished"


# Failures


class Fails(Layer):
    def __call__(self) -> None:
        print("before it failed")  # noqa: T201
        raise ValueError("on purpose")


def test_after_a_failure_nothing_downstream_starts_and_independent_layers_go_on(make_flow: MakeFlow) -> None:
    failed = threading.Event()
    ran: list[str] = []

    class Below(Layer):
        def __call__(self, fails: Fails) -> None:
            ran.append("Below")

    class Beside(Layer):
        def __call__(self) -> None:
            assert failed.wait(WAIT_S)

    class BelowBeside(Layer):
        def __call__(self, beside: Beside) -> None:
            ran.append("BelowBeside")

    class Joins(Layer):
        def __call__(self, fails: Fails, beside: Beside) -> None:
            ran.append("Joins")

    def tell(event: Event) -> None:
        if isinstance(event, AttemptFailed):
            failed.set()

    flow = make_flow(Fails, Below, Beside, BelowBeside, Joins)
    with pytest.raises(ExecutionError, match="Fails/0 failed"):
        launch.schedule(flow, observers=[Seen(tell)])
    assert ran == ["BelowBeside"]


def test_fail_fast_starts_nothing_more_and_lets_what_runs_commit(
    make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()
    ran: list[str] = []

    class Beside(Layer):
        def __call__(self) -> None:
            assert failed.wait(WAIT_S)
            self.value = 1

    class BelowBeside(Layer):
        def __call__(self, beside: Beside) -> None:
            ran.append("BelowBeside")

    def tell(event: Event) -> None:
        if isinstance(event, AttemptFailed):
            failed.set()

    monkeypatch.setenv("LAMINAR_FAIL_FAST", "1")
    flow = make_flow(Beside, BelowBeside, Fails, executor=Thread(concurrency=2))
    with pytest.raises(ExecutionError):
        launch.schedule(flow, execution="x", observers=[Seen(tell)])
    assert ran == []
    assert flow.execution("x").layer(Beside).value == 1
    assert str(flow.execution("x").layer(BelowBeside).state) == "waiting"


def test_other_splits_of_a_failed_layer_do_not_start_and_those_that_run_commit(
    make_flow: MakeFlow, store: Datastore
) -> None:
    calls: list[int] = []

    class A(Layer):
        def __call__(self) -> None:
            calls.append(self.index)
            if self.index == 1:
                raise ValueError

    begun(store, "x").put_plan("A", Plan(5))
    flow = make_flow(A, executor=Thread(concurrency=1))
    with pytest.raises(ExecutionError, match="A/1 failed") as caught:
        flow.execution("x").resume()
    assert (
        caught.value.remedy
        == "left     3 splits of A did not run: of a layer that has failed, nothing more starts (see --keep-going)"
    )
    assert calls == [0, 1]
    assert [Ledger(store, "F", "x").commit("A", index) is not None for index in range(5)] == [True] + [False] * 4


def test_others_of_a_failed_layer_run_where_the_user_keeps_going(make_flow: MakeFlow, store: Datastore) -> None:
    calls: list[tuple[str, int, int]] = []

    class A(Layer):
        def __call__(self) -> None:
            calls.append((self.name, self.index, self.attempt))
            if self.index == 1 or (self.index, self.attempt) == (2, 1):
                raise ValueError

    class Below(Layer):
        def __call__(self, a: A) -> None:
            calls.append((self.name, self.index, self.attempt))

    begun(store, "x").put_plan("A", Plan(4))
    retry = {"A": {"retry": layers.Retry(attempts=2, delay=0, jitter=0)}}
    going = schedulers.Scheduler(keep_going=True)
    flow = make_flow(A, Below, configuration=retry, executor=Thread(concurrency=1), scheduler=going)
    with pytest.raises(ExecutionError, match="A/1 failed at attempt 2") as caught:
        flow.execution("x").resume()
    assert "left" not in caught.value.remedy
    assert sorted(calls) == [("A", 0, 1), ("A", 1, 1), ("A", 1, 2), ("A", 2, 1), ("A", 2, 2), ("A", 3, 1)]
    assert [Ledger(store, "F", "x").commit("A", index) is not None for index in range(4)] == [True, False, True, True]


def test_a_run_cannot_end_fast_and_keep_going(make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMINAR_FAIL_FAST", "1")
    flow = make_flow(Fails, scheduler=schedulers.Scheduler(keep_going=True))
    with pytest.raises(
        SettingsError, match=r"^fail_fast \(LAMINAR_FAIL_FAST\) and keep_going \(code\) exclude each other"
    ):
        flow(execution="x")
    assert list(flow.executions()) == []


def test_how_a_run_goes_after_a_failure_is_as_it_is_typed(
    make_flow: MakeFlow, store: Datastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMINAR_FAIL_FAST", "1")
    ran: list[int] = []

    class A(Layer):
        def __call__(self) -> None:
            ran.append(self.index)
            raise ValueError

    begun(store, "x").put_plan("A", Plan(2))
    flow = make_flow(A, executor=Thread(concurrency=1))
    with pytest.raises(ExecutionError):
        launch.schedule(flow, execution="x", settings=launch.settings_of(flow, {"keep_going": True}), resume=Resume())
    assert ran == [0, 1]


def test_a_try_that_does_not_follow_any_more_is_taken_back(make_flow: MakeFlow, store: Datastore, capfd: Any) -> None:
    tried = threading.Event()

    class A(Layer):
        @hooks.submission
        def only_one(self) -> None:
            if self.index == 1:
                self.configuration.retry.attempts = 1

        def __call__(self) -> None:
            if self.index == 1:
                tried.wait(WAIT_S)
            raise ValueError

    class Tried:
        def __call__(self, event: Event) -> None:
            if isinstance(event, AttemptFailed) and event.index == 0:
                tried.set()

        def close(self) -> None: ...

    begun(store, "x").put_plan("A", Plan(2))
    retry = layers.Retry(attempts=2, delay=3600)
    flow = make_flow(A, executor=Thread(concurrency=2), configuration={"A": {"retry": retry}})
    shown = launch.settings_of(flow, {"progress": "plain"})
    with pytest.raises(ExecutionError, match="A/1 failed at attempt 1") as caught:
        launch.schedule(flow, execution="x", settings=shown, observers=[Tried()], resume=Resume())
    assert "warning: A/0 is not tried again: A/1 has failed" in capfd.readouterr().err
    assert "1 split of A did not run" in caught.value.remedy


def test_the_error_carries_the_users_own_and_shows_it_first(make_flow: MakeFlow) -> None:
    with pytest.raises(ExecutionError) as caught:
        make_flow(Fails)(execution="x")
    error = caught.value
    assert error.execution == "x"
    assert type(error.__cause__) is ValueError
    assert error.__cause__.args == ("on purpose",)
    traceback, log = error.details.split("\n\n")
    assert traceback.startswith("Traceback (most recent call last):")
    assert traceback.endswith("ValueError: on purpose")
    assert __file__ in traceback
    assert "/laminar/engine/" not in traceback
    assert log.splitlines() == ["last lines of its log", "    before it failed"]


def test_what_a_layer_prints_is_its_log_and_nobody_elses(make_flow: MakeFlow, store: Datastore, capfd: Any) -> None:
    class A(Layer):
        def __call__(self) -> None:
            print("one", self.attempt)  # noqa: T201
            print("two", file=sys.stderr)  # noqa: T201
            if self.attempt == 1:
                raise ValueError

    execution = make_flow(A, configuration={"A": {"retry": retry(2)}})()
    ledger = Ledger(store, "F", execution.id)
    assert ledger.log("A", 0, 1) == b"one 1\ntwo\n"
    assert ledger.log("A", 0, 2) == b"one 2\ntwo\n"
    assert capfd.readouterr() == ("", "")
    print("the test's own")  # noqa: T201
    assert capfd.readouterr().out == "the test's own\n"


# Where it is called


class Adds(Layer):
    def __call__(self, parameters: Parameters) -> None:
        self.total = parameters.one + 1


def test_a_second_run_in_one_process_is_another_execution(make_flow: MakeFlow) -> None:
    flow = make_flow(Adds)
    one, two = flow(one=1), flow(one=2)
    assert (one.layer(Adds).total, two.layer(Adds).total) == (2, 3)
    assert [execution.id for execution in flow.executions()] == [one.id, two.id]


def test_it_runs_in_threads_side_by_side(make_flow: MakeFlow) -> None:
    totals: dict[int, int] = {}
    together = threading.Barrier(4)

    class Waits(Layer):
        def __call__(self, adds: Adds) -> None:
            together.wait(WAIT_S)
            self.total = adds.total

    def run(number: int) -> None:
        totals[number] = make_flow(Adds, Waits)(one=number).layer(Waits).total

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert totals == {0: 1, 1: 2, 2: 3, 3: 4}
    assert sys.stdout is not None
    assert "Router" not in type(sys.stdout).__name__


def test_it_runs_inside_a_running_event_loop(make_flow: MakeFlow) -> None:
    async def cell() -> int:
        total: int = make_flow(Adds)(one=1).layer(Adds).total
        return total

    assert asyncio.run(cell()) == 2


def test_a_layer_may_run_a_flow_itself(make_flow: MakeFlow) -> None:
    class Outer(Layer):
        def __call__(self) -> None:
            self.total = make_flow(Adds)(one=4).layer(Adds).total

    assert make_flow(Outer)().layer(Outer).total == 5


def test_an_id_that_exists_is_refused_and_nothing_has_run(make_flow: MakeFlow) -> None:
    calls: list[int] = []

    class A(Layer):
        def __call__(self, parameters: Parameters) -> None:
            calls.append(1)
            self.value = parameters.value

    flow = make_flow(A)
    flow(execution="x", value=1)
    with pytest.raises(UsageError, match="flow F has an execution 'x' already"):
        flow(execution="x", value=2)
    assert calls == [1]
    assert flow.execution("x").layer(A).value == 1
    assert flow.execution("x").parameters == Parameters(value=1)


class Opened(Thread):
    """Counts how often it was opened and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def open(self, launch: Any) -> None:
        self.calls.append("open")
        super().open(launch)

    def close(self) -> None:
        self.calls.append("close")
        super().close()


def test_an_id_that_exists_is_refused_before_the_executor_can_sweep_the_other_run(make_flow: MakeFlow) -> None:
    # Docker.close() removes every container of flow, execution and store: those of the run that has the id.
    make_flow(Makes)(execution="x")
    executor = Opened()
    with pytest.raises(UsageError):
        make_flow(Makes, executor=executor)(execution="x")
    assert executor.calls == []


@pytest.mark.parametrize("identity", ["", "../x", "/tmp/x", "a b", "-x", 5])
def test_an_id_that_is_none_is_refused_before_anything(make_flow: MakeFlow, store: Memory, identity: Any) -> None:
    with pytest.raises(UsageError, match="invalid execution id"):
        make_flow(Makes)(execution=identity)
    assert store._data == {}


def test_a_parameter_that_cannot_be_saved_is_named(make_flow: MakeFlow, store: Memory) -> None:
    flow = make_flow(Makes)
    with pytest.raises(UsageError, match=r"parameter 'numbers' cannot be saved: .* the value\['a'\] is a generator"):
        flow(numbers={"a": (n for n in "b")})
    assert flow.executions() == []


def test_a_graph_that_cannot_run_is_refused_before_anything(make_flow: MakeFlow, store: Memory) -> None:
    with pytest.raises(UsageError, match="takes layer Makes, which is not registered"):
        make_flow(Takes)()
    assert store._data == {}


def test_the_executor_that_the_user_made_is_left_alone(make_flow: MakeFlow) -> None:
    executor = Thread(concurrency=1)
    before = dict(vars(executor))
    flow = make_flow(Makes, executor=executor)
    flow()
    flow()
    assert vars(executor) == before


def test_what_a_layer_does_to_a_parameter_stays_in_that_layer(make_flow: MakeFlow) -> None:
    class A(Layer):
        def __call__(self, parameters: Parameters) -> None:
            parameters.numbers.append(2)

    class B(Layer):
        def __call__(self, a: A, parameters: Parameters) -> None:
            self.numbers = parameters.numbers

    assert make_flow(A, B)(numbers=[1]).layer(B).numbers == [1]


# More than one flow


def test_one_layer_has_its_own_configuration_in_each_flow(store: Datastore) -> None:
    class One(Flow): ...

    class Two(Flow): ...

    @One.register(retry=layers.Retry(attempts=2), container=layers.Container(memory=256))
    @Two.register
    class A(Layer):
        def __call__(self) -> None:
            self.attempts = self.configuration.retry.attempts
            self.memory = self.configuration.container.memory
            self.configuration.container.memory = 1  # a copy: nobody else sees it

    for flow, expected in ((One, (2, 256)), (Two, (1, 1500)), (One, (2, 256))):
        layer = flow(datastore=store, executor=Thread())().layer(A)
        assert (layer.attempts, layer.memory) == expected


def test_flows_of_one_store_do_not_see_each_other(store: Datastore) -> None:
    class One(Flow): ...

    class Two(Flow): ...

    One.register(Two.register(Makes))
    One(datastore=store, executor=Thread())(execution="x")
    assert Two(datastore=store).executions() == []
    assert Two(datastore=store, executor=Thread())(execution="x").state == "finished"


def test_a_configuration_read_back_is_what_the_attempt_ran_with(make_flow: MakeFlow, store: Datastore) -> None:
    execution = make_flow(Makes, configuration={"Makes": {"container": layers.Container(cpu=0.5)}})()
    ledger = Ledger(store, "F", execution.id)
    (launched,) = ledger.launches()
    assert launched["graph"] == {"Makes": []}
    assert launched["executor"] == "thread"
    task = Task(target="", execution=execution.id, layer="Makes", datastore="")
    registered = layers.Configuration(container=layers.Container(cpu=0.5))
    assert ledger.started(task, registered).configuration.container.cpu == 0.5


def test_while_nothing_happens_the_run_says_that_it_is_alive(
    make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = threading.Event()

    class A(Layer):
        def __call__(self) -> None:
            assert alive.wait(WAIT_S)

    monkeypatch.setattr("laminar.engine.scheduler._BEAT_S", 0.01)
    launch.schedule(make_flow(A), observers=[Seen(lambda event: alive.set() if isinstance(event, Beat) else None)])


class Lingers(Thread):
    """Its processes say that they have committed, and do not end until they are told to."""

    def open(self, launch: Any) -> None:
        super().open(launch)
        self.over: dict[Job, Callable[[], None]] = {}

    def submit(self, job: Job, report: Report) -> None:
        self.over[job] = lambda: report(job, Exit(code=143))
        super().submit(job, lambda job, _: job.committed())

    def cancel(self, job: Job) -> None:
        self.over[job]()


def test_what_has_committed_and_is_on_its_way_out_is_not_told_to_be_stopped(make_flow: MakeFlow) -> None:
    class A(Layer):
        def __call__(self) -> None: ...

    class B(Layer):
        def __call__(self, a: A) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError  # it does not commit

    seen = Seen()
    with pytest.raises(Interrupted):
        launch.schedule(make_flow(A, B, executor=Lingers(concurrency=2)), observers=[seen])
    warned = [event.message for event in seen.events if isinstance(event, Warned)]
    assert warned == ["stopping 1 running; interrupt again to leave at once"]


def test_a_signal_wakes_a_scheduler_that_goes_to_sleep(make_flow: MakeFlow) -> None:
    """It comes between two calls of Python's, where it would be noticed with the next message or beat only."""
    let_go = threading.Event()

    class Signals(Layer):
        def __call__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            let_go.wait(WAIT_S)

    for _ in range(20):
        let_go.clear()
        with pytest.raises(Interrupted):
            make_flow(Signals)()
        assert not let_go.is_set()
        let_go.set()
