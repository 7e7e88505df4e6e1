"""A scheduler's time in office: it has the lease from before it does anything, and leaves in order, however the run ends."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from laminar.engine.executor import Executor
from laminar.engine.lease import Lease
from laminar.engine.ledger import Ledger
from laminar.engine.scheduler import Scheduler
from laminar.engine.telling import tell
from laminar.errors import ExecutionError, Interrupted, LaminarError


class Held:
    """The lease, once it is taken; given back when all else is done, with how the run ended."""

    lease: Lease

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._scheduler: Scheduler | None = None
        self._untold: deque[Callable[[Scheduler], None]] = deque()

    def take(self, *, by_force: bool = False) -> None:
        """Take it, and keep it from now on: images may have to be pulled or made before there is a scheduler."""
        self.lease = Lease.take(self._ledger, by_force=by_force, say=tell)
        self.lease.keep(
            lambda: self._tell(lambda scheduler: scheduler.stop(signal.SIGTERM)),
            lambda to: self._tell(lambda scheduler: scheduler.give_way(to)),
        )

    @property
    def lost(self) -> bool:
        """Whether another process has it, also where this one has not heard of that yet."""
        return hasattr(self, "lease") and self.lease.lost

    def attach(self, scheduler: Scheduler) -> None:
        """Have it hear of what happens to the lease, and of what has happened."""
        self._scheduler = scheduler
        self._deliver()

    def _tell(self, what: Callable[[Scheduler], None]) -> None:
        self._untold.append(what)
        self._deliver()

    def _deliver(self) -> None:
        with suppress(IndexError):  # each is told once, by whichever thread comes first
            while self._scheduler is not None:
                self._untold.popleft()(self._scheduler)

    def __enter__(self) -> Held:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if hasattr(self, "lease"):
            outcome = "done" if error is None else "failed" if isinstance(error, ExecutionError) else "interrupted"
            self.lease.release(outcome)


class Closing:
    """Closes the executor, unless the user leaves at once: then what was asked to end is not waited for.

    Nor does one remove anything that another scheduler has taken over meanwhile, and may have adopted.
    """

    def __init__(self, executor: Executor, held: Held) -> None:
        self._executor = executor
        self._held = held

    def __enter__(self) -> None:
        """Nothing: the executor is open."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if (isinstance(error, Interrupted) and error.taken_over) or self._held.lost:
            self._executor.leave()
            return
        if isinstance(error, Interrupted) and error.at_once:
            self._executor.abandon()
            return
        try:
            self._executor.close()
        except LaminarError as left:  # how the run ended stands by now
            tell(f"warning: {left.message} {left.remedy}")
