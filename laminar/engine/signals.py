"""SIGINT and SIGTERM while a run lasts."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from laminar.engine import forks

_END = 0
"""No signal has this number: it ends the thread that reads them."""


class Signals:
    """Passes SIGINT and SIGTERM on instead of letting them end the process; what was set before comes back.

    Python lets only the main thread do this. In another thread it does nothing: there the main thread decides.

    Args:
        handle: Called in the main thread, between two steps of whatever it does.
        notify: Called in another thread, at once: a handler does not run while the main thread sleeps, and a signal that
            comes as it goes to sleep does not wake it.
    """

    def __init__(self, handle: Callable[[int], None], notify: Callable[[int], None] | None = None) -> None:
        self._handle = handle
        self._notify = notify
        self._before: dict[int, Any] = {}
        self._ends: tuple[int, int] | None = None
        self._wakeup = -1

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._ends = reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self._thread = threading.Thread(target=self._read, args=(reader,), name="laminar-signals", daemon=True)
        self._thread.start()
        self._wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        forks.undo_in_children(self._restore)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        forks.forget(self._restore)
        if (ends := self._ends) is None:
            return
        self._restore()
        os.write(ends[1], bytes([_END]))
        self._thread.join()
        for end in ends:
            os.close(end)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        self._ends = None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._handle(number)

    def _read(self, reader: int) -> None:
        """Read the numbers of signals, as the interpreter writes them when they come."""
        while (number := os.read(reader, 1)[0]) != _END:
            if self._notify is not None and number in self._before:
                self._notify(number)
