"""Which attempt the running code belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from laminar.model.wire import Task

_task: ContextVar[Task | None] = ContextVar("laminar", default=None)
_process: list[Task] = []
"""The task of an executor process: threads that a layer starts begin with an empty context."""


class Current:
    """The attempt that is evaluated where this is read; false outside of layers.

    Code that is far from the layer, such as a logging filter, reads it: `current.layer`, `current.index`.
    """

    def __bool__(self) -> bool:
        return self._found() is not None

    @property
    def flow(self) -> str:
        """The flow's target, such as `main:HelloFlow`; empty in the scheduler's own process."""
        return self._known.target

    @property
    def execution(self) -> str:
        """The execution's id."""
        return self._known.execution

    @property
    def layer(self) -> str:
        """The layer's name."""
        return self._known.layer

    @property
    def index(self) -> int:
        """Which split, from 0."""
        return self._known.index

    @property
    def splits(self) -> int:
        """Of how many."""
        return self._known.splits

    @property
    def attempt(self) -> int:
        """Which try, from 1."""
        return self._known.attempt

    @staticmethod
    def _found() -> Task | None:
        return _task.get() or next(iter(_process), None)

    @property
    def _known(self) -> Task:
        task = self._found()
        if task is None:
            raise AttributeError("no layer is evaluated here; ask first: if current: ...")
        return task


current = Current()


@contextmanager
def evaluating(task: Task) -> Iterator[None]:
    """Have `current` show `task` in this thread."""
    token = _task.set(task)
    try:
        yield
    finally:
        _task.reset(token)


def belongs_to(task: Task) -> None:
    """Have `current` show `task` in all of this process."""
    _process[:] = [task]
