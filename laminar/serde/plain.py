"""Codecs that run no code when they read: JSON scalars, and bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from laminar.engine.ports import Buffer, Codec

_SCALARS = (type(None), bool, int, float, str)


class Json(Codec):
    """None, booleans, numbers and strings: exactly these types, whose JSON reads back equal."""

    name = "json"

    def accepts(self, value: Any) -> bool:
        """Whether `value` is a scalar. Numbers beyond 64 bits are left to pickle: Python bounds their text's length."""
        return type(value) in _SCALARS and (type(value) is not int or -(1 << 63) <= value < 1 << 63)

    def dump(self, value: Any) -> tuple[Sequence[Buffer], dict[str, str]]:
        """As JSON text."""
        return [json.dumps(value).encode()], {}

    def load(self, parts: Sequence[Buffer], notes: dict[str, str]) -> Any:
        """From JSON text."""
        return json.loads(bytes(parts[0]))


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
