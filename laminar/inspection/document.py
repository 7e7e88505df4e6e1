"""What was found as JSON: one object with a `version`, times in ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

VERSION = 1
"""Grows when a reader of the older one could misread it; members may be added without that."""

_TIMES = frozenset({"created", "started", "finished"})


def document(**members: Any) -> dict[str, Any]:
    """The document of what was found, by the name of each member."""
    return {"version": VERSION, **{name: _plain(value, name) for name, value in members.items()}}


def facts(found: Any) -> dict[str, Any]:
    """The document of one thing, whose members are the document's own."""
    return document(**{field.name: getattr(found, field.name) for field in fields(found)})


def iso(seconds: float) -> str:
    """`2026-01-31T12:00:00.123Z`."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _plain(value: Any, name: str = "") -> Any:
    if name in _TIMES and isinstance(value, float):
        return iso(value)
    if name.endswith("_s") and isinstance(value, float):
        return round(value, 3)
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name), field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(each) for each in value]
    return value
