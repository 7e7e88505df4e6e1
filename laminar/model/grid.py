"""The grid of a ForEach: which elements each split gets, in the order of `itertools.product`.

A grid is kept as counts, run-length encoded, so that ten thousand splits over ten thousand values are one pair of numbers.
Any split finds its elements without building the others, and without walking over them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import groupby
from math import prod
from operator import itemgetter
from typing import Any, NamedTuple

Element = tuple[int, int]
"""A split of the layer that is iterated over, and an item of what that split saved (0 for a value saved whole)."""


@dataclass(frozen=True)
class Axis:
    """The elements of one parameter of a ForEach.

    Attributes:
        layer: Name of the layer that is iterated over.
        attribute: Name of its attribute.
        first: The first split of that layer that counts.
        runs: `(items, splits)`: so many splits one after the other that saved so many items each.
    """

    layer: str
    attribute: str
    first: int
    runs: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, layer: str, attribute: str, counts: Iterable[int], first: int = 0) -> Axis:
        """The axis over splits that saved `counts` items each."""
        runs = [(items, sum(1 for _ in group)) for items, group in groupby(counts)]
        return cls(layer, attribute, first, runs)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return self._starts[-1][0]

    def at(self, position: int) -> Element:
        """The element at a position from 0."""
        if position >= self.size:
            raise IndexError(position)
        run = bisect_right(self._starts, position, key=itemgetter(0)) - 1
        start, split = self._starts[run]
        beyond, item = divmod(position - start, self.runs[run][0])
        return split + beyond, item

    @cached_property
    def _starts(self) -> list[tuple[int, int]]:
        """The position and the split that each run begins with, and those past the last one."""
        starts = [(0, self.first)]
        for items, splits in self.runs:
            position, split = starts[-1]
            starts.append((position + items * splits, split + splits))
        return starts


class Grid(NamedTuple):
    """The product of its axes, of which the last varies fastest."""

    axes: Sequence[Axis]

    @property
    def size(self) -> int:
        """How many splits there are."""
        return prod(axis.size for axis in self.axes)

    def at(self, index: int) -> list[tuple[Axis, Element]]:
        """What the split of that index gets: an element of each axis."""
        found = []
        for axis in reversed(self.axes):
            index, position = divmod(index, axis.size)
            found.append((axis, axis.at(position)))
        return found[::-1]

    def to_json(self) -> list[dict[str, Any]]:
        """As plain data."""
        return [asdict(axis) for axis in self.axes]

    @classmethod
    def from_json(cls, data: Iterable[dict[str, Any]]) -> Grid:
        """The inverse of `to_json`."""
        return cls([Axis(**{**axis, "runs": [(items, splits) for items, splits in axis["runs"]]}) for axis in data])
