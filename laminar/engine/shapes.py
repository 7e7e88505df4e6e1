"""What the records of each kind hold, so that one that is whole and still no record of laminar's is refused by name.

A checksum finds damage. What passes it and has another shape was written by a laminar with a bug, or by somebody who may
write to the datastore and means harm; neither is to end a scheduler halfway, nor to lead a reader out of the datastore.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]

_BLOB = re.compile("[0-9a-f]{64}")
_BY_LAYER = ("images", "names", "mounts")
_YEARS_S = 1e11
"""No time of a record is later: what formats times cannot do more."""


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _YEARS_S


def _list(item: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(item, value))


def _mapping(item: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(item, value.values()))


def _optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _members(**checks: Check) -> Check:
    """A mapping that has these members, each as it must be, and maybe others."""
    return lambda value: (
        isinstance(value, dict) and all(name in value and check(value[name]) for name, check in checks.items())
    )


def _digest(value: Any) -> bool:
    return _text(value) and _BLOB.fullmatch(value) is not None


def _name(value: Any) -> bool:
    return _text(value) and value.isalnum()


def _place(value: Any) -> bool:
    """Where content is: in the entry, or in a blob."""
    if not isinstance(value, dict) or not _list(_count)(value.get("sizes")):
        return False
    blob = value.get("blob")
    return _text(value.get("inline")) if blob is None else _digest(blob)


def entry(value: Any) -> bool:
    """Whether it is the entry of an artifact."""
    if not _members(type=_text, preview=_text)(value):
        return False
    if "pages" in value:
        return _members(items=_count, page_items=_count, pages=_list(_place))(value) and value["page_items"] > 0
    by = value.get("protocol", value.get("codec"))
    notes = value.get("notes", {})
    return (
        _text(by)
        and _mapping(_text)(notes)
        and (_place(value) if value.get("external") is None else _name(value["external"]))
    )


def _runs(value: Any) -> bool:
    return _list(lambda run: _list(_count)(run) and len(run) == 2)(value)


_AXIS = _members(layer=_text, attribute=_text, first=_count, runs=_runs)
_FAILURE = _members(kind=_text, error=_text, message=_text, remedy=_text, traceback=_text, at=_number)
_USAGE = _members(cpu_s=_optional(_number), memory_peak_mib=_optional(_number), measured=_text)
_CONFIGURATION = _members(
    container=_members(cpu=_number, memory=_number),
    retry=lambda value: isinstance(value, dict),
    timeout=_optional(_members(seconds=_number)),
)


def _engine(value: Any) -> bool:
    """What an executor said of its engine: of images and the like, a text by layer; else what it likes."""
    return isinstance(value, dict) and all(_mapping(_text)(value.get(name, {})) for name in _BY_LAYER)


_SHAPES: Mapping[str, Check] = {
    "execution": _members(flow=_text, target=_text, parameters=_mapping(entry), created=_number),
    "launch": _members(
        graph=_mapping(_list(_text)),
        executor=_text,
        engine=_engine,
        versions=_mapping(_text),
        target=_text,
        fingerprint=lambda value: value == "" or _digest(value),
        argv=_list(_text),
        created=_number,
    ),
    "generation": _members(layers=_list(_text)),
    "plan": _members(splits=_count, grid=_optional(_list(_AXIS)), skipped=_text),
    "commit": _members(
        attempt=_count,
        artifacts=_mapping(entry),
        inputs=_mapping(_text),
        code=_text,
        started=_number,
        finished=_number,
        versions=_mapping(_text),
        caught=_optional(_FAILURE),
    ),
    "started": _members(configuration=_optional(_CONFIGURATION), last=_truth, generation=_count, created=_number),
    "failure": _FAILURE,
    "final": _members(epoch=_count),
    "owner": _members(pid=_count, born=_text, host=_text, user=_text, at=_number),
    "ended": _members(outcome=_text, at=_number),
}

_LATER: Mapping[str, Check] = {
    "configurations": _mapping(_CONFIGURATION),
    "usage": _optional(_USAGE),
    "launch": _count,
}
"""Members that records of an older laminar do not have."""


def fits(kind: str, document: Mapping[str, Any]) -> bool:
    """Whether a record of that kind holds what such records hold."""
    check = _SHAPES.get(kind)
    return (check is None or check(document)) and all(
        check(document[name]) for name, check in _LATER.items() if name in document
    )
