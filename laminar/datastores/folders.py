"""The directories of a store on their way to a file: opened, made where they are absent, and never left by a link."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from laminar.errors import StoreError


class Folders:
    """The directories at and below `base`, an absolute path.

    What is put into a store goes through a descriptor of its directory: which one that is has been looked at once, and
    nobody can put a link in its place between the look and the use.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self._real = ""
        self._made = False
        self._flushed: set[str] = {base}
        self._owner: tuple[int, int] | None = None

    @contextmanager
    def open(self, path: str) -> Iterator[int]:
        """A descriptor of the directory at `path`.

        Raises:
            OSError: The system refuses.
            StoreError: A link on the way leads out of the store, and this is root.
        """
        descriptor = self._enter(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def flush(self, path: str) -> None:
        """Have the directory at `path` on disk: its name in its parent, and so on up to the base, once in this process.

        Also what was not made here: somebody else may have made it a moment ago and not flushed it.
        """
        if self._made:
            flush(os.path.dirname(self.base))
            self._made = False
        if path not in self._flushed:
            parent = os.path.dirname(path)
            self.flush(parent)
            flush(parent)
            self._flushed.add(path)

    def check(self, path: str) -> None:
        """Raise `StoreError` where the directory at `path` is there, and outside of the store."""
        with suppress(FileNotFoundError):
            os.close(self._inside(path))

    def give(self, made: int | str, *, parent: int | None = None) -> None:
        """What root makes in a user's store belongs to that user, as whom containers run: a descriptor, or a name."""
        if os.geteuid() == 0:
            if self._owner is None:
                status = os.stat(self.base)
                self._owner = status.st_uid, status.st_gid
            if self._owner != (0, 0):
                os.chown(made, *self._owner, dir_fd=parent, follow_symlinks=parent is None)

    def _enter(self, path: str) -> int:
        # Root asks where it is: what a user's containers put there may be a trap.
        look = self._inside if os.geteuid() == 0 else self._at
        with suppress(FileNotFoundError):
            return look(path)
        if path == self.base:
            os.makedirs(path, exist_ok=True)
            self._made = True
            return look(path)
        with self.open(os.path.dirname(path)) as parent:
            name = os.path.basename(path)
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=parent)
                self.give(name, parent=parent)
            self._flushed.discard(path)
            return look(path)

    def _at(self, path: str) -> int:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _inside(self, path: str) -> int:
        """A descriptor of a directory that is really in this store."""
        descriptor = self._at(path)
        try:
            where = _place_of(descriptor, path)
            if not (self._real and _is_below(where, self._real)):
                self._real = os.path.realpath(self.base)
                if not _is_below(where, self._real):
                    raise StoreError(
                        f"{path} is a link that leads out of the datastore {self.base}.", remedy="Remove the link."
                    )
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def flush(path: str) -> None:
    """Have the names in a directory on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def can_flush_all(path: str) -> bool:
    """Whether `flush_all` has what is below `path` on disk: on Linux, where the file system is one of a block device.

    Of others, such as those in user space, the system does not say how far `syncfs` reaches.
    """
    return sys.platform == "linux" and os.path.exists(path) and os.major(os.stat(path).st_dev) != 0


def flush_all(descriptor: int) -> None:
    """Have all of the file system that an open directory is in on disk."""
    import ctypes  # paid by who puts many things at a time

    if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _place_of(descriptor: int, path: str) -> str:
    """Where an open directory is, links on the way to it followed."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except FileNotFoundError:  # a system without /proc: where the path leads now
        return os.path.realpath(path)


def _is_below(path: str, base: str) -> bool:
    return path == base or path.startswith(f"{base}{os.sep}")
