"""SIGTERM in an executor process: the layer is unwound, so that its hooks close what they opened."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """This process is to end. Not an Exception: a layer that catches all of these does not catch this."""


_committing = False


@contextmanager
def terminating() -> Iterator[None]:
    """Have SIGTERM raise `Terminated` in the main thread, once; with a second one the process ends at once."""
    if threading.current_thread() is not threading.main_thread():  # where Python takes no handlers
        yield
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if not _committing:
            signal.signal(number, signal.SIG_DFL)
            raise Terminated

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def committing() -> Iterator[None]:
    """Take no notice of SIGTERM: a result that is all there is committed, and the process ends anyway."""
    global _committing
    _committing = True
    try:
        yield
    finally:
        _committing = False
