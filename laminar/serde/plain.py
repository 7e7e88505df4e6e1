"""Codecs that run no code when they read: JSON, and bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from laminar.engine.ports import Buffer, Codec

_SCALARS = frozenset((type(None), bool, int, float, str))
_TEXT = frozenset((str,))
_to_json = json.JSONEncoder(ensure_ascii=False).encode
_INT64 = 1 << 63

_MOST_VALUES = 10_000
_MOST_CHARACTERS = 1 << 20
_DEEPEST = 50
"""Of a container: so JSON costs a few milliseconds more than pickle at most. docs/adr/0010-protocols.md has the figures."""


class Json(Codec):
    """None, booleans, numbers and strings, and small lists and dictionaries of them: exactly these types.

    A container is left to pickle where it is large (above 10,000 values, 1 Mi characters or 50 levels), where it holds a
    list or a dictionary twice, which would come back as two, and where a key is no string.
    """

    name = "json"

    def accepts(self, value: Any) -> bool:
        """Whether `value` is a scalar or such a container."""
        return _is_scalar(value) or (type(value) in (list, dict) and _is_small_tree(value))

    def dump(self, value: Any) -> tuple[Sequence[Buffer], dict[str, str]]:
        """As JSON text. Half of a surrogate pair stays what it is: escaped, two of them would come back as one character."""
        return [_to_json(value).encode("utf-8", "surrogatepass")], {}

    def load(self, parts: Sequence[Buffer], notes: dict[str, str]) -> Any:
        """From JSON text."""
        return json.loads(str(parts[0], "utf-8", "surrogatepass"))


def _is_scalar(value: Any) -> bool:
    """Numbers beyond 64 bits are left to pickle: Python bounds their text's length."""
    return type(value) in _SCALARS and (type(value) is not int or -_INT64 <= value < _INT64)


def _is_small_tree(value: Any) -> bool:
    """Looks level by level, and no further than the bounds; what holds itself is met again."""
    values, characters, seen, level = _MOST_VALUES, _MOST_CHARACTERS, set(), [value]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for part in level:
            kind = type(part)
            if kind is str:
                characters -= len(part)
            elif kind is list or kind is dict:
                values -= len(part)
                if values < 0 or id(part) in seen:
                    return False
                seen.add(id(part))
                if kind is dict:
                    if not set(map(type, part)) <= _TEXT:
                        return False
                    characters -= sum(map(len, part))
                below.extend(part.values() if kind is dict else part)
            elif kind is int:
                if not -_INT64 <= part < _INT64:
                    return False
            elif kind not in _SCALARS:
                return False
        if characters < 0 or not below:
            return characters >= 0
        level = below
    return False


class Bytes(Codec):
    """Bytes as they are."""

    name = "bytes"

    def accepts(self, value: Any) -> bool:
        """Whether `value` is bytes."""
        return type(value) is bytes

    def dump(self, value: Any) -> tuple[Sequence[Buffer], dict[str, str]]:
        """One part."""
        return [value], {}

    def load(self, parts: Sequence[Buffer], notes: dict[str, str]) -> Any:
        """One part."""
        return bytes(parts[0])
