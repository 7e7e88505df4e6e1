from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.engine.preview import preview, type_name

from .. import strategies as ours


class Rude:
    shape = ("not", "numbers")

    def __repr__(self) -> str:
        raise RuntimeError("a user's repr was called")

    __str__ = __repr__


class Lazy:
    @property
    def shape(self) -> Any:
        raise RuntimeError("not computed yet")


@given(ours.json_values | st.binary())
def test_it_is_one_short_printable_line(value: object) -> None:
    text = preview(value)
    assert len(text) <= 80
    assert text.isprintable()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ("text", "'text'"),
        ("x" * 100, "'" + "x" * 78 + "…"),
        (b"\0", r"b'\x00'"),
        ([1, 2], "list of 2"),
        ({"a": Rude()}, "dict of 1"),
        (OrderedDict(), "OrderedDict"),
        (np.zeros((3, 4)), "ndarray 3 by 4 float64"),
        (Rude(), "Rude not by numbers"),
        (len, "builtin_function_or_method"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_it_says(value: object, text: str) -> None:
    assert preview(value) == text


def test_an_endless_number_has_a_preview() -> None:
    assert len(preview(10**5000)) <= 80


def test_a_property_of_the_users_that_raises_does_no_harm() -> None:
    assert preview(Lazy()) == "Lazy"


def test_types_are_named_with_their_module() -> None:
    assert type_name(1) == "int"
    assert type_name(Rude()) == f"{__name__}.Rude"
