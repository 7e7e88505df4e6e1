"""Layers in threads of the scheduler's own process: for tests, notebooks, and work too small for a process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from laminar.engine.evaluate import LayerFailed, failure_of
from laminar.engine.executor import Capacity, Executor, Exit, Job, Launch, Report, Visit
from laminar.engine.ledger import Commit
from laminar.executors.group_commit import GroupCommit
from laminar.executors.workers import Workers
from laminar.model.wire import Task


class Thread(Executor):
    """Evaluates each split in a thread.

    A thread cannot be ended from outside. A cancelled or timed-out attempt is given up instead: its commit is refused, and
    its thread goes on until the layer returns or the process ends.

    Args:
        concurrency: Splits at one time; the number of cores where none is given.
    """

    name = "thread"
    apart = False

    def __init__(self, concurrency: int | None = None) -> None:
        self.concurrency = concurrency or os.cpu_count() or 1

    def open(self, launch: Launch) -> None:
        """Nothing can be missing."""
        self._launch = launch
        self._workers = Workers("laminar-layer")
        self._attempts: dict[Job, _Attempt] = {}
        self._commits = GroupCommit(launch.commit) if launch.commit else None
        _Router.install()

    def capacity(self) -> Capacity:
        """Only the number of threads is bounded: they share this process, whatever containers were asked for."""
        return Capacity(jobs=self.concurrency)

    def submit(self, job: Job, report: Report) -> None:
        """Evaluate in a thread."""
        attempt = _Attempt(job, report)
        self._attempts[job] = attempt
        self._workers.start(lambda: self._run(attempt))

    def cancel(self, job: Job) -> None:
        """Give the attempt up, unless it is committing."""
        attempt = self._attempts.get(job)
        if attempt is not None and attempt.give_up():
            attempt.report(job, Exit(vanished=True))

    def close(self) -> None:
        """Let threads that are done end; those that cannot be ended are left behind."""
        self._workers.close(timeout_s=0.1)
        if self._commits:
            self._commits.close(timeout_s=0.1)
        self._attempts.clear()
        _Router.remove()

    def abandon(self) -> None:
        """The same: nothing here is waited for for long."""
        self.close()

    def shell(self, visit: Visit) -> int:
        """Run it in a process of this machine."""
        from laminar.executors import local_shell  # paid by who opens one

        return local_shell.run(visit, self._launch)

    def _run(self, attempt: _Attempt) -> None:
        job, exit_ = attempt.job, Exit(code=0)
        kept: list[tuple[Task, Commit, int]] = []

        def keep(task: Task, commit: Commit, generation: int) -> bool:
            kept.append((task, commit, generation))
            return True

        _Router.route(job.log)
        try:
            self._launch.evaluate(job, attempt.settle, keep if self._commits else None)
        except LayerFailed as error:
            exit_ = Exit(code=1, exception=error.__cause__)
        except BaseException as error:
            exit_ = self._failed(job, error)
        finally:
            _Router.route(None)
            self._attempts.pop(job, None)
        if kept and self._commits:
            self._commits.put(kept[0], lambda error: attempt.report(job, self._failed(job, error) if error else exit_))
            job.released()  # the next one may begin: it does not wait for the disk
        elif attempt.settle():
            attempt.report(job, exit_)

    def _failed(self, job: Job, error: BaseException) -> Exit:
        with suppress(Exception):  # it is reported all the same, and who else is in its group, too
            self._launch.failed(job.task, failure_of(error))
        return Exit(code=3, exception=error)


class _Attempt:
    """Whose word counts: the thread's, from when it begins to commit or has failed, or that of who gave it up before."""

    def __init__(self, job: Job, report: Report) -> None:
        self.job = job
        self.report = report
        self._lock = threading.Lock()
        self._state = "open"

    def settle(self) -> bool:
        """For the thread: whether the attempt is still its own to end."""
        with self._lock:
            if self._state == "open":
                self._state = "settled"
            return self._state == "settled"

    def give_up(self) -> bool:
        """For others: whether this call took the attempt away from its thread."""
        with self._lock:
            taken = self._state == "open"
            if taken:
                self._state = "given up"
            return taken


class _Router:
    """Stands in for `sys.stdout` or `sys.stderr`: what a layer's thread prints goes to that layer's log."""

    _target = threading.local()
    _lock = threading.Lock()
    _installed = 0
    _streams: tuple[Any, Any] = (None, None)

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    @classmethod
    def install(cls) -> None:
        with cls._lock:
            if not isinstance(
                sys.stdout, cls
            ):  # also where somebody has replaced it since, as notebooks and test runners do
                cls._streams = (sys.stdout, sys.stderr)
                sys.stdout, sys.stderr = cls(sys.stdout), cls(sys.stderr)
            cls._installed += 1

    @classmethod
    def remove(cls) -> None:
        with cls._lock:
            cls._installed -= 1
            if not cls._installed and isinstance(sys.stdout, cls):
                sys.stdout, sys.stderr = cls._streams

    @classmethod
    def route(cls, log: Callable[[bytes], None] | None) -> None:
        cls._target.log = log

    def write(self, text: str) -> int:
        log = getattr(self._target, "log", None)
        if log is None:
            return self._stream.write(text)
        if text:
            log(text.encode("utf-8", "replace"))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
