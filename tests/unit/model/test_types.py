"""Values against annotations."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Literal, NewType, Optional

import pytest

from laminar import Parameters
from laminar.errors import FlowError
from laminar.model.parameters import names
from laminar.model.types import hints, mismatch

Id = NewType("Id", int)

RIGHT = [
    (1, int),
    (1, float),
    (True, bool),
    (True, object),
    (None, None),
    (None, Optional[int]),  # noqa: UP045
    ("x", int | str),
    ({"a": [1]}, dict[str, list[int]]),
    ({"a": 1}, Mapping),
    ([], list[int]),
    ((1, "a"), tuple[int, str]),
    ((1, 2, 3), tuple[int, ...]),
    ({1}, set[int]),
    ([1], Sequence[int]),
    ("b", Literal["a", "b"]),
    (3, Id),
    (date(2026, 1, 1), date),
    (print, Any),
]

WRONG = [
    (True, int, "x is True, not int."),
    (1.5, int, "x is 1.5, not int."),
    ("1", float, "x is '1', not float."),
    (1, str, "x is 1, not str. To give the text, quote it: -p 'x=\"1\"'."),
    (None, int, "x is None, not int."),
    ("a", int | None, "x is 'a', not int | None."),
    ({"a": ["b"]}, dict[str, list[int]], "x['a'][0] is 'b', not int."),
    ({1: 2}, dict[str, int], "key 1 of x is 1, not str."),
    ((1,), tuple[int, str], "x has 1 items, not 2."),
    ((1, "a"), tuple[int, ...], "x[1] is 'a', not int."),
    ("c", Literal["a", "b"], "x is 'c', none of: 'a', 'b'."),
    (1, Literal[True], "x is 1, none of: True."),
    ("a", Id, "x is 'a', not int."),
]


@pytest.mark.parametrize(("value", "hint"), RIGHT, ids=[f"{type(value).__name__} {hint}" for value, hint in RIGHT])
def test_right(value: Any, hint: Any) -> None:
    assert mismatch(value, hint, "x") == ""


@pytest.mark.parametrize(("value", "hint", "words"), WRONG, ids=[str(case[:2]) for case in WRONG])
def test_wrong(value: Any, hint: Any, words: str) -> None:
    assert mismatch(value, hint, "x").startswith(words)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="this Python has no `type X = ...`")
def test_a_type_that_has_got_a_name() -> None:
    named: dict[str, Any] = {}
    exec("type Tree = int | list[Tree]\ntype Pair[T] = tuple[T, int]", named)
    assert mismatch([1, [2]], named["Tree"], "x") == ""
    assert mismatch([1, ["a"]], named["Tree"], "x").startswith("x is [1, ['a']], not ")
    assert mismatch(("a", 1), named["Pair"][str], "x") == ""
    assert mismatch(("a", "b"), named["Pair"][str], "x").startswith("x[1] is 'b', not int.")


def test_an_annotation_that_names_nothing() -> None:
    kind = type("Odd", (Parameters,), {"__annotations__": {"x": "Nowhere"}})
    with pytest.raises(FlowError, match="an annotation of Odd cannot be evaluated: name 'Nowhere' is not defined"):
        hints(kind)


def test_what_a_class_declares() -> None:
    class Base(Parameters):
        one: int

    class Derived(Base):
        limit: ClassVar[int] = 3
        _hidden: int = 4
        two: str = "2"
        plain = 5

    assert names(Derived) == ["one", "two"]
    assert vars(Derived(one=1)) == {"one": 1, "two": "2"}
    assert (Derived(one=1).plain, names(Parameters)) == (5, [])
