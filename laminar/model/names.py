"""What an execution, a flow and a layer may be called: the one place where a name is let into a path or a command."""

from __future__ import annotations

import os
import re
import time

from laminar.errors import UsageError

_EXECUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no letters that are read as digits


def execution_id(text: str) -> str:
    """The id, if it is one.

    Raises:
        UsageError: It is not, so it may become neither a path nor a container name.
    """
    if not isinstance(text, str) or not _EXECUTION.fullmatch(text) or ".." in text:
        raise UsageError(
            f"invalid execution id {text[:140] if isinstance(text, str) else text!r}.",
            remedy="Use 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit, without '..'.",
        )
    return text


def new_execution_id() -> str:
    """A fresh id of 16 characters: 10 of time in milliseconds, so that ids sort by age, and 30 random bits."""
    number = (int(time.time() * 1000) << 30) | int.from_bytes(os.urandom(4), "big") >> 2
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(75, -1, -5))


def class_name(text: str) -> str:
    """The name of a flow or layer, if it can be one (a Python identifier of at most 128 characters).

    Raises:
        UsageError: It cannot.
    """
    if not text.isidentifier() or len(text.encode()) > 128:
        raise UsageError(
            f"invalid name {text[:140]!r} for a flow or layer.",
            remedy="Use the name of its class: a Python identifier of at most 128 bytes.",
        )
    return text


def nearest(word: str, choices: list[str]) -> str:
    """` Did you mean 'x'?` where one of the choices is close, else nothing; for the end of a remedy."""
    import difflib  # paid by mistakes only

    found = difflib.get_close_matches(word, choices, n=1)
    return f" Did you mean {found[0]!r}?" if found else ""
