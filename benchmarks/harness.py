"""Two sides of one piece of work, timed in one run: they alternate, since the machine is never quiet for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Work = Callable[[], object]


@dataclass(frozen=True)
class Side:
    """The times of one side, in milliseconds, in the order they were taken."""

    name: str
    times_ms: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.times_ms)

    def __str__(self) -> str:
        least, most = min(self.times_ms), max(self.times_ms)
        return f"  {self.name:<44} {self.median:9.1f} ms   ({least:.1f} to {most:.1f}, {len(self.times_ms)} times)"


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
    for turn in range(-warm_up, rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            began = time.perf_counter()
            sides[name]()
            if turn >= 0:
                times[name].append((time.perf_counter() - began) * 1000)
    return [Side(name, times[name]) for name in names]


def ratio(side: Side, floor: Side) -> float:
    """The median of the ratios of each pair: what disturbs the machine disturbs both sides of a pair."""
    return median(a / b for a, b in zip(side.times_ms, floor.times_ms, strict=True))


def difference_ms(side: Side, floor: Side) -> float:
    """The median of the differences of each pair, in milliseconds."""
    return median(a - b for a, b in zip(side.times_ms, floor.times_ms, strict=True))


def show(title: str, sides: list[Side], verdict: str) -> None:
    """Print both sides and what they come to."""
    print(title)
    for side in sides:
        print(side)
    print(f"  {verdict}")
