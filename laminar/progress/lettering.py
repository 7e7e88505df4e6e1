"""Lines of a terminal: what it can show, how wide that is, and where it is cut."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from laminar.model import printable

Line = list[tuple[str, str]]
"""Pieces of text, each with its style: a colour, `dim`, `bold`, or none."""

_INSTEAD = {"·": "-", "…": "..."}


class Letters:
    """What a stream can show.

    Args:
        encoding: The stream's.
    """

    def __init__(self, encoding: str | None) -> None:
        self._encoding = encoding or "ascii"
        self.unicode = self._encoding.lower().startswith("utf")
        self._dots = "…" if self.unicode else "..."

    def line(self, text: str) -> str:
        """What a layer wrote, as one line that steers no terminal."""
        return printable.line(text)

    def spelled(self, text: str) -> str:
        """`text` in characters that the stream has."""
        if self.unicode or text.isascii():
            return text
        for character, instead in _INSTEAD.items():
            text = text.replace(character, instead)
        return text.encode(self._encoding, "backslashreplace").decode(self._encoding)

    def cells(self, text: str) -> int:
        """How many columns it takes."""
        return len(text) if text.isascii() else cell_len(self.spelled(text))

    def pad(self, text: str, width: int) -> str:
        """`text` in exactly so many columns."""
        text = self._cut(self.spelled(text), width)
        return text + " " * (width - self.cells(text))

    def joined(self, parts: Sequence[Line]) -> Line:
        """The parts side by side, with a point between them."""
        line: Line = []
        for part in parts:
            line += [(" · ", "dim"), *part] if line else part
        return line

    def fit(self, line: Line, width: int) -> Line:
        """`line` in what the stream has, cut to so many columns at most."""
        fitted: Line = []
        for text, style in line:
            shown = self.spelled(text)
            room = width - sum(self.cells(each) for each, _ in fitted)
            if self.cells(shown) > room:
                return [*fitted, (self._cut(shown, room), style)]
            fitted.append((shown, style))
        return fitted

    def _cut(self, text: str, width: int) -> str:
        if self.cells(text) <= width:
            return text
        if width <= len(self._dots):
            return set_cell_size(text, max(width, 0))
        return set_cell_size(text, width - len(self._dots)).rstrip() + self._dots
