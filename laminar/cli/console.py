"""What the commands print on stdout: data, for people and for programs.

Colour only on a terminal, and never alone: each state has its word. What the stream cannot show is escaped, and so are
control characters in what layers wrote, which could steer a terminal.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from laminar.engine.telling import folded, tell
from laminar.model.printable import clean as clean  # of what is printed here

_MARKS = {
    "finished": ("✓", "+", "green"),
    "done": ("✓", "+", "green"),
    "running": ("●", "*", "cyan"),
    "to run": ("●", "*", "cyan"),
    "retrying": ("↻", "~", "yellow"),
    "interrupted": ("!", "!", "yellow"),
    "lost": ("!", "!", "yellow"),
    "failed": ("✗", "x", "red"),
    "damaged": ("!", "!", "red"),
    "skipped": ("─", "-", ""),
    "waiting": ("○", ".", ""),
    "unknown": ("?", "?", "yellow"),
}
"""State -> its mark, the mark where the stream has no such character, and its colour; dim where none."""

_LEAST = 20
"""Columns that are left to a text that is cut, before other columns are left out for it."""

_FOLDED = 10
"""The same of one that is shown whole, in several lines."""


def put(text: str = "") -> None:
    """Print lines."""
    encoding = sys.stdout.encoding or "ascii"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), color=_colours())


def put_words(text: str) -> None:
    """Print sentences: broken between words where a terminal would break them anywhere."""
    put(folded(text, _width()))


def put_json(document: Mapping[str, Any]) -> None:
    """Print a document, in ASCII: any program reads it."""
    click.echo(json.dumps(document, indent=2))


def put_bytes(data: bytes) -> None:
    """Print bytes as they are."""
    click.echo(data, nl=False)


def note(text: str) -> None:
    """Say something that is no data, on stderr."""
    tell(text)


def state(name: str, words: str = "") -> str:
    """A state with its mark, in its colour; `words` stand in its place."""
    mark, plain, colour = _MARKS[name]
    text = f"{plain if _ascii_only() else mark} {words or name}"
    if not _colours():
        return text
    return click.style(text, fg=colour) if colour else click.style(text, dim=True)


def rows(
    cells: Sequence[Sequence[str]],
    *,
    drop: Sequence[int] = (),
    right: Sequence[int] = (),
    indent: str = "",
    cut: bool = False,
    fold: bool = False,
) -> None:
    """Print aligned columns.

    Args:
        cells: Lines of cells, as many in each.
        drop: Columns to leave out where the terminal is too narrow, the first of these first.
        right: Columns whose cells are aligned to the right.
        indent: Put before each line.
        cut: Whether the last column is text without a style, of which the beginning does where the terminal is too narrow.
        fold: Whether it is such a text, and all of it is shown, in several lines.
    """
    shown = list(range(len(cells[0]))) if cells else []
    widths = [max(len(click.unstyle(line[column])) for line in cells) for column in shown]
    room = _width()
    last = shown[-1] if shown and (cut or fold) else -1
    enough = _LEAST if cut else _FOLDED
    least = {column: min(width, enough) if column == last else width for column, width in enumerate(widths)}
    for column in drop:
        if room and len(indent) + sum(least[each] + 2 for each in shown) - 2 > room:
            shown.remove(column)
    if room and last in shown:
        left = room - len(indent) - sum(widths[each] + 2 for each in shown if each != last)
        widths[last] = min(widths[last], max(left, least[last]))
    for line in cells:
        padded, more = [], []
        for column in shown:
            text = line[column]
            if column == last and cut:
                text = _cut(text, widths[column])
            elif column == last:
                text, *more = folded(text, widths[column], 0).split("\n")
            blank = " " * (widths[column] - len(click.unstyle(text)))
            padded.append(blank + text if column in right else text + blank)
        put((indent + "  ".join(padded)).rstrip())
        start = len(indent) + sum(widths[column] + 2 for column in shown if column != last)
        for text in more:
            put(" " * start + text)


def _cut(text: str, width: int) -> str:
    """The beginning of a text that is longer."""
    more = "..." if _ascii_only() else "…"
    return text if len(text) <= width else text[: max(width - len(more), 0)].rstrip() + more


def pairs(members: Sequence[tuple[str, str]], indent: str = "  ") -> None:
    """Print names and values, one pair a line; those without a value are left out. Further lines stand below the first."""
    there = [(name, value) for name, value in members if value]
    width = max((len(name) for name, _ in there), default=0)
    for name, value in there:
        start = len(indent) + width + 2
        first, *more = folded(value, max(_width() - start, 0), 0).split("\n")
        put(f"{indent}{name:{width}}  {first}")
        for line in more:
            put(f"{'':{start}}{line}")


def _width() -> int:
    """Columns of the terminal; 0 where stdout is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _ascii_only() -> bool:
    return (sys.stdout.encoding or "ascii").lower().replace("-", "") != "utf8"
