"""Small helpers for typed flows."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def unwrap(value: T | None) -> T:
    """`value`, for type checkers and readers certain not to be None.

    Raises:
        ValueError: It is None.
    """
    if value is None:
        raise ValueError("there is no value: it is None")
    return value
