"""Timers of a loop that waits for something else."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Timers(Generic[T]):
    """Things that are due at a time, by the caller's clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def __iter__(self) -> Iterator[T]:
        """All of them, in no order; dropping some meanwhile is safe."""
        return iter([what for _, _, what in self._heap])

    def add(self, due: float, what: T) -> None:
        """Have `what` ring at `due`; equal times ring in the order in which they were added."""
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, what))

    def wait_s(self, now: float) -> float:
        """Seconds until the next one rings; infinite where there is none."""
        return max(0.0, self._heap[0][0] - now) if self._heap else float("inf")

    def pop(self, now: float) -> T | None:
        """The next one that is due, if one is."""
        return heapq.heappop(self._heap)[2] if self._heap and self._heap[0][0] <= now else None

    def drop(self, what: T) -> None:
        """Have `what` not ring."""
        if any(other is what for _, _, other in self._heap):
            self._heap = [timer for timer in self._heap if timer[2] is not what]
            heapq.heapify(self._heap)

    def clear(self) -> None:
        """Have nothing ring."""
        self._heap.clear()
