"""HTML that is safe by its making: text is escaped when it becomes part of an element."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_VOID = frozenset({"meta", "input", "br", "hr", "col"})


class Markup(str):
    """HTML, not to be escaped again. Made by `element`, or of what is certainly ours."""

    __slots__ = ()


Child = str | Iterable[str] | None
"""Text, elements, several of them, or nothing."""


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """An element.

    Args:
        name: Of the element.
        children: What is in it.
        attributes: With `_` for `-`, and at the end of Python's own words (`class_`); None and False leave one out.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(clean(str(value)))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inside = joined(*children)
    return Markup(f"<{name}{written}>" if name in _VOID else f"<{name}{written}>{inside}</{name}>")


def joined(*children: Child) -> Markup:
    """Children, one after the other."""
    flat = (each for child in children for each in ([child] if isinstance(child, str) else child or ()))
    return Markup("".join(each if isinstance(each, Markup) else escape(clean(each)) for each in flat))


def clean(text: str) -> str:
    """`text` with control characters written out, and none that UTF-8 has no form for."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text))


def embedded(document: Any) -> Markup:
    """JSON that stands within a `<script>`: nothing in it ends that, begins a comment, or is no JavaScript."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
