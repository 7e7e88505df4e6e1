"""What the views show: where every layer stands, kept up to date by events."""

from __future__ import annotations

from collections.abc import Sequence
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
from laminar.model.words import clock, plural


@dataclass
class Row:
    """A layer.

    Attributes:
        splits: How many; 0 before that is known.
        running: Index -> attempt of what runs now.
        retrying: Index -> why its last attempt failed, of what waits for another.
        failed: Index -> why it finally failed.
        skipped: Why it does not run.
        planned: Whether it was cut into splits.
        began: When its first split started, in seconds since the run began.
        ended: When its last split was done, or the first finally failed.
    """

    name: str
    waits_for: Sequence[str]
    splits: int = 0
    done: int = 0
    running: dict[int, int] = field(default_factory=dict)
    retrying: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    skipped: str = ""
    planned: bool = False
    began: float | None = None
    ended: float | None = None

    @property
    def state(self) -> str:
        """`skipped`, `done`, `failed`, `running`, `retrying`, `queued` or `waiting`."""
        if self.failed:
            return "failed"
        if self.skipped:
            return "skipped"
        if not self.planned:
            return "waiting"
        if self.done == self.splits:
            return "done"
        if self.retrying and not self.running:
            return "retrying"
        return "running" if self.running or self.done else "queued"


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
            case Began():
                self.flow, self.execution = event.flow, event.execution
                self.engine, self.datastore = event.engine, event.datastore
                self.rows = {name: Row(name, waits_for) for name, waits_for in event.layers.items()}
            case LayerPlanned():
                row = self.rows[event.layer]
                row.planned, row.splits, row.done = True, event.splits, event.done
            case LayerSkipped():
                self.rows[event.layer].skipped = event.reason
            case AttemptStarted():
                row = self.rows[event.layer]
                row.running[event.index] = event.attempt
                row.began = event.at if row.began is None else row.began
                row.retrying.pop(event.index, None)
            case AttemptFailed():
                row = self.rows[event.layer]
                row.running.pop(event.index, None)
                if event.retry_s is None:
                    row.failed[event.index] = event.cause
                    row.ended = row.ended or event.at
                else:
                    row.retrying[event.index] = event.cause
            case SplitDone():
                row = self.rows[event.layer]
                row.running.pop(event.index, None)
                row.done += 1
                if row.done == row.splits:
                    row.ended = event.at
            case Ended():
                self.ended = event

    def waiting_for(self, row: Row) -> list[str]:
        """The layers that `row` still waits for."""
        return [name for name in row.waits_for if self.rows[name].state not in ("done", "skipped")]


def summary(board: Board) -> str:
    """What a run came to, in one line."""
    ended = board.ended
    assert ended is not None
    where = f" at {ended.failed_at}" if ended.failed_at else ""
    head = f"{board.flow} {board.execution} {ended.outcome} in {clock(ended.at)}{where}"
    said = f"{plural(ended.layers, 'layer')}, {plural(ended.splits, 'split')}"
    if ended.retries:
        said += f", {plural(ended.retries, 'retry', 'retries')}"
    slowest = f" Slowest: {ended.slowest} {clock(ended.slowest_s)}." if ended.slowest_s >= 1 else ""
    return f"{head}: {said}.{slowest}"
