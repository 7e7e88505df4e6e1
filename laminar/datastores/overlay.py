"""A datastore on top of another, which is only read: what is written stays on top, and goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from laminar.engine.ports import Buffer, Datastore, Staged
from laminar.errors import NotFoundError


class Overlay(Datastore):
    """All that `below` has, and what is put on top.

    Args:
        below: Nothing is written to it.
        above: Gets what is written; empty at first.
        url: Where processes that only read may open what is below; empty where none may.
    """

    def __init__(self, below: Datastore, above: Datastore, url: str = "") -> None:
        self._below = below
        self._above = above
        self._placed: set[str] = set()
        self.url = url

    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        """Put `data` on top, if neither has `key`."""
        return not self._below.has(key) and self._above.create(key, data, durable=False)

    def read(self, key: str) -> Buffer:
        """What is under `key`, on top or below."""
        with suppress(NotFoundError):
            return self._above.read(key)
        return self._below.read(key)

    def has(self, key: str) -> bool:
        """Whether either has `key`."""
        return self._above.has(key) or self._below.has(key)

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys of both."""
        return iter({*self._above.keys(prefix), *self._below.keys(prefix)})

    def children(self, prefix: str) -> Iterator[str]:
        """The next path segments in both."""
        return iter({*self._above.children(prefix), *self._below.children(prefix)})

    def holding(self, prefix: str, name: str) -> Iterator[str]:
        """The children that have such a key in either."""
        return iter({*self._above.holding(prefix, name), *self._below.holding(prefix, name)})

    def append(self, key: str, data: Buffer) -> None:
        """Add to a copy, on top, of what is below."""
        with suppress(NotFoundError):
            self._above.create(key, self._below.read(key), durable=False)
        self._above.append(key, data)

    @contextmanager
    def stage(self) -> Iterator[Staged]:
        """A place on top."""
        with self._above.stage() as staged:
            yield _Staged(self, staged)

    def owner(self) -> tuple[int, int] | None:
        """That of what is below."""
        return self._below.owner()

    def place(self, key: str, *, writes: bool = False) -> str:
        """The URI on top for what `writes`, and for what was written there; else that below."""
        if writes:
            self._placed.add(key)
        return self._above.place(key, writes=writes) if key in self._placed else self._below.place(key)

    def __repr__(self) -> str:
        return repr(self._below)


class _Staged:
    def __init__(self, store: Overlay, staged: Staged) -> None:
        self._store = store
        self._staged = staged

    def write(self, data: Buffer) -> None:
        self._staged.write(data)

    def publish(self, key: str, *, replace: bool = False) -> bool:
        return (replace or not self._store._below.has(key)) and self._staged.publish(key, replace=replace)
