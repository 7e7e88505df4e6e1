from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar import wiring
from laminar.datastores import Memory
from laminar.serde import Json

texts = st.text(st.characters())  # halves of surrogate pairs, too
trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def same(one: Any, two: Any) -> bool:
    """Equal in every type, sign and order of keys; NaN is itself."""
    if type(one) is not type(two):
        return False
    if isinstance(one, float):
        return math.isnan(one) == math.isnan(two) and (math.isnan(one) or repr(one) == repr(two))
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        return list(one) == list(two) and all(map(same, one.values(), two.values()))
    return bool(one == two)


@given(trees)
def test_containers_of_json_come_back_without_pickle(value: Any) -> None:
    archive = wiring.archive(Memory(), pickle="deny")
    assert same(archive.load(archive.save(value), "x", "A"), value)


def cycle() -> list[Any]:
    value: list[Any] = [{}]
    value[0]["again"] = value
    return value


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def twice() -> list[Any]:
    row = [0]
    return [row, row]


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        (list(range(10_000)), True),
        (list(range(10_001)), False),
        ([[0] * 5000, [0] * 5000], False),
        (["x" * (1 << 20)], True),
        (["x" * (1 << 20), "x"], False),
        ({"x" * (1 << 20): "x"}, False),
        (deep(50), True),
        (deep(51), False),
        (cycle(), False),
        (twice(), False),
        ([2**63], False),
        ({1: 1}, False),
        ([(1,)], False),
        ([{"a": {True: 1}}], False),
        ([math.nan], True),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_json_would_change_or_be_slow_at_is_left_to_pickle(value: Any, accepted: bool) -> None:
    assert Json().accepts(value) is accepted


def test_what_is_shared_and_what_goes_in_circles_is_so_again() -> None:
    archive = wiring.archive(Memory())
    one, two = archive.load(archive.save(twice()), "x", "A")
    assert one is two
    read = archive.load(archive.save(cycle()), "x", "A")
    assert read[0]["again"] is read
