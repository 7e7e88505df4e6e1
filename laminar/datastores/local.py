"""A datastore in a directory of a local or shared POSIX file system."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from math import inf

from laminar.datastores import removal
from laminar.datastores.files import is_there, store_error, unless_absent
from laminar.datastores.folders import Folders, can_flush_all, flush, flush_all
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
        self._folders = Folders(self._base)

    @property
    def url(self) -> str:  # type: ignore[override]
        """The directory's absolute path."""
        return self._base

    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        """Put `data` under `key` if it is absent."""
        with self._staged(durable) as staged:
            staged.write(data)
            return staged.publish(key)

    @property
    def grouped(self) -> bool:  # type: ignore[override]
        """Where one call has the whole file system on disk."""
        return can_flush_all(self._base)

    def create_all(self, entries: Sequence[tuple[str, Buffer]]) -> list[bool]:
        """Put them with two flushes of the file system for all together: of what is put, then of its names."""
        if len(entries) == 1 or not self.grouped:
            return super().create_all(entries)
        with ExitStack() as stack:
            staged = [stack.enter_context(self._staged(durable=False)) for _ in entries]
            for file, (_, data) in zip(staged, entries, strict=True):
                file.write(data)
            self._flush_all()
            put = [file.publish(key) for file, (key, _) in zip(staged, entries, strict=True)]
            self._flush_all()
        return put

    def read(self, key: str) -> Buffer:
        """What is under `key`; a large file as a private copy-on-write map of it."""
        path = self._path(key)
        try:
            with _opened(path) as descriptor:  # records are small and many: the system is asked nothing in vain
                size = os.fstat(descriptor).st_size
                if size >= _MMAP_FROM:
                    return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
                data = os.read(descriptor, size)
                while len(data) < size and (more := os.read(descriptor, size - len(data))):
                    data += more
                return data
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(f"there is no {key} in the datastore {self.root}.") from None
        except OSError as error:
            raise store_error("read", path, error) from error

    def has(self, key: str) -> bool:
        """Whether the file is there. It is opened: a mere look may find what another machine has removed."""
        path = self._path(key)
        try:
            with _opened(path):
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
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
            # No link is followed: in a store that containers write to, it could lead anywhere.
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            with self._folders.open(os.path.dirname(path)) as folder:
                descriptor = os.open(os.path.basename(path), flags, 0o644, dir_fd=folder)
            with open(descriptor, "ab") as file:
                if not file.tell():
                    self._folders.give(file.fileno())
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
            with self._folders.open(self._base), self.stage() as staged:
                staged.write(b"laminar")
        except (FileExistsError, NotADirectoryError):
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
            self._folders.check(os.path.dirname(path))
            with self._folders.open(os.path.dirname(target)) as folder:
                self._folders.flush(os.path.dirname(target))
                if not removal.move(path, target, untouched_since):
                    return False
                flush(os.path.dirname(path))
                os.fsync(folder)
        except OSError as error:
            raise store_error("move", path, error) from error
        return True

    def remove(self, key: str, *, untouched_since: float = inf) -> bool:
        """Remove the file, or the directory with all that is below it."""
        path = self._path(key).rstrip("/")
        try:
            self._folders.check(os.path.dirname(path))
            return removal.remove(path, untouched_since)
        except OSError as error:
            raise store_error("remove", path, error) from error

    def place(self, key: str, *, writes: bool = False) -> str:
        """The path of `key`; its directory is made where something `writes`."""
        path = self._path(key)
        if writes:
            try:
                with self._folders.open(os.path.dirname(path)):
                    self._folders.flush(os.path.dirname(path))
            except OSError as error:
                raise store_error("write", path, error) from error
        return path

    def __repr__(self) -> str:
        return self.root

    def _no_directory(self) -> StoreError:
        return StoreError(f"the datastore {self._base} is not a directory.", remedy="Name one with --datastore.")

    def _path(self, key: str) -> str:
        return os.path.join(self._base, key)

    def _flush_all(self) -> None:
        try:
            with self._folders.open(self._base) as base:
                flush_all(base)
        except OSError as error:
            raise store_error("write", self._base, error) from error

    @contextmanager
    def _staged(self, durable: bool) -> Iterator[_Staged]:
        # The name is random, never made from the process id: two containers have the same ones.
        folder = self._path(layout.STAGED)
        path = os.path.join(folder, os.urandom(12).hex())
        try:
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
            with self._folders.open(os.path.dirname(path)) as tmp:
                descriptor = os.open(os.path.basename(path), flags, 0o644, dir_fd=tmp)
            self._folders.give(descriptor)
        except OSError as error:
            raise store_error("write", folder, error) from error
        staged = _Staged(self, path, descriptor, durable)
        try:
            yield staged
        finally:
            staged.discard()


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """A descriptor of a file that is read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
            folder, name = os.path.split(path)
            with self._store._folders.open(folder) as parent:
                if self._durable:
                    os.fsync(self._descriptor)
                    # After that: most systems have the new directories on disk by then, too, and nothing is left to do.
                    self._store._folders.flush(folder)
                faults.reach(key, "in")
                won = True
                try:
                    if replace:
                        with removal.shared(path):
                            os.rename(self._path, name, dst_dir_fd=parent)
                    else:
                        os.link(self._path, name, dst_dir_fd=parent, follow_symlinks=False)
                    faults.reach(key, "after")
                except FileExistsError:
                    won = False
                if self._durable:  # also what another put: its name may not be on disk yet, and this one builds on it
                    os.fsync(parent)
                return won
        except OSError as error:
            raise store_error("write", path, error) from error

    def discard(self) -> None:
        os.close(self._descriptor)
        with suppress(FileNotFoundError):
            os.unlink(self._path)
