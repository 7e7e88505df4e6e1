"""Signals and a process that a layer forks, such as each of a `multiprocessing.Pool`: they are the child's own.

The child has the handlers of its parent, and the pipe that wakes it: SIGTERM to the child, with which a pool ends its
processes, would be taken for one to the parent.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import cache

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_undo: list[Callable[[], None]] = []
_held = threading.local()


def undo_in_children(undo: Callable[[], None]) -> None:
    """Have `undo` called in each process that is forked from now on, before any signal reaches it."""
    _watch_forks()
    _undo.append(undo)


def forget(undo: Callable[[], None]) -> None:
    """No longer have it called."""
    if undo in _undo:  # else this is a child, where it has been called
        _undo.remove(undo)


def forking() -> bool:
    """Whether this thread is about to fork, or just has: what a handler raises then, Python prints and forgets."""
    return getattr(_held, "mask", None) is not None


@cache
def _watch_forks() -> None:
    """Python takes no such function back: once a process, and not where nothing is to be undone."""
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_start_anew)


def _hold() -> None:
    _held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.mask)
    _held.mask = None


def _start_anew() -> None:
    while _undo:
        _undo.pop()()
    _release()
