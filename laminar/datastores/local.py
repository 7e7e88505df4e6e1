"""A datastore in a directory of a local or shared POSIX file system."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from math import inf

from laminar.datastores import removal
from laminar.datastores.files import is_there, store_error, unless_absent
from laminar.engine import faults, layout
from laminar.engine.access import ENTER, WRITE, allows
from laminar.engine.ports import Buffer, Datastore, Stat
from laminar.errors import NotFoundError, StoreError

_MMAP_FROM = 1 << 20
"""Bytes from which a file is mapped instead of read: no copy, and pages come as they are used."""


class Local(Datastore):
    """Files below `root`, one for each key.

    What is put appears under its key by `link()`: complete, and only if the key was absent. Content and new directories
    are flushed to disk before a durable put returns.

    Args:
        root: Directory; made when something is first written to it.
    """

    def __init__(self, root: str | os.PathLike[str] = ".laminar") -> None:
        self.root = os.fspath(root)
        self._base = os.path.abspath(self.root)
        self._known: set[str] = set()
        self._inside: set[str] = set()
        self._owner: tuple[int, int] | None = None

    @property
    def url(self) -> str:  # type: ignore[override]
        """The directory's absolute path."""
        return self._base

    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        """Put `data` under `key` if it is absent."""
        with self._staged(durable) as staged:
            staged.write(data)
            return staged.publish(key)

    def read(self, key: str) -> Buffer:
        """What is under `key`; a large file as a private copy-on-write map of it."""
        path = self._path(key)
        try:
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_size >= _MMAP_FROM:
                    return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"there is no {key} in the datastore {self.root}.") from None
        except OSError as error:
            raise store_error("read", path, error) from error

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below `prefix`."""
        top = self._path(prefix)
        for folder, _, files in os.walk(top, onerror=unless_absent):
            relative = os.path.relpath(folder, self._base).replace(os.sep, "/")
            yield from (f"{relative}/{name}" for name in files)

    def children(self, prefix: str) -> Iterator[str]:
        """The names in the directory of `prefix`."""
        path = self._path(prefix)
        try:
            return iter(os.listdir(path))
        except FileNotFoundError:
            return iter(())
        except NotADirectoryError:
            if os.path.isfile(self._base):
                raise self._no_directory() from None
            return iter(())
        except OSError as error:
            raise store_error("list", path, error) from error

    def holding(self, prefix: str, name: str) -> Iterator[str]:
        """The directories in that of `prefix` that have such a file: one look at each, where a listing would be three."""
        top = self._path(prefix)
        return (child for child in self.children(prefix) if is_there(f"{top}{child}/{name}"))

    def append(self, key: str, data: Buffer) -> None:
        """Add to the file of `key`."""
        path = self._path(key)
        try:
            self._make_parent(path, durable=False)
            # No link is followed: in a store that containers write to, it could lead anywhere.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(path, flags, 0o644), "ab") as file:
                if not file.tell():
                    self._give(file.fileno())
                faults.reach(key, "before")
                file.write(data)
                faults.reach(key, "in")
                file.flush()
                faults.reach(key, "after")
        except OSError as error:
            raise store_error("write", path, error) from error

    def stage(self) -> AbstractContextManager[_Staged]:
        """A temporary file on the store's file system."""
        return self._staged(durable=True)

    def check(self, user: tuple[int, int] | None = None) -> None:
        """Raise where results could not be written by `user`, or by this process."""
        try:
            os.makedirs(self._base, exist_ok=True)
            with self.stage() as staged:
                staged.write(b"laminar")
        except FileExistsError:
            raise self._no_directory() from None
        except OSError as error:
            raise store_error("write", self._base, error) from error
        owner = os.stat(self._base)
        if user is not None and not allows(owner, user[0], user[1:], WRITE | ENTER):
            raise StoreError(
                f"the datastore {self._base} belongs to user {owner.st_uid}:{owner.st_gid}; "
                f"the containers run as {user[0]}:{user[1]}, who cannot write to it.",
                remedy="Take user= out of the layer's Container, or give that user the directory (chown or chmod).",
            )

    def owner(self) -> tuple[int, int]:
        """Who owns the directory."""
        status = os.stat(self._base)
        return status.st_uid, status.st_gid

    def stat(self, key: str) -> Stat:
        """The size and age of a file, or of a directory with all that is below it."""
        path = self._path(key).rstrip("/")
        try:
            return removal.look(path)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"there is no {key} in the datastore {self.root}.") from None
        except OSError as error:
            raise store_error("read", path, error) from error

    def refresh(self, key: str) -> bool:
        """Set the time of the file to now; false where it is absent, or is another user's."""
        return removal.refresh(self._path(key))

    def move(self, key: str, to: str, *, untouched_since: float = inf) -> bool:
        """Rename the file or directory, and flush both directories that it was in and is in."""
        path, target = self._path(key).rstrip("/"), self._path(to)
        try:
            self._check_inside(path)
            self._make_parent(target, durable=True)
            if not removal.move(path, target, untouched_since):
                return False
            _flush_directory(os.path.dirname(path))
            _flush_directory(os.path.dirname(target))
        except OSError as error:
            raise store_error("move", path, error) from error
        return True

    def remove(self, key: str, *, untouched_since: float = inf) -> bool:
        """Remove the file, or the directory with all that is below it."""
        path = self._path(key).rstrip("/")
        try:
            self._check_inside(path)
            return removal.remove(path, untouched_since)
        except OSError as error:
            raise store_error("remove", path, error) from error

    def place(self, key: str, *, writes: bool = False) -> str:
        """The path of `key`; its directory is made where something `writes`."""
        path = self._path(key)
        if writes:
            try:
                self._make_parent(path, durable=True)
            except OSError as error:
                raise store_error("write", path, error) from error
        return path

    def __repr__(self) -> str:
        return self.root

    def _no_directory(self) -> StoreError:
        return StoreError(f"the datastore {self._base} is not a directory.", remedy="Name one with --datastore.")

    def _path(self, key: str) -> str:
        return os.path.join(self._base, key)

    @contextmanager
    def _staged(self, durable: bool) -> Iterator[_Staged]:
        # The name is random, never made from the process id: two containers have the same ones.
        folder = self._path(layout.STAGED)
        path = os.path.join(folder, os.urandom(12).hex())
        try:
            self._make_parent(path, durable=False)
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
            self._give(descriptor)
        except OSError as error:
            raise store_error("write", folder, error) from error
        staged = _Staged(self, path, descriptor, durable)
        try:
            yield staged
        finally:
            staged.discard()

    def _make_parent(self, path: str, *, durable: bool) -> None:
        """Make the directory of `path`. A durable one is in its own parent's listing, on disk, when this returns."""
        parent = os.path.dirname(path)
        exists = os.path.isdir(parent)
        if exists and os.geteuid() == 0 and not self._holds(parent):
            raise StoreError(
                f"{parent} is a link that leads out of the datastore {self._base}.", remedy="Remove the link."
            )
        if exists and (not durable or parent in self._known):
            return
        if parent != self._base:
            # Upwards also where it exists: somebody else may have made it a moment ago and not flushed it.
            self._make_parent(parent, durable=durable)
        if not exists:
            try:
                os.makedirs(parent) if parent == self._base else os.mkdir(parent)
            except FileExistsError:
                pass
            else:
                self._give(parent)
        if durable:
            if parent != self._base or not exists:
                _flush_directory(os.path.dirname(parent))
            self._known.add(parent)

    def _holds(self, folder: str) -> bool:
        """Whether a directory is really in this store. Root asks: what a user's containers put there may be a trap."""
        base = os.path.realpath(self._base)
        return os.path.commonpath((base, os.path.realpath(folder))) == base

    def _check_inside(self, path: str) -> None:
        """Raise where the parent of `path` is a link that leads elsewhere: nothing is removed there."""
        parent = os.path.dirname(path)
        if parent not in self._inside:
            if not self._holds(parent):
                raise StoreError(
                    f"{parent} is a link that leads out of the datastore {self._base}.", remedy="Remove the link."
                )
            self._inside.add(parent)

    def _give(self, made: str | int) -> None:
        """What root makes in a user's store belongs to that user, as whom containers run."""
        if os.geteuid() == 0:
            if self._owner is None:
                self._owner = self.owner()
            if self._owner != (0, 0):
                os.chown(made, *self._owner)


class _Staged:
    """A temporary file that becomes a key by `link()`."""

    def __init__(self, store: Local, path: str, descriptor: int, durable: bool) -> None:
        self._store = store
        self._path = path
        self._descriptor = descriptor
        self._durable = durable

    def write(self, data: Buffer) -> None:
        view = memoryview(data).cast("B") if not isinstance(data, bytes) else memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise store_error("write", self._path, error) from error

    def publish(self, key: str, *, replace: bool = False) -> bool:
        path = self._store._path(key)
        try:
            faults.reach(key, "before")
            if self._durable:
                os.fsync(self._descriptor)
            self._store._make_parent(path, durable=self._durable)
            faults.reach(key, "in")
            if replace:
                with removal.shared(path):
                    os.rename(self._path, path)
            else:
                os.link(self._path, path)
            faults.reach(key, "after")
            if self._durable:
                _flush_directory(os.path.dirname(path))
        except FileExistsError:
            if self._durable:  # who put it may not have flushed its name yet, and this one builds on it
                _flush_directory(os.path.dirname(path))
            return False
        except OSError as error:
            raise store_error("write", path, error) from error
        return True

    def discard(self) -> None:
        os.close(self._descriptor)
        with suppress(FileNotFoundError):
            os.unlink(self._path)


def _flush_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
