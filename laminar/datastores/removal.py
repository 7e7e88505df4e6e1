"""Removing files beside those who write them: nobody refreshes or replaces a file between a look at its age and its removal.

`flock` is between a writer who found the content that it wanted to write, and `laminar gc`; readers, and those who put what
is absent, do not wait. On a file system without locks nothing is removed.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from laminar.engine.ports import Stat


def look(path: str) -> Stat:
    """The size and age of a file, or of a directory with all that is below it."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        return Stat(status.st_size, _modified(status))
    size, modified = 0, _modified(status)
    for folder, folders, files in os.walk(path, onerror=_unless_gone):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                status = os.lstat(os.path.join(folder, name))
                size += 0 if stat.S_ISDIR(status.st_mode) else status.st_size
                modified = max(modified, _modified(status))
    return Stat(size, modified)


def refresh(path: str) -> bool:
    """Make a file as young as a new one; false where it is gone, or is another user's."""
    try:
        with shared(path) as descriptor:
            if descriptor is None:
                return False
            os.utime(descriptor)
            return _is_at(descriptor, path)
    except OSError:  # the caller writes the file itself, and hears what is wrong
        return False


@contextmanager
def shared(path: str) -> Iterator[int | None]:
    """A descriptor of the file, which is not removed meanwhile; None where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        with suppress(OSError):  # without locks nothing is removed either
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield descriptor
    finally:
        _unlock(descriptor)


def move(path: str, to: str, untouched_since: float) -> bool:
    """Rename a file or directory, unless it was touched."""
    with _settled(path, untouched_since) as settled:
        if settled:
            os.rename(path, to)
        return settled


def remove(path: str, untouched_since: float) -> bool:
    """Remove a file or directory, unless it was touched."""
    with _settled(path, untouched_since) as settled:
        if settled and _is_directory(path):
            _remove_tree(path)
        elif settled:
            os.unlink(path)
        return settled


@contextmanager
def _settled(path: str, untouched_since: float) -> Iterator[bool]:
    """Whether something is there and was not touched since; a file cannot be, as long as this lasts."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            yield look(path).modified <= untouched_since
            return
        descriptor = _open(path)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _lock(descriptor) and _is_at(descriptor, path) and _modified(os.fstat(descriptor)) <= untouched_since
    finally:
        _unlock(descriptor)


def _open(path: str) -> int:
    flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, os.O_RDWR | flags)  # NFS locks only what is open for writing
    except PermissionError:
        return os.open(path, os.O_RDONLY | flags)


def _lock(descriptor: int) -> bool:
    """Lock the file alone; false where a writer has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(descriptor: int) -> None:
    # Said, not left to close(): a child that was forked meanwhile has the descriptor too.
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def _is_at(descriptor: int, path: str) -> bool:
    """Whether the open file is the one at `path`, neither removed nor replaced."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _modified(status: os.stat_result) -> float:
    # The time of the inode's own change, too: what is copied with its times looks old when it is new.
    return max(status.st_mtime, status.st_ctime)


def _is_directory(path: str) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)


def _remove_tree(path: str) -> None:
    import shutil  # paid by who removes, not by every container

    while os.path.lexists(path):
        with suppress(FileNotFoundError):  # another process removes it, too
            shutil.rmtree(path)


def _unless_gone(error: OSError) -> None:
    """What cannot be listed is not taken for empty, unless it is certainly not there."""
    if not isinstance(error, FileNotFoundError):
        raise error
