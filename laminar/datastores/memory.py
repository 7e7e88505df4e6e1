"""A datastore in this process's memory: for tests, and for flows whose results nobody needs afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import inf
from threading import Lock

from laminar.engine.ports import Buffer, Datastore, Stat
from laminar.errors import NotFoundError


class Memory(Datastore):
    """Keys and bytes in a dictionary. It goes with the thread executor only: no other process sees it."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}
        self._times: dict[str, float] = {}
        self._lock = Lock()

    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        """Put `data` under `key` if it is absent."""
        with self._lock:
            if key in self._data:
                return False
            self._put(key, bytes(data))
            return True

    def read(self, key: str) -> Buffer:
        """What is under `key`."""
        try:
            return self._data[key]
        except KeyError:
            raise NotFoundError(f"there is no {key} in this memory store.") from None

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys below `prefix`."""
        return iter([key for key in list(self._data) if key.startswith(prefix)])

    def children(self, prefix: str) -> Iterator[str]:
        """The next path segments after `prefix`."""
        return iter({key[len(prefix) :].split("/", 1)[0] for key in self.keys(prefix)})

    def append(self, key: str, data: Buffer) -> None:
        """Add to what is under `key`."""
        with self._lock:
            self._put(key, self._data.get(key, b"") + data)

    def stage(self) -> AbstractContextManager[_Staged]:
        """A list of pieces."""
        return nullcontext(_Staged(self))

    def stat(self, key: str) -> Stat:
        """The size and age of what is under `key`, and below it."""
        with self._lock:
            return self._stat(key)

    def refresh(self, key: str) -> bool:
        """Set the time of `key` to now."""
        with self._lock:
            if key in self._data:
                self._times[key] = time.time()
            return key in self._data

    def move(self, key: str, to: str, *, untouched_since: float = inf) -> bool:
        """Rename keys."""
        with self._lock:
            found = self._untouched(key, untouched_since)
            for each in found:
                self._put(to + each[len(key.rstrip("/")) :], self._data.pop(each))
            return bool(found)

    def remove(self, key: str, *, untouched_since: float = inf) -> bool:
        """Forget keys."""
        with self._lock:
            found = self._untouched(key, untouched_since)
            for each in found:
                del self._data[each]
            return bool(found)

    def __repr__(self) -> str:
        return "memory"

    def _put(self, key: str, data: bytes) -> None:
        self._data[key] = data
        self._times[key] = time.time()

    def _below(self, key: str) -> list[str]:
        prefix = f"{key.rstrip('/')}/"
        return [each for each in self._data if each == key or each.startswith(prefix)]

    def _stat(self, key: str) -> Stat:
        found = self._below(key)
        if not found:
            raise NotFoundError(f"there is no {key} in this memory store.")
        return Stat(sum(len(self._data[each]) for each in found), max(self._times.get(each, 0.0) for each in found))

    def _untouched(self, key: str, since: float) -> list[str]:
        found = self._below(key)
        return found if found and self._stat(key).modified <= since else []


class _Staged:
    def __init__(self, store: Memory) -> None:
        self._store = store
        self._pieces: list[bytes] = []

    def write(self, data: Buffer) -> None:
        self._pieces.append(bytes(data))

    def publish(self, key: str, *, replace: bool = False) -> bool:
        data = b"".join(self._pieces)
        if replace:
            with self._store._lock:
                self._store._put(key, data)
            return True
        return self._store.create(key, data)
