"""What the views show: where every layer stands, kept up to date by events.

An event costs the same however many splits there are, and so does all that a view asks for: views show some splits and
count the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from laminar.engine.events import (
    AttemptFailed,
    AttemptStarted,
    Began,
    Ended,
    Event,
    LayerPlanned,
    LayerSkipped,
    SplitDone,
)
from laminar.engine.usage import Usage

STATES = ("failed", "retrying", "running", "stopped", "queued", "waiting", "skipped", "done", "not run")
"""Of layers, those first that people look for."""

_KEPT = 1000
"""Splits whose last failure is kept in words: more are not shown, and a layer may have a hundred thousand that fail."""


@dataclass(slots=True)
class Attempt:
    """An attempt that runs: its number, when it began, and how much memory it asks for, in MiB."""

    number: int
    since: float
    memory: int


@dataclass
class Row:
    """A layer.

    Attributes:
        splits: How many; 0 before that is known.
        done: How many are committed.
        before: Of them, before this run.
        caught: Of them, in this run: those whose error a Catch let pass.
        running: Index -> attempt, the oldest first.
        retrying: Index -> attempt that failed last, of what waits for another, and the memory that it had asked for.
        failed: Index -> attempt that finally failed, and the highest number that it can have.
        causes: Index -> why its last attempt failed; of those that are not done, up to a number.
        retries: How many attempts failed and were followed by another.
        skipped: Why it does not run.
        planned: Whether it was cut into splits.
        began: When its first split started, in seconds since the run began.
        last: When its last split was done.
        ended: When all were done, or the latest came to its end after one had finally failed.
        going_on: Whether others started after one had finally failed, as the user may want it.
        memory: The most that one of its attempts asked for, in MiB.
        peak: The most that one used, in MiB; None where that is not known.
        limited: Whether what it asked for was a limit there: in a container.
        over: Whether the run is.
    """

    name: str
    waits_for: Sequence[str]
    splits: int = 0
    done: int = 0
    before: int = 0
    caught: int = 0
    running: dict[int, Attempt] = field(default_factory=dict)
    retrying: dict[int, tuple[int, int]] = field(default_factory=dict)
    failed: dict[int, tuple[int, int]] = field(default_factory=dict)
    causes: dict[int, str] = field(default_factory=dict)
    retries: int = 0
    skipped: str = ""
    planned: bool = False
    began: float | None = None
    last: float | None = None
    ended: float | None = None
    going_on: bool = False
    memory: int = 0
    peak: float | None = None
    limited: bool = False
    over: bool = False

    @property
    def state(self) -> str:
        """One of `STATES`."""
        if self.failed:
            return "failed"
        if self.skipped:
            return "skipped"
        if not self.planned:
            return "not run" if self.over else "waiting"
        if self.done == self.splits:
            return "done"
        if self.over:
            return "stopped"
        if self.retrying and not self.running:
            return "retrying"
        return "running" if self.began is not None or self.done else "queued"

    @property
    def notable(self) -> Sequence[Mapping[int, object]]:
        """Splits that are worth a line, by index: failed, to be tried again, running; at the end, the failed ones."""
        return (self.failed,) if self.over else (self.failed, self.retrying, self.running)

    def left_s(self, now: float) -> float | None:
        """Seconds until the rest is done, if it goes on as it went; None where that cannot be told yet."""
        here = self.done - self.before
        if self.failed and not self.going_on:
            return None  # what has not begun does not begin
        if self.began is None or self.last is None or here < max(2, len(self.running)):
            return None  # what runs side by side is done at one time: before all of it is, the pace is not known
        pace_s = (self.last - self.began) / here
        left = (self.splits - self.done - len(self.failed)) * pace_s - (now - self.last)
        return left if left >= 1 else None  # what is late takes as long as it takes


@dataclass
class Board:
    """A run."""

    flow: str = ""
    execution: str = ""
    engine: str = ""
    datastore: str = ""
    rows: dict[str, Row] = field(default_factory=dict)
    ended: Ended | None = None

    def update(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case SplitDone():
                row = self.rows[event.layer]
                row.running.pop(event.index, None)
                if row.causes:
                    row.causes.pop(event.index, None)
                row.done += 1
                row.caught += event.caught is not None
                row.last = event.at
                _note_peak(row, event.usage)
                if row.done == row.splits or row.failed:
                    row.ended = event.at
            case AttemptStarted():
                _started(self.rows[event.layer], event)
            case AttemptFailed():
                _failed(self.rows[event.layer], event)
            case Began():
                self.flow, self.execution = event.flow, event.execution
                self.engine, self.datastore = event.engine, event.datastore
                self.rows = {name: Row(name, waits_for) for name, waits_for in event.layers.items()}
            case LayerPlanned():
                row = self.rows[event.layer]
                row.planned, row.splits, row.done, row.before = True, event.splits, event.done, event.done
            case LayerSkipped():
                self.rows[event.layer].skipped = event.reason
            case Ended():
                self.ended = event
                for row in self.rows.values():
                    row.over = True

    def waiting_for(self, row: Row) -> list[str]:
        """The layers that `row` still waits for."""
        return [name for name in row.waits_for if self.rows[name].state not in ("done", "skipped")]

    def left_s(self, now: float) -> tuple[float | None, bool]:
        """Seconds until all is done, and whether that is all that is left; None where nothing can be told of it."""
        over = ("done", "skipped", "failed", "not run")
        open_ = [row for row in self.rows.values() if row.state not in over or (row.going_on and row.running)]
        told = [row.left_s(now) for row in open_]
        known = [left for left in told if left is not None]
        return max(known, default=None), len(known) == len(told)


def _started(row: Row, event: AttemptStarted) -> None:
    row.running[event.index] = Attempt(event.attempt, event.at, event.memory)
    row.began = event.at if row.began is None else row.began
    row.memory = max(row.memory, event.memory)
    row.going_on = bool(row.failed)
    _, before = row.retrying.pop(event.index, (0, event.memory))
    if before != event.memory and event.index in row.causes:
        row.causes[event.index] += f", tried again with {event.memory}"


def _failed(row: Row, event: AttemptFailed) -> None:
    attempt = row.running.pop(event.index, None)
    _note_peak(row, event.usage)
    if event.retry_s is None:
        row.failed[event.index] = event.attempt, event.tries
        row.ended = event.at
    else:
        row.retries += 1
        row.retrying[event.index] = event.attempt, attempt.memory if attempt else 0
    if len(row.causes) < _KEPT or event.retry_s is None:
        row.causes[event.index] = event.cause


def _note_peak(row: Row, usage: Usage | None) -> None:
    if usage is not None and usage.memory_peak_mib is not None:
        row.peak = max(row.peak or 0.0, usage.memory_peak_mib)
        row.limited = usage.measured == "container"
