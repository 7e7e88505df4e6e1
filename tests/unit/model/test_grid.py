"""Grids against `itertools.product`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.model.grid import Axis, Element, Grid

# How many items each split saved, as runs, and the first split that counts.
runs = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=4)
axes = st.tuples(runs, st.integers(0, 3))


def counts(of: list[tuple[int, int]]) -> list[int]:
    return [items for items, splits in of for _ in range(splits)]


def elements(of: list[tuple[int, int]], first: int) -> list[Element]:
    """What an axis stands for, written out."""
    return [(first + split, item) for split, items in enumerate(counts(of)) for item in range(items)]


def grid(*drawn: tuple[list[tuple[int, int]], int]) -> Grid:
    return Grid([Axis.of("A", f"a{number}", counts(of), first) for number, (of, first) in enumerate(drawn)])


@given(st.lists(axes, min_size=1, max_size=3))
def test_a_grid_is_the_product_of_its_axes_in_the_order_of_itertools(
    drawn: list[tuple[list[tuple[int, int]], int]],
) -> None:
    made = grid(*drawn)
    expected = list(itertools.product(*(elements(of, first) for of, first in drawn)))
    assert made.size == len(expected)
    assert [tuple(element for _, element in made.at(index)) for index in range(made.size)] == expected
    for index in range(made.size):
        assert [axis for axis, _ in made.at(index)] == list(made.axes)


@given(st.lists(axes, min_size=1, max_size=3))
def test_a_grid_survives_json(drawn: list[tuple[list[tuple[int, int]], int]]) -> None:
    made = grid(*drawn)
    assert Grid.from_json(json.loads(json.dumps(made.to_json()))) == made


@given(axes)
def test_there_is_nothing_past_the_end_of_an_axis(drawn: tuple[list[tuple[int, int]], int]) -> None:
    (axis,) = grid(drawn).axes
    with pytest.raises(IndexError):
        axis.at(axis.size)


def test_equal_counts_are_one_run_however_many_splits() -> None:
    axis = Axis.of("A", "a", itertools.repeat(10_000, 10_000))
    assert axis.runs == [(10_000, 10_000)]
    assert len(json.dumps(Grid([axis, axis]).to_json())) < 200
    assert Grid([axis, axis]).at(10**16 - 1) == [(axis, (9_999, 9_999))] * 2


@given(runs)
def test_runs_are_as_few_as_there_are_changes(drawn: list[tuple[int, int]]) -> None:
    each = counts(drawn)
    assert len(Axis.of("A", "a", each).runs) == len(list(itertools.groupby(each)))


def test_a_split_finds_its_elements_without_walking_over_those_before_it() -> None:
    class Counted(list[tuple[int, int]]):
        walked = 0

        def __iter__(self) -> Iterator[tuple[int, int]]:
            self.walked += 1
            return super().__iter__()

    axis = Axis("A", "a", 0, runs := Counted([(1, 1), (2, 1)] * 100))
    assert [axis.at(position) for position in (0, 1, 299)] == [(0, 0), (1, 0), (199, 1)]
    assert runs.walked == 1
