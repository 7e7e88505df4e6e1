"""What an attempt prints: kept in the datastore, remembered for messages, and shown line by line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress

from laminar.engine.ports import Datastore
from laminar.errors import StoreError

CAP_BYTES = 64 << 20
"""Bytes of one attempt's output that are kept; what comes after is dropped, and the log says so."""

_TAIL_LINES = 20
_LINE_BYTES = 4096


class LogWriter:
    """Takes the output of one attempt in pieces of any size, bytes of any kind.

    Logging never decides an outcome: where the store refuses, the rest of the log is lost and the attempt goes on.

    Args:
        store: Where to keep it.
        key: Under which key.
        on_line: Called with each line, decoded, without its end; lines beyond 4 KiB are cut.
        kept: Bytes that are there already.
    """

    def __init__(self, store: Datastore, key: str, on_line: Callable[[str], None] | None = None, kept: int = 0) -> None:
        self._store = store
        self._key = key
        self._on_line = on_line
        self._room = CAP_BYTES - kept
        self._open = b""
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._last = ""
        self._given_up = False

    def write(self, data: bytes) -> None:
        """Take a piece."""
        if self._given_up:
            return
        self._keep(data)
        *lines, self._open = (self._open + data).split(b"\n")
        if len(self._open) > _LINE_BYTES:
            again = b"\r" if self._open.endswith(b"\r") else b""  # what comes next is written over it
            self._open = _seen(self._open) + again
        for line in lines:
            self._line(line)

    def close(self) -> None:
        """The attempt has ended: its last line may lack an end."""
        if self._open:
            self._line(self._open)
            self._open = b""

    def give_up(self) -> None:
        """Another process keeps this log from now on: take nothing more."""
        self._given_up = True

    @property
    def tail(self) -> list[str]:
        """The last lines."""
        return [*self._tail, *([_text(self._open)] if self._open else [])]

    @property
    def last(self) -> str:
        """The last line that says something, as it is by now: it may have no end yet. From any thread."""
        return _text(self._open).strip() or self._last

    def _line(self, line: bytes) -> None:
        text = _text(line)
        self._tail.append(text)
        self._last = text.strip() or self._last
        if self._on_line:
            self._on_line(text)

    def _keep(self, data: bytes) -> None:
        if self._room < 0:
            return
        piece = data[: self._room]
        self._room -= len(data)
        if self._room < 0:
            piece += f"\n[laminar: the rest is dropped; a log is kept up to {CAP_BYTES >> 20} MiB]\n".encode()
        with suppress(StoreError):
            self._store.append(self._key, piece)


def _text(line: bytes) -> str:
    return _seen(line).decode("utf-8", "replace")


def _seen(line: bytes) -> bytes:
    """What a terminal shows of a line that was written over, as progress bars do."""
    return line.rstrip(b"\r").rpartition(b"\r")[2][:_LINE_BYTES]
