"""The grid of a ForEach: which elements each split gets, in the order of `itertools.product`.

A grid is kept as counts, run-length encoded, so that ten thousand splits over ten thousand values are one pair of numbers
and any split finds its elements without building the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import prod
from typing import Any, NamedTuple

Element = tuple[int, int]
"""A split of the layer that is iterated over, and an item of what that split saved (0 for a value saved whole)."""


class Axis(NamedTuple):
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
        return sum(items * splits for items, splits in self.runs)

    def at(self, position: int) -> Element:
        """The element at a position from 0."""
        split = self.first
        for items, splits in self.runs:
            if position < items * splits:
                return split + position // items, position % items
            position -= items * splits
            split += splits
        raise IndexError(position)


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
        return [axis._asdict() for axis in self.axes]

    @classmethod
    def from_json(cls, data: Iterable[dict[str, Any]]) -> Grid:
        """The inverse of `to_json`."""
        return cls([Axis(**{**axis, "runs": [(items, splits) for items, splits in axis["runs"]]}) for axis in data])
