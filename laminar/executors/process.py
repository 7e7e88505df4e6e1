"""Layers in fresh interpreters on this machine: everything but the container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

from laminar.engine import faults
from laminar.engine.executor import Capacity, Executor, Exit, Job, Launch, Report, Visit
from laminar.errors import UsageError
from laminar.executors import local_shell
from laminar.executors.output import follow, until_ended
from laminar.executors.workers import Workers
from laminar.model import wire

_GRACE_S = 10.0
_CLOSE_S = 1.0


class Process(Executor):
    """Runs `laminar execute` for each split, in a process of its own with this interpreter.

    Args:
        concurrency: Splits at one time, at most; what the machine's cores and memory allow where none is given.
    """

    name = "process"

    def __init__(self, concurrency: int | None = None) -> None:
        self.concurrency = concurrency

    def open(self, launch: Launch) -> None:
        """Check that another process can open the store.

        Raises:
            UsageError: It cannot.
        """
        if not launch.datastore.url:
            raise UsageError(
                f"the {launch.datastore!r} datastore is seen by this process only; the process executor starts others.",
                remedy="Use a datastore in a directory, or the thread executor.",
            )
        self._launch = launch
        self._workers = Workers("laminar-process")
        self._children: dict[Job, subprocess.Popen[bytes]] = {}
        self._lifeline = os.pipe()

    def capacity(self) -> Capacity:
        """The machine's cores and memory."""
        return Capacity(cpu=os.cpu_count(), memory=_memory(), jobs=self.concurrency)

    def submit(self, job: Job, report: Report) -> None:
        """Start a process."""
        child = subprocess.Popen(
            [sys.executable, "-m", *wire.argv(job.task)],
            env={**os.environ, **_environment(job), wire.LIFELINE: str(self._lifeline[0])},
            cwd=self._launch.app_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(self._lifeline[0],),
            start_new_session=True,  # Ctrl-C at the terminal is the scheduler's to handle
        )
        self._children[job] = child
        self._workers.start(lambda: self._wait(job, child, report))

    def cancel(self, job: Job) -> None:
        """SIGTERM to the process and its children; SIGKILL after a grace period."""
        child = self._children.get(job)
        if child is not None:
            self._workers.start(lambda: _end(child))

    def close(self) -> None:
        """Close the pipe: a child that is left ends by itself."""
        self._workers.close(timeout_s=_CLOSE_S)
        for descriptor in self._lifeline:
            with suppress(OSError):
                os.close(descriptor)

    def shell(self, visit: Visit) -> int:
        """Run it in a process of this machine."""
        return local_shell.run(visit, self._launch)

    def _wait(self, job: Job, child: subprocess.Popen[bytes], report: Report) -> None:
        """Pass on what the process prints until it ends."""
        ended, end = os.pipe()
        drained = threading.Event()
        self._workers.start(lambda: self._read(job, child, ended, drained))
        code = child.wait()
        os.close(end)
        drained.wait()
        os.close(ended)
        del self._children[job]
        report(job, Exit(code=code))

    def _read(self, job: Job, child: subprocess.Popen[bytes], ended: int, drained: threading.Event) -> None:
        assert child.stdout is not None
        try:
            with child.stdout as output:
                follow(until_ended(output.fileno(), ended), job)
        finally:
            drained.set()


def _environment(job: Job) -> dict[str, str]:
    told = {**wire.environment(job.task), **faults.environment(), wire.NOTICE: "1"}
    return {"PYTHONUNBUFFERED": "1", **job.configuration.container.env, **told}


def _end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_S)
            return


def _memory() -> int:
    """Memory of this machine in MiB."""
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20)
