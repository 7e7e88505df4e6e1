"""A picture at the bottom of a terminal that is drawn again in its place, and survives what happens to the terminal.

Between two pictures the cursor stands on an empty line above the picture, not below it. A terminal that becomes narrower
breaks lines anew and takes the cursor along: all that is below the cursor is the picture, however many lines that has
become, and is erased. What others print meanwhile lands on the empty line and stays (docs/adr/0019-the-live-view.md).
Rich writes it, in the colours that the terminal has and the user wants; where it goes is said here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

from laminar.progress.lettering import Line

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"
_LINE_START, _NEXT_LINE = "\x1b[G", "\x1bE"
_CLIP, _WRAP = "\x1b[?7l", "\x1b[?7h"
"""Lines that a terminal has become too narrow for, since it was measured, are cut and not broken."""


class Screen:
    """The terminal that a stream writes to.

    Args:
        stream: Of a terminal; of something else, it is taken for one of 80 columns and 24 lines.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = Console(file=stream, force_terminal=True)
        self._shown: tuple[Sequence[Line], tuple[int, int]] | None = None

    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        try:
            columns, lines = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            columns, lines = 0, 0
        return columns or 80, lines or 24

    def draw(self, above: Sequence[Line], lines: Sequence[Line]) -> None:
        """Print what stays above the picture, and draw the picture anew where it has changed."""
        size, shown = self.size(), self._shown
        if (lines, size) == shown and not above:
            return
        hide = "" if shown else _HIDE
        anew = _ERASE_BELOW if shown and size != shown[1] else ""  # lines that were broken are no longer one
        back = f"\x1b[{len(lines)}F" if lines else _LINE_START
        # There is no "\n" in it: the kernel hands all between two of these on at once, so that a terminal which is made
        # narrower meanwhile has the whole picture or nothing of it.
        picture = [piece for line in lines for piece in (Segment(_NEXT_LINE), *_pieces(line), Segment(_ERASE_LINE))]
        begin = [Segment(f"{hide}{_LINE_START}{anew}"), *_printed(above), Segment(f"{_ERASE_LINE}{_CLIP}")]
        self._write([*begin, *picture, Segment(f"{_ERASE_BELOW}{_WRAP}{back}")])
        self._shown = lines, size

    def leave(self, above: Sequence[Line], lines: Sequence[Line], below: Sequence[Line]) -> None:
        """Draw the last picture, which stays, print what comes below it, and give the cursor back there."""
        show = _SHOW if self._shown else ""
        picture = [Segment(_CLIP), *_printed(lines), Segment(f"{_ERASE_BELOW}{_WRAP}")]
        self._write([Segment("\r"), *_printed(above), *picture, *_printed(below), Segment(show)])

    def _write(self, pieces: Sequence[Segment]) -> None:
        self._console.print(Segments(pieces), end="", crop=False)


def _printed(lines: Sequence[Line]) -> list[Segment]:
    end = Segment(f"{_ERASE_LINE}\r\n")
    return [piece for line in lines for piece in (*_pieces(line), end)]


def _pieces(line: Line) -> list[Segment]:
    return [Segment(text, Style.parse(style) if style else None) for text, style in line]
