"""SIGTERM in an executor process: the layer is unwound, so that its hooks close what they opened."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from laminar.engine import forks

_AGAIN_S = 0.05

_committing = False


class Terminated(BaseException):
    """This process is to end. Not an Exception: a layer that catches all of these does not catch this."""


@contextmanager
def terminating() -> Iterator[None]:
    """Have SIGTERM raise `Terminated` in the main thread, once."""
    main = threading.current_thread()
    if main is not threading.main_thread():  # where Python takes no handlers
        yield
        return
    heard = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if heard.is_set() or forks.forking():  # then it is sent again
            return
        heard.set()
        if not _committing:
            raise Terminated

    def insist() -> None:
        """A signal that comes as the main thread goes to sleep does not wake it: it is sent again until it is heard."""
        while (number := os.read(reader, 1)) and number[0] != signal.SIGTERM:
            pass
        os.close(reader)
        while number and not heard.is_set() and signal.getsignal(signal.SIGTERM) is handle:
            time.sleep(_AGAIN_S)
            if not heard.is_set() and main.ident is not None:
                signal.pthread_kill(main.ident, signal.SIGTERM)

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    threading.Thread(target=insist, name="laminar-sigterm", daemon=True).start()
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    before = signal.signal(signal.SIGTERM, handle)

    def restore() -> None:
        signal.signal(signal.SIGTERM, before)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)

    forks.undo_in_children(restore)
    try:
        yield
    finally:
        forks.forget(restore)
        restore()
        os.close(writer)


@contextmanager
def committing() -> Iterator[None]:
    """Take no notice of SIGTERM: a result that is all there is committed, and the process ends anyway."""
    global _committing
    _committing = True
    try:
        yield
    finally:
        _committing = False
