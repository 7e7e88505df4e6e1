"""Lines of logs on their way to be shown. They never stand in the way of what decides."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from laminar.model.wire import Task

_MOST = 10_000
"""Lines that wait to be shown, at most: the oldest give way, and the logs have them."""


class Lines:
    """Takes lines from any thread, and hands them out in the scheduler's.

    Args:
        wake: Called when there are lines to take, once until they are taken.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: deque[tuple[Task, str]] = deque(maxlen=_MOST)
        self._woken = False
        self.lost = 0

    def add(self, task: Task, line: str) -> None:
        """Have a line shown."""
        if len(self._waiting) == self._waiting.maxlen:
            self.lost += 1
        self._waiting.append((task, line))
        if not self._woken:
            self._woken = True
            self._wake()

    def take(self) -> Iterator[tuple[Task, str]]:
        """What waits, oldest first."""
        self._woken = False
        while self._waiting:
            yield self._waiting.popleft()
