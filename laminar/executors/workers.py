"""Threads for executors whose engine is waited for: as many as jobs run at one time, kept for the next job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue


class Workers:
    """Runs calls, each in a thread of its own; a thread whose call has ended takes the next one.

    The threads are daemons: one that cannot be ended, because the user's code in it does not return, does not keep the
    process alive.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads: list[threading.Thread] = []

    def start(self, call: Callable[[], None]) -> None:
        """Run `call` at once."""
        with self._lock:
            needed = not self._idle
            if not needed:
                self._idle -= 1
        self._calls.put(call)
        if needed:
            name = f"{self._name}-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self, timeout_s: float) -> None:
        """End the threads whose calls have returned; wait `timeout_s` for the others, and leave them then."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join(timeout_s)
        self._threads.clear()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            with self._lock:
                self._idle += 1
