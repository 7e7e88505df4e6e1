"""The picture of a run: a line for each layer, those of its splits beneath it that run or have failed, and a total.

It is at most as high as it may be, and what it costs to draw depends on that, not on how many splits there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, islice

from laminar.engine.telling import folded
from laminar.model.words import about, clock, plural
from laminar.progress.board import STATES, Attempt, Board, Row
from laminar.progress.lettering import Letters, Line
from laminar.progress.room import shares
from laminar.progress.summary import look, summary

LOOKS = {
    "done": ("✓", "+", "green"),
    "failed": ("✗", "x", "red"),
    "running": ("●", "*", "cyan"),
    "retrying": ("↻", "~", "yellow"),
    "stopped": ("!", "!", "yellow"),
    "skipped": ("─", "-", "yellow"),
    "queued": ("○", "o", "cyan"),
    "waiting": ("○", ".", "dim"),
    "not run": ("○", ".", "dim"),
}
"""State -> mark, mark where the terminal has no Unicode, colour. Colour is never the only carrier."""

_WIDE, _MIDDLING = 90, 64
"""Columns from which a bar is long, and from which there is one at all."""

_TIME = 7

LastLine = Callable[[str, int], str]
"""Layer and index of a running split -> what it has printed last."""


def picture(board: Board, letters: Letters, width: int, height: int, now: float, last_line: LastLine) -> list[Line]:
    """Draw a run.

    Args:
        board: The run.
        letters: What the terminal can show.
        width: Columns, at most.
        height: Lines, at most.
        now: Seconds since it began.
        last_line: Asked for the running splits that are shown.

    Returns:
        The lines, each no wider than `width`.
    """
    return _Picture(board, letters, width, now, last_line).lines(height)


class _Picture:
    def __init__(self, board: Board, letters: Letters, width: int, now: float, last_line: LastLine) -> None:
        self._board = board
        self._letters = letters
        self._width = width
        self._now = now
        self._last_line = last_line
        self._margin = "  " if width >= _MIDDLING else ""

    def lines(self, height: int) -> list[Line]:
        rows = list(self._board.rows.values())
        head = [self._title()]
        foot = [] if self._board.ended else [self._total(rows)]
        room = height - len(head) - len(foot)
        if room < 1:
            return [*head, *foot][:height]
        shared = shares(rows, room)
        self._measure([row for row in rows if row.name in shared.splits])
        body: list[Line] = []
        for row in rows:
            if row.name in shared.splits:
                body.append(self._layer(row))
                body += self._splits(row, shared.splits[row.name])
        if shared.folded:
            body.append(self._fit([(f"{self._margin}  {shared.folded}", "dim")]))
        return [*head, *body, *foot]

    def _measure(self, shown: Sequence[Row]) -> None:
        """Choose the widths of the columns."""
        cells = self._letters.cells
        self._name = min(max((cells(row.name) for row in shown), default=1), max(8, self._width // 4))
        self._count = max((len(f"{row.done}/{row.splits}") for row in shown if row.planned), default=3)
        bars = any(row.splits > 1 for row in shown)
        words = max((len(row.state) for row in shown if row.state not in _SENTENCES), default=0)
        bar = 21 if self._width >= _WIDE else 10
        self._middle = 0 if self._width < _MIDDLING else max(bar, words) if bars else words

    def _title(self) -> Line:
        board, letters = self._board, self._letters
        time = clock(board.ended.at if board.ended else self._now)
        left: Line = [
            (board.flow, "bold"),
            (f"  {board.execution}", ""),
            (f"  {board.engine} · {board.datastore}", "dim"),
        ]
        left = letters.fit(left, self._width - len(time) - 2)
        gap = self._width - len(time) - sum(letters.cells(text) for text, _ in left)
        return letters.fit([*left, (" " * gap, ""), (time, "")], self._width)

    def _layer(self, row: Row) -> Line:
        mark, plain, style = LOOKS[row.state]
        letters = self._letters
        line: Line = [
            (self._margin, ""),
            (mark if letters.unicode else plain, style),
            (" " + letters.pad(row.name, self._name), ""),
        ]
        if row.state in _SENTENCES:
            return self._fit([*line, ("  " + self._sentence(row), "dim")])
        if self._middle:
            line += [("  ", ""), *self._bar(row, style)]
        until = self._now if row.ended is None or (row.running and not row.over) else row.ended
        spent = "" if row.began is None else clock(until - row.began)
        line.append((f"  {f'{row.done}/{row.splits}':>{self._count}}  {spent:>{_TIME}}", ""))
        return self._fit([*line, ("  ", ""), *letters.joined(self._notes(row))])

    def _sentence(self, row: Row) -> str:
        if row.state == "skipped":
            return f"skipped: {self._letters.line(row.skipped)}"
        waiting = self._board.waiting_for(row)
        if not waiting:
            return row.state
        if not row.over:
            return f"waiting for {', '.join(waiting)}"
        first = min(waiting, key=lambda name: STATES.index(self._board.rows[name].state))
        return f"not run: {first} {_ENDS.get(self._board.rows[first].state, 'did not run')}"

    def _bar(self, row: Row, style: str) -> Line:
        if row.splits <= 1 or row.state in ("done", "queued"):
            return [(row.state.ljust(self._middle), style)]
        full = self._middle * row.done // row.splits
        on, off = ("█", "─") if self._letters.unicode else ("#", "-")
        return [(on * full, style), (off * (self._middle - full), "dim")]

    def _notes(self, row: Row) -> list[Line]:
        notes: list[Line] = []
        if row.splits > 1:
            running = ("stopped", "yellow") if row.over else ("running", "cyan")
            retrying = ("not tried again" if row.over else "retrying", "yellow")
            counts = ((row.failed, "failed", "red"), (row.running, *running), (row.retrying, *retrying))
            notes += [[(f"{len(splits)} {word}", style)] for splits, word, style in counts if splits]
            left = None if row.over or row.state == "done" else row.left_s(self._now)
            if left:
                notes.append([(f"{about(left)} left", "")])
        elif row.state != "done":
            notes += self._of_split(row, 0)
        if row.caught:
            notes.append([(f"{row.caught} caught", "yellow")])
        if row.retries and (row.splits > 1 or row.state == "done"):
            notes.append([(plural(row.retries, "retry", "retries"), "yellow")])
        if row.peak is not None:
            limit = f" of {row.memory}" if row.limited else ""
            notes.append([(f"peak {row.peak:.0f} MiB{limit}", "dim")])
        return notes

    def _splits(self, row: Row, room: int) -> list[Line]:
        """Some of those that have failed, wait for another try, or run."""
        shown = list(islice(chain(*row.notable), room))
        width = max((len(str(index)) for index in shown), default=0)
        lines = []
        for index in shown:
            line: Line = [(f"{self._margin}    /{index:<{width}}  ", "")]
            lines.append(self._fit([*line, *self._letters.joined(self._of_split(row, index, whole=True))]))
        return lines

    def _of_split(self, row: Row, index: int, *, whole: bool = False) -> list[Line]:
        """Which attempt, why it or the one before it failed, and what it prints; a first one is named only if `whole`."""
        parts: list[Line] = []
        cause = self._letters.line(row.causes.get(index, ""))
        if index in row.failed:
            number, tries = row.failed[index]
            if whole or number > 1:
                parts.append([(f"attempt {number}{f' of {tries}' if tries > 1 else ''} failed", "red")])
        elif index in row.retrying:
            then = "not tried again" if row.over else "another follows"
            parts.append([(f"attempt {row.retrying[index][0]} failed, {then}", "yellow")])
        elif attempt := row.running.get(index):
            parts += self._of_attempt(attempt, whole=whole)
        if cause:
            parts.append([(cause, "red" if index in row.failed else "yellow")])
        if index in row.running and (said := self._letters.line(self._last_line(row.name, index))):
            parts.append([(said, "dim")])
        return parts

    def _of_attempt(self, attempt: Attempt, *, whole: bool) -> list[Line]:
        if self._board.ended:
            return []
        style = "yellow" if attempt.number > 1 else "cyan"
        number: Line = [(f"attempt {attempt.number}", style)]
        if not whole:
            return [number] if attempt.number > 1 else []
        return [number, [(clock(self._now - attempt.since), "")]]

    def _total(self, rows: Sequence[Row]) -> Line:
        done = sum(row.state in ("done", "skipped") for row in rows)
        parts = [f"{done} of {plural(len(rows), 'layer')}"]
        if any(row.splits > 1 for row in rows):
            planned = sum(row.splits for row in rows)
            parts.append(f"{sum(row.done for row in rows)} of {plural(planned, 'split')}")
        for word, count in (
            ("running", sum(len(row.running) for row in rows)),
            ("retrying", sum(len(row.retrying) for row in rows)),
            ("failed", sum(len(row.failed) for row in rows)),
        ):
            if count:
                parts.append(f"{count} {word}")
        left, all_told = self._board.left_s(self._now)
        if left:
            parts.append(f"{about(left)} left" if all_told else f"more than {about(left)} left")
        return self._fit([(self._margin, ""), *self._letters.joined([[(part, "")] for part in parts])])

    def _fit(self, line: Line) -> Line:
        return self._letters.fit(line, self._width)


_SENTENCES = ("waiting", "skipped", "not run")
"""States that are told in a sentence: there is nothing to count."""

_ENDS = {"failed": "has failed", "stopped": "was stopped"}
"""State of a layer at the end of a run -> why none that depends on it has run."""

_OUTCOMES = {"done": "done", "failed": "failed", "interrupted": "stopped"}


def last_lines(board: Board, letters: Letters, columns: int) -> list[Line]:
    """What stands below the last picture: what the run came to, and the command to type next."""
    if board.ended is None:
        return []
    mark, plain, style = LOOKS[_OUTCOMES[board.ended.outcome]]
    mark = mark if letters.unicode else plain
    first, *more = folded(f"{mark} {letters.spelled(summary(board))}", columns).split("\n")
    lines: list[Line] = [[(f"{mark} ", style), (first.removeprefix(f"{mark} "), "")], *([(line, "")] for line in more)]
    return [*lines, [(f"  {look(board)}", "")]] if look(board) else lines
