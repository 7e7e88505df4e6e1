from __future__ import annotations

import io
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from laminar.datastores import Memory
from laminar.engine.evaluate import LayerFailed
from laminar.engine.executor import Exit, Job, Launch
from laminar.errors import StoreError
from laminar.executors.thread import Thread
from laminar.executors.workers import Workers
from laminar.model.configuration import Configuration
from laminar.model.wire import Task

WAIT_S = 120.0


class Opened:
    """A thread executor whose layers are `evaluate`."""

    def __init__(self, evaluate: Callable[..., bool], failed: Callable[..., None] = lambda *arguments: None) -> None:
        self.executor = Thread()
        self.log = bytearray()
        self.reports: queue.SimpleQueue[Exit] = queue.SimpleQueue()
        OPEN.append(self)
        self.executor.open(
            Launch(
                flow="F",
                execution="x",
                target="",
                app_dir=".",
                datastore=Memory(),
                containers={},
                evaluate=evaluate,
                failed=failed,
            )
        )

    def submit(self) -> Job:
        task = Task(target="", execution="x", layer="A", datastore="")
        job = Job(task, Configuration(), self.log.extend, lambda: None)
        self.executor.submit(job, lambda job, exit_: self.reports.put(exit_))
        return job

    def run(self) -> Exit:
        self.submit()
        exit_ = self.reports.get(timeout=WAIT_S)
        self.close()
        assert self.reports.empty()
        return exit_

    def close(self) -> None:
        if self in OPEN:
            OPEN.remove(self)
            self.executor.close()


OPEN: list[Opened] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """A test that fails leaves `sys.stdout` as it was to those after it."""
    yield
    for opened in OPEN:
        opened.close()


def raises(error: BaseException) -> Callable[..., bool]:
    def evaluate(*arguments: Any) -> bool:
        raise error

    return evaluate


def test_what_a_layer_raises_comes_back_alive() -> None:
    mine = ValueError("mine")

    def evaluate(*arguments: Any) -> bool:
        raise LayerFailed from mine

    assert Opened(evaluate).run() == Exit(code=1, exception=mine)


def test_what_laminar_raises_is_recorded_and_comes_back() -> None:
    recorded: list[Any] = []
    error = StoreError("the network is down")
    assert Opened(raises(error), lambda *failure: recorded.append(failure)).run() == Exit(code=3, exception=error)
    ((task, failure),) = recorded
    assert (task.layer, failure.kind, failure.message) == ("A", "infrastructure", "the network is down")


def test_a_store_that_takes_no_record_of_the_failure_does_not_hang_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda arguments: None)
    opened = Opened(raises(StoreError("down")), raises(StoreError("still down")))
    opened.submit()
    assert opened.reports.get(timeout=WAIT_S).code == 3


def test_an_attempt_that_commits_can_not_be_given_up_any_more() -> None:
    committing, go_on = threading.Event(), threading.Event()

    def evaluate(job: Job, may_commit: Callable[[], bool], put: object) -> bool:
        allowed = may_commit()
        committing.set()
        go_on.wait(WAIT_S)
        return allowed

    opened = Opened(evaluate)
    job = opened.submit()
    assert committing.wait(WAIT_S)
    opened.executor.cancel(job)
    assert opened.reports.empty()
    go_on.set()
    assert opened.reports.get(timeout=WAIT_S) == Exit(code=0)
    opened.close()


def test_an_attempt_that_was_given_up_may_not_commit_and_reports_once() -> None:
    running, go_on = threading.Event(), threading.Event()
    allowed: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def evaluate(job: Job, may_commit: Callable[[], bool], put: object) -> bool:
        running.set()
        go_on.wait(WAIT_S)
        allowed.put(may_commit())
        return False

    opened = Opened(evaluate)
    job = opened.submit()
    assert running.wait(WAIT_S)
    opened.executor.cancel(job)
    assert opened.reports.get(timeout=WAIT_S) == Exit(vanished=True)
    go_on.set()
    assert allowed.get(timeout=WAIT_S) is False
    opened.close()
    assert opened.reports.empty()


def test_what_other_threads_print_stays_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = io.StringIO()
    monkeypatch.setattr(sys, "stdout", theirs)

    def evaluate(*arguments: Any) -> bool:
        print("layer", end="")  # noqa: T201
        other = threading.Thread(target=lambda: print("other", flush=True))  # noqa: T201
        other.start()
        other.join()
        return sys.stdout.writable()

    opened = Opened(evaluate)
    print("before", file=sys.stdout)  # noqa: T201
    opened.run()
    assert sys.stdout is theirs
    assert opened.log == b"layer"
    assert theirs.getvalue() == "before\nother\n"


def test_workers_run_calls_at_once_and_keep_their_threads() -> None:
    workers = Workers("test-worker")
    together = threading.Barrier(4)
    names: queue.SimpleQueue[str] = queue.SimpleQueue()

    def call() -> None:
        names.put(threading.current_thread().name)
        together.wait(WAIT_S)

    for _ in range(4):
        workers.start(call)
    first = {names.get(timeout=WAIT_S) for _ in range(4)}
    assert first == {f"test-worker-{number}" for number in range(4)}
    workers.close(WAIT_S)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("test-worker")]


def test_workers_leave_what_does_not_end() -> None:
    workers = Workers("test-stuck")
    go_on = threading.Event()
    workers.start(lambda: bool(go_on.wait(WAIT_S)))
    workers.close(timeout_s=0.01)
    (stuck,) = [thread for thread in threading.enumerate() if thread.name.startswith("test-stuck")]
    assert stuck.daemon
    go_on.set()
    stuck.join(WAIT_S)
    assert not stuck.is_alive()
