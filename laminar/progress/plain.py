"""Progress for pipes and CI: one line for each transition, easy to grep."""

from __future__ import annotations

from typing import IO

from laminar.engine.events import (
    AttemptFailed,
    AttemptStarted,
    Beat,
    Began,
    Ended,
    Event,
    LayerPlanned,
    LayerSkipped,
    Printed,
    SplitDone,
    Warned,
)
from laminar.engine.telling import columns_of, folded
from laminar.model import printable
from laminar.model.words import clock, plural
from laminar.progress.board import Board
from laminar.progress.summary import look, summary


class Plain:
    """Writes lines to a stream, each with the time since the run began."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._board = Board()

    def __call__(self, event: Event) -> None:
        """Write what happened."""
        self._board.update(event)
        for text in self._lines(event):
            line = f"{_stamp(event.at)} {printable.line(text)}"
            # What layers print stays as they print it.
            self._stream.write(f"{line if isinstance(event, Printed) else folded(line, columns_of(self._stream))}\n")
        if isinstance(event, Ended) and (next_ := look(self._board)):
            self._stream.write(f"         {next_}\n")
        self._stream.flush()

    def close(self) -> None:
        """The stream is not ours to close."""

    def _lines(self, event: Event) -> list[str]:
        match event:
            case Began():
                layers = plural(len(event.layers), "layer")
                return [f"{event.flow} {event.execution} started: {layers}, {event.engine}, {event.datastore}"]
            case LayerPlanned() if event.splits != 1 or event.done:
                done = f", {event.done} done before" if event.done else ""
                return [f"{event.layer} {plural(event.splits, 'split')}{done}"]
            case LayerSkipped():
                return [f"{event.layer} skipped: {event.reason}"]
            case AttemptStarted():
                return [f"{event.layer}/{event.index} running (attempt {event.attempt})"]
            case AttemptFailed():
                then = "" if event.retry_s is None else f"; retrying in {clock(event.retry_s)}"
                tries = f"attempt {event.attempt}" + (f" of {event.tries}" if event.tries > 1 else "")
                return [f"{event.layer}/{event.index} failed ({tries}): {event.cause}{then}"]
            case SplitDone():
                return [f"{event.layer}/{event.index} done in {clock(event.seconds)}{_caught(event)}"]
            case Printed():
                return [f"{event.layer}/{event.index} | {event.line}"]
            case Warned():
                return [f"warning: {event.message}"]
            case Beat():
                return [f"... {line}" for line in self._counts()]
            case Ended():
                return [summary(self._board)]
        return []

    def _counts(self) -> list[str]:
        lines = []
        for row in self._board.rows.values():
            if row.state in ("running", "queued"):
                retrying = f", {len(row.retrying)} retrying" if row.retrying else ""
                lines.append(f"{row.name} {row.done}/{row.splits} done, {len(row.running)} running{retrying}")
        return lines


def _caught(done: SplitDone) -> str:
    if done.caught is None:
        return ""
    said = f": {done.caught['message']}" if done.caught["message"] else ""
    return f", with {done.caught['type']} caught{said}"


def _stamp(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02}:{rest:05.2f}"
