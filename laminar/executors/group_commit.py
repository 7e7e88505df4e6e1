"""COMMITs of one process, made durable together: a disk takes no longer to flush many than to flush one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

_MOST = 64
"""COMMITs that wait, at most, and are put at one time: who has one more waits for the disk."""

CommitT = TypeVar("CommitT")
Told = Callable[[BaseException | None], None]


class GroupCommit(Generic[CommitT]):
    """Puts what has come while the last group was put, in a thread; tells each when it is durable, and not before.

    Nothing is waited for: a single COMMIT is put at once, and groups grow as the disk is slow. Where a group cannot be put,
    each of it is put alone, and told its own error.

    Args:
        commit: Puts several, durably. One that is there already is success.
    """

    def __init__(self, commit: Callable[[Sequence[CommitT]], None]) -> None:
        self._commit = commit
        self._waiting: Queue[tuple[CommitT, Told] | None] = Queue(_MOST)
        self._thread = threading.Thread(target=self._run, name="laminar-commit", daemon=True)
        self._thread.start()

    def put(self, commit: CommitT, told: Told) -> None:
        """Have it put; `told` is called, in another thread, when it is durable, or with why it cannot be put."""
        self._waiting.put((commit, told))

    def close(self, timeout_s: float) -> None:
        """End the thread when all is put; wait for that as long as `timeout_s`."""
        with suppress(Full):  # then the disk is not waited for, nor is the thread: it is a daemon
            self._waiting.put_nowait(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        over = False
        while not over:
            group = [self._waiting.get()]
            with suppress(Empty):
                while len(group) < _MOST:
                    group.append(self._waiting.get_nowait())
            over = None in group
            self._put([one for one in group if one is not None])

    def _put(self, group: Sequence[tuple[CommitT, Told]]) -> None:
        failed = None
        try:
            if group:
                self._commit([commit for commit, _ in group])
        except BaseException as error:  # whatever it is, somebody waits to be told
            failed = error
        if failed and len(group) > 1:  # it may be of one of them: each is put alone, also where it is there by now
            for one in group:
                self._put([one])
            return
        for _, told in group:
            told(failed)
