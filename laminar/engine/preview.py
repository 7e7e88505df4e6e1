"""What a value looked like when it was saved, for people who look without loading it."""

from __future__ import annotations

from typing import Any

_WIDTH = 80
_PLAIN = (type(None), bool, int, float, str, bytes)


def type_name(value: Any) -> str:
    """The type's name, with its module unless it is built in."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def preview(value: Any) -> str:
    """At most 80 characters. Cheap and safe for any value: only built-in types are looked into, never a user's `repr`."""
    if type(value) is int and value.bit_length() > _WIDTH * 4:
        return f"int of {value.bit_length()} bits"  # Python refuses to write very long ones out
    if type(value) in _PLAIN:
        text = repr(value[: _WIDTH + 1] if isinstance(value, str | bytes) else value)
    else:
        text = _outside(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def _outside(value: Any) -> str:
    name = type(value).__name__
    if type(value) in (list, tuple, set, frozenset, dict):
        return f"{name} of {len(value)}"
    try:
        shape, kind = getattr(value, "shape", None), getattr(value, "dtype", "")
    except Exception:  # a user's property may raise anything
        return name
    return f"{name} {' by '.join(map(str, shape))} {kind}".rstrip() if type(shape) is tuple else name
