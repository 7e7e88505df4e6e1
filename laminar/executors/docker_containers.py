"""The containers of one launch's attempts, from their making to their removal."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from laminar.engine.executor import Exit, Job, Leftover, Report
from laminar.errors import EngineError, LaminarError
from laminar.executors.docker_ahead import Ahead, Making
from laminar.executors.docker_command import LABEL, Place, container_name, labels_of
from laminar.executors.docker_engine import Engine
from laminar.executors.docker_exit import exit_of
from laminar.executors.docker_watch import attach, patiently, watch
from laminar.executors.output import follow
from laminar.executors.workers import Workers
from laminar.model.configuration import Configuration
from laminar.model.wire import Task

_GRACE_S = 10
_MAKING_S = 0.05


class Containers:
    """One for each attempt, and a thread that sees it to its end.

    Args:
        engine: Runs them; closed with them.
        place: What all of them have in common.
        execution: Whose they are.
        command: The `docker run` command of an attempt.
    """

    def __init__(
        self, engine: Engine, place: Place, execution: str, command: Callable[[Task, Configuration], list[str]]
    ) -> None:
        self._engine = engine
        self._place = place
        self._execution = execution
        self._command = command
        self._workers = Workers("laminar-docker")
        self._ahead = Ahead(engine, self._workers, command)
        self._names: dict[Job, str] = {}
        self._left: set[str] = set()
        self._connects = False
        self._gone = False

    def leftovers(self) -> list[Leftover]:
        """Those of the execution's layers that have run, or run still; others are removed."""
        found = []
        for name, labels in self._all().items():
            state = self._engine.state(name)
            if state is None or not labels.get(f"{LABEL}.layer"):
                continue
            self._left.add(name)
            if state.status == "created":
                self._engine.remove(name)
                continue
            layer, index, number = (labels[f"{LABEL}.{key}"] for key in ("layer", "index", "attempt"))
            found.append(Leftover(layer, int(index), int(number)))
        return found

    def adopt(self, job: Job, report: Report) -> None:
        """Watch one that is there."""
        self._names[job] = container_name(job.task, self._place)
        self._workers.start(lambda: self._see_through(job, report, self._adopted))

    def discard(self, job: Job) -> None:
        """Keep what one has printed, and remove it, running or not."""
        name = container_name(job.task, self._place)
        if self._engine.state(name) is not None:
            attach(job, ["docker", "logs", name], job.seen)
            self._engine.remove(name)

    def expect(self, upcoming: Mapping[Task, Configuration]) -> None:
        """Have those of these attempts made, and not started."""
        self._ahead.expect(upcoming)

    def submit(self, job: Job, report: Report) -> None:
        """Start one."""
        self._names[job] = container_name(job.task, self._place)
        self._left.add(self._names[job])
        making = self._ahead.take(job.task)
        self._workers.start(lambda: self._see_through(job, report, partial(self._attempt, making)))
        if not self._connects:
            self._connects = True
            self._workers.start(self._engine.connect)

    def cancel(self, job: Job) -> None:
        """Stop the container, never the client: killing that leaves the container running."""
        name = self._names.get(job)
        if name is not None:
            self._workers.start(lambda: self._stop(job, name))

    def close(self) -> None:
        """Remove all that are left: whoever has the execution's lease is the only one to start any."""
        self._workers.close(timeout_s=_GRACE_S)
        try:
            # Also what the client of a scheduler that was killed has started since this one looked.
            late = self._all() if self._left or self._connects else ()
            for name in {*self._left, *late}:
                self._engine.remove(name)
        except EngineError as error:
            left = " ".join(sorted(self._left))
            raise EngineError(
                error.message, remedy=f"Remove what is left of the run: docker rm --force --volumes {left}"
            ) from error
        finally:
            self._engine.close()

    def leave(self) -> None:
        """Give the connection back; they run on, and the threads that watch them here touch them no more."""
        self._gone = True
        self._names.clear()
        for identity in self._ahead.identities():
            with suppress(EngineError):
                self._engine.remove(identity)
        self._engine.close()

    def abandon(self) -> None:
        """Have the engine remove all that are there; a client of its own sees to that after this process has gone."""
        names = [*self._names.values(), *self._ahead.identities()]
        if names:
            subprocess.Popen(
                ["docker", "rm", "--force", "--volumes", *names],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _all(self) -> dict[str, dict[str, str]]:
        """Name -> labels of those of the execution, whichever launch has started them."""
        return self._engine.containers(labels_of(self._place.flow, self._execution, self._place.store))

    def _see_through(self, job: Job, report: Report, attempt: Callable[[Job, str], Exit]) -> None:
        """See a container to its end, and report how that was. In a thread of its own."""
        name = self._names[job]
        try:
            exit_ = attempt(job, name)
        except EngineError:
            exit_ = Exit(vanished=True)
        except LaminarError as error:
            exit_ = Exit(error=error)
        except Exception as error:  # whatever it is, the scheduler waits for a report
            exit_ = Exit(
                error=EngineError(f"cannot start the docker command: {error}", remedy="Check its installation.")
            )
        if self._gone:
            return
        self._names.pop(job, None)
        report(job, exit_)
        with suppress(EngineError):  # close() tries again
            self._engine.remove(name)
            self._left.discard(name)

    def _attempt(self, making: Making | None, job: Job, name: str) -> Exit:
        command = self._command(job.task, job.configuration)
        identity = self._ahead.identity(making, command) if making else ""
        if self._gone:  # another scheduler has looked for what runs by now, and would not know of this
            if identity:
                self._engine.remove(identity)
            return Exit(vanished=True)
        if identity and (exit_ := self._started(job, name, identity)) is not None:
            return exit_
        code, last, seen = attach(job, command)
        if code == 125 and "is already in use by container" in last:  # left by a run whose store was deleted since
            self._engine.remove(name)
            code, last, seen = attach(job, command)
        state = patiently(lambda: self._engine.state(name))
        if state is not None and (state.status == "running" or code < 0):  # the client died, the container did not
            state, last = watch(job, self._engine, name, seen)
        return exit_of(code, state, last, job)

    def _started(self, job: Job, name: str, identity: str) -> Exit | None:
        """How the attempt ended in a container that was made ahead; None where that cannot be started any more."""
        printed = self._engine.start(identity)
        if printed is None:
            self._engine.remove(identity)
            return None
        last, seen = follow(printed, job)
        with suppress(EngineError):  # it restarts, maybe, and the container runs on
            self._engine.wait(identity)
        state = patiently(lambda: self._engine.state(identity))
        said = last.decode("utf-8", "replace")
        if state is not None and state.status == "running":
            state, said = watch(job, self._engine, name, seen)
        return exit_of(0, state, said, job)

    def _adopted(self, job: Job, name: str) -> Exit:
        state, last = watch(job, self._engine, name, job.seen)
        return exit_of(0, state, last, job)

    def _stop(self, job: Job, name: str) -> None:
        """Stop a container. One that is only being made is waited for: the engine would forget that it was to stop."""
        while job in self._names:
            with suppress(EngineError):  # asked again until it is done
                state = self._engine.state(name)
                if state is not None and state.status != "created":
                    self._engine.stop(name, _GRACE_S)
                    return
            time.sleep(_MAKING_S)
