"""Two sides of one piece of work, timed in one run: they alternate, since the machine is never quiet for long.

Beside the time that passes stands the time that child processes spent on a processor: what else the machine does disturbs
it less, but it knows nothing of waits, nor of what a daemon does.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Work = Callable[[], object]


@dataclass(frozen=True)
class Side:
    """The times of one side, in milliseconds, in the order they were taken; `cpu_ms` are those of its children."""

    name: str
    times_ms: list[float]
    cpu_ms: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.times_ms)

    def __str__(self) -> str:
        least, most = min(self.times_ms), max(self.times_ms)
        cpu = f"cpu {median(self.cpu_ms):8.1f} ms"
        return (
            f"  {self.name:<36} {self.median:9.1f} ms   ({least:.1f} to {most:.1f}, {len(self.times_ms)} times)   {cpu}"
        )


def alternate(sides: Mapping[str, Work], rounds: int, warm_up: int = 1) -> list[Side]:
    """Time each side once in each round, in turns that begin with another side each time.

    Args:
        sides: Name -> what to time.
        rounds: How often.
        warm_up: Rounds before the first that is kept, so that caches are filled for all sides alike.

    Returns:
        The sides, in the order given.
    """
    names = list(sides)
    times: dict[str, list[float]] = {name: [] for name in names}
    cpu: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-warm_up, rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            began, spent = time.perf_counter(), _children_s()
            sides[name]()
            if turn >= 0:
                times[name].append((time.perf_counter() - began) * 1000)
                cpu[name].append((_children_s() - spent) * 1000)
    return [Side(name, times[name], cpu[name]) for name in names]


def ratio(side: Side, floor: Side) -> float:
    """The median of the ratios of each pair: what disturbs the machine disturbs both sides of a pair."""
    return median(a / b for a, b in zip(side.times_ms, floor.times_ms, strict=True))


def difference_ms(side: Side, floor: Side) -> float:
    """The median of the differences of each pair, in milliseconds."""
    return median(a - b for a, b in zip(side.times_ms, floor.times_ms, strict=True))


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def show(title: str, sides: list[Side], verdict: str) -> None:
    """Print both sides and what they come to."""
    print(title)
    for side in sides:
        print(side)
    print(f"  {verdict}")
