"""A datastore in this process's memory: for tests, and for flows whose results nobody needs afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from threading import Lock

from laminar.engine.ports import Buffer, Datastore
from laminar.errors import NotFoundError


class Memory(Datastore):
    """Keys and bytes in a dictionary. It goes with the thread executor only: no other process sees it."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}
        self._lock = Lock()

    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        """Put `data` under `key` if it is absent."""
        with self._lock:
            if key in self._data:
                return False
            self._data[key] = bytes(data)
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
            self._data[key] = self._data.get(key, b"") + data

    def stage(self) -> AbstractContextManager[_Staged]:
        """A list of pieces."""
        return nullcontext(_Staged(self))

    def __repr__(self) -> str:
        return "memory"


class _Staged:
    def __init__(self, store: Memory) -> None:
        self._store = store
        self._pieces: list[bytes] = []

    def write(self, data: Buffer) -> None:
        self._pieces.append(bytes(data))

    def publish(self, key: str, *, replace: bool = False) -> bool:
        data = b"".join(self._pieces)
        if replace:
            self._store._data[key] = data
            return True
        return self._store.create(key, data)
