"""Progress on a terminal: a row for each layer, drawn again as it changes. The one progress view that imports Rich."""

from __future__ import annotations

import time
from typing import IO

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.table import Table
from rich.text import Text

from laminar.engine.events import Ended, Event, Printed, Warned
from laminar.model.words import clock, plural
from laminar.progress.board import Board, Row, summary

_PER_SECOND = 10
_BAR = 20
_MIDDLE = 26
_NUMBERS = 9

_LOOKS = {
    "done": ("✓", "+", "green"),
    "failed": ("✗", "x", "red"),
    "running": ("●", "*", "cyan"),
    "retrying": ("↻", "~", "yellow"),
    "skipped": ("─", "-", "yellow"),
    "queued": ("○", "o", "cyan"),
    "waiting": ("○", ".", "dim"),
}
"""State -> mark, mark where the terminal has no Unicode, colour. Colour is never the only carrier."""


class Live:
    """Draws the board on a terminal, ten times a second while the run lasts, and leaves the last picture there.

    Args:
        stream: A terminal.
        console: Where to draw instead, for pictures.
    """

    def __init__(self, stream: IO[str], console: Console | None = None) -> None:
        self._console = console or Console(file=stream, force_terminal=True, highlight=False)
        self._unicode = self._console.encoding.lower().startswith("utf")
        self._board = Board()
        self._zero = time.monotonic()
        self._live = RichLive(
            console=self._console,
            get_renderable=self.render,
            refresh_per_second=_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start()

    def __call__(self, event: Event) -> None:
        """Take note; the next refresh shows it."""
        self._zero = time.monotonic() - event.at
        self._board.update(event)
        match event:
            case Printed():
                self._console.print(Text.assemble((f"{event.layer}/{event.index} | ", "dim"), event.line))
            case Warned():
                self._console.print(Text.assemble(("warning: ", "yellow"), event.message))
            case Ended():
                self.close()
                self._console.print(self._last_line())

    def close(self) -> None:
        """Stop drawing."""
        if self._live.is_started:
            self._live.stop()

    def render(self) -> RenderableType:
        """The picture as of now, at most as high as the terminal."""
        board = self._board
        now = board.ended.at if board.ended else time.monotonic() - self._zero
        title = Table.grid(expand=True, padding=(0, 1))
        title.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        title.add_column(justify="right", no_wrap=True)
        head = Text.assemble((board.flow, "bold"), "  ", board.execution, "  ")
        head.append(self._spelled(f"{board.engine} · {board.datastore}"), "dim")
        title.add_row(head, clock(now))
        return Group(title, self._layers(now))

    def _spelled(self, text: str) -> str:
        """What this terminal can show of it."""
        return text if self._unicode else text.replace("·", "-").replace("…", "...")

    def _layers(self, now: float) -> RenderableType:
        # The words at the end of a row give way first, then what is in its middle; name, count and time stay.
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        names = [len(name) for name in self._board.rows]
        width = max(names, default=1)
        room = self._console.width - 3 - 2 * 5 - 2 * _NUMBERS
        table.add_column(width=3, justify="right", no_wrap=True)
        table.add_column(width=min(width, max(room // 2, 5)), no_wrap=True, overflow="ellipsis")
        table.add_column(width=min(_MIDDLE, max(room - width, 7)), no_wrap=True, overflow="ellipsis")
        for _ in range(2):
            table.add_column(width=_NUMBERS, no_wrap=True, justify="right")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        rows = list(self._board.rows.values())
        height = max(self._console.height - 4, 3)
        shown = rows if len(rows) <= height else sorted(rows, key=_urgency)[:height]
        for row in (row for row in rows if row in shown):
            self._add(table, row, now)
        if len(shown) == len(rows):
            return table
        return Group(table, Text(f"     and {plural(len(rows) - len(shown), 'more layer')}", "dim", no_wrap=True))

    def _add(self, table: Table, row: Row, now: float) -> None:
        mark, plain_mark, style = _LOOKS[row.state]
        table.add_row(
            Text(mark if self._unicode else plain_mark, style),
            Text(row.name),
            self._middle(row, style),
            f"{row.done}/{row.splits}" if row.splits else "",
            "" if row.began is None else clock((now if row.ended is None else row.ended) - row.began),
            self._note(row),
        )

    def _middle(self, row: Row, style: str) -> Text:
        if row.state == "waiting":
            return Text(f"waiting for {', '.join(self._board.waiting_for(row))}", "dim")
        if row.state in ("running", "failed") and row.splits > 1:
            full = _BAR * row.done // row.splits
            on, off = ("█", "─") if self._unicode else ("#", "-")
            return Text.assemble((on * full, style), (off * (_BAR - full), "dim"))
        return Text(row.state, style)

    def _note(self, row: Row) -> Text:
        if row.skipped:
            return Text(row.skipped, "dim")
        if row.failed:
            index, cause = next(iter(row.failed.items()))
            return Text(f"/{index} {cause}", "red")
        if row.retrying:
            index, cause = next(iter(row.retrying.items()))
            return Text(f"/{index} {cause}", "yellow")
        if row.splits > 1 and row.running:
            return Text(f"{len(row.running)} running", "cyan")
        attempts = [attempt for attempt in row.running.values() if attempt > 1]
        return Text(f"attempt {attempts[0]}", "yellow") if attempts else Text("")

    def _last_line(self) -> Text:
        assert self._board.ended is not None
        state = "done" if self._board.ended.outcome == "done" else "failed"
        mark, plain_mark, style = _LOOKS[state]
        return Text.assemble((f"{mark if self._unicode else plain_mark} ", style), summary(self._board))


def _urgency(row: Row) -> int:
    return ("failed", "retrying", "running", "queued", "waiting", "skipped", "done").index(row.state)
