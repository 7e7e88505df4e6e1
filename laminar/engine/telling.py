"""What is told to people: lines are broken between words where a terminal would break them anywhere, and only there."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

from laminar.errors import LaminarError, report

_LEAST = 8
"""Columns below which nothing is gained by breaking lines."""

_HANG = re.compile(r"\d\d:\d\d\.\d\d (?:warning: )?|(?:error|warning|note): |[✓✗!+x] | *\S+(?: \S+)? {2,}| *")
"""What a line begins with that the lines it is broken into stand to the right of: a time, a kind, a mark, a label."""

_COMMAND = re.compile(r"laminar [a-z]+(?: (?! )(?:(?<= )'[^']*'|(?! {2}|[.,;)] |[.,;)]$).)+)?")
"""A command to be pasted: it would not be one any more, were it broken."""


def tell(text: str) -> None:
    """Say it on stderr."""
    _write(folded(text, columns_of(sys.stderr)))


def tell_error(error: LaminarError) -> None:
    """Say what went wrong on stderr; tracebacks and logs are left as they are."""
    columns = columns_of(sys.stderr)
    _write(report(error, lambda text: folded(text, columns)))


def _write(text: str) -> None:
    if sys.stderr is not None:  # who starts us may close it
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def columns_of(stream: Any) -> int:
    """Of the terminal that a stream is; 0 where it is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError, AttributeError):  # it is closed, or no file
        return 0


def folded(text: str, columns: int, hang: int | None = None) -> str:
    """`text` with each line that is longer than `columns` broken between words; as it is, where that is 0.

    Args:
        text: Lines.
        columns: Of the terminal.
        hang: Columns before what a line is continued with; by what each line begins with, where None.
    """
    if columns < _LEAST or all(len(line) <= columns for line in text.split("\n")):
        return text
    return "\n".join(_folded(line, columns, hang) for line in text.split("\n"))


def _folded(line: str, columns: int, hang: int | None) -> str:
    import textwrap

    start = 0
    if hang is None:
        found = _HANG.match(line)
        start = found.end() if found else 0
        hang = start if start <= columns // 2 else len(line) - len(line.lstrip())
    # Neither a label and what it stands before, nor a command, is broken.
    whole = line[:start].replace(" ", "\0") + _COMMAND.sub(lambda each: each[0].replace(" ", "\0"), line[start:])
    lines = textwrap.wrap(
        whole,
        columns,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    return "\n".join(lines).replace("\0", " ")
