"""Progress on a terminal: a picture of the run, drawn again as it changes."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from laminar.engine.events import Began, Ended, Event, Printed, Warned
from laminar.engine.telling import columns_of, folded
from laminar.progress.board import Board
from laminar.progress.lettering import Letters, Line
from laminar.progress.picture import LastLine, last_lines, picture

if TYPE_CHECKING:
    from laminar.progress.screen import Screen

_EVERY_S = 0.1
_MOST = 10_000
"""Lines of layers that wait to be shown, at most: a terminal is slower than what prints, and the logs have them."""


class Live:
    """Draws the board on a terminal, ten times a second while the run lasts, and leaves the last picture there.

    The scheduler's thread takes note of events and never waits for the terminal before the end; a thread of its own draws.

    Args:
        stream: A terminal.
        last_line: Asked what a running split has printed last.
    """

    def __init__(self, stream: TextIO, last_line: LastLine) -> None:
        self._letters = Letters(stream.encoding)
        self._stream = stream
        self._last_line = last_line
        self._board = Board()
        self._zero = time.monotonic()
        self._lock = threading.Lock()
        self._above: list[Line] = []
        self._lost = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        """Take note; the next picture shows it."""
        with self._lock:
            self._board.update(event)
            self._note(event)
        if isinstance(event, Began):
            self._zero = time.monotonic() - event.at
        elif isinstance(event, Ended):
            self.close()
        elif self._thread is None:  # not before others have seen the beginning: they may print, on this terminal, too
            self._thread = threading.Thread(target=self._draw_on, name="laminar-live", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop drawing; what was drawn last stays."""
        if self._over.is_set():
            return
        self._over.set()
        try:
            if self._thread is not None:
                self._thread.join()
        finally:  # whatever ends the run, the terminal gets its cursor back
            if self._board.flow:
                with suppress(OSError, ValueError):  # the terminal is gone, or the stream closed; the results are there
                    above, lines = self._take()
                    below = last_lines(self._board, self._letters, columns_of(self._stream))
                    self._screen.leave(above, lines, below)

    def lines(self, columns: int, height: int) -> list[Line]:
        """The picture as of now, and after the end what sums it up."""
        with self._lock:
            return [*self._picture(columns, height), *last_lines(self._board, self._letters, columns)]

    @cached_property
    def _screen(self) -> Screen:
        from laminar.progress.screen import Screen  # Rich takes a while to import: the first layers run meanwhile

        return Screen(self._stream)

    def _draw_on(self) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone, or the stream closed
            while not self._over.wait(_EVERY_S):
                self._screen.draw(*self._take())

    def _take(self) -> tuple[list[Line], list[Line]]:
        """What is to be printed above the picture, and the picture."""
        columns, height = self._screen.size()
        with self._lock:
            if self._lost:
                words = f"{self._lost} lines came too fast to be shown; the logs have them"
                self._above.append([("warning: ", "yellow"), (words, "")])
                self._lost = 0
            above, self._above = self._above, []
            return above, self._picture(columns - 1, height - 1)

    def _picture(self, columns: int, height: int) -> list[Line]:
        now = self._board.ended.at if self._board.ended else time.monotonic() - self._zero
        return picture(self._board, self._letters, columns, height, now, self._last_line)

    def _note(self, event: Event) -> None:
        letters = self._letters
        match event:
            case Printed() if len(self._above) >= _MOST:
                self._lost += 1
            case Printed():
                said = letters.spelled(letters.line(event.line))
                self._above.append([(f"{event.layer}/{event.index} | ", "dim"), (said, "")])
            case Warned():
                words = folded(f"warning: {letters.spelled(letters.line(event.message))}", columns_of(self._stream))
                first, *more = words.split("\n")
                self._above.append([("warning: ", "yellow"), (first.removeprefix("warning: "), "")])
                self._above += [[(line, "")] for line in more]
