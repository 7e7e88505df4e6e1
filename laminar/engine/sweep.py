"""Removing content that nothing names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from laminar.engine import layout, records
from laminar.engine.ports import Datastore
from laminar.errors import CorruptError, NotFoundError

_OF_AN_EXECUTION = frozenset({"launches", "generations", "lease", "layers"})
"""What an execution's directory may hold that has no record; where there is more, it is somebody else's."""


@dataclass
class Swept:
    """What was removed, or would be, besides executions.

    Attributes:
        blobs: Pieces of content.
        external: Values that protocols kept by themselves.
        images: Answers of images that no launch used.
        leftovers: What was half written, and executions without a record.
        bytes: Of all these.
        young: Pieces of content that nothing names, and that are too young to be removed.
        young_bytes: Of these.
    """

    blobs: int = 0
    external: int = 0
    images: int = 0
    leftovers: int = 0
    bytes: int = 0
    young: int = 0
    young_bytes: int = 0


class Sweep:
    """One pass over the store.

    Args:
        store: Where.
        before: Nothing is removed that was modified after this time, in seconds since 1970.
        dry_run: Remove nothing at all.
    """

    def __init__(self, store: Datastore, before: float, *, dry_run: bool) -> None:
        self.swept = Swept()
        self._store = store
        self._before = before
        self._dry_run = dry_run

    def content(self, named: Mapping[str, Collection[str]]) -> None:
        """Remove blobs and external values that are not `named`, by their kind."""
        for key in self._store.keys(layout.BLOBS):
            digest = layout.read_digest(key)
            if digest and digest not in named["blob"]:
                self.swept.blobs += self._remove(key, self._store.remove)
        for name in self._store.children(layout.EXTERNAL):
            if layout.is_name("external", name) and name not in named["external"]:
                self.swept.external += self._remove(layout.external(name), self._discard)

    def images(self, named: Collection[str]) -> None:
        """Remove answers of images that are not `named`. One that is missed is asked for again."""
        for key in self._store.keys(layout.IMAGES):
            if layout.read_digest(key) and self._image(key) not in named:
                self.swept.images += self._remove(key, self._store.remove)

    def leftovers(self) -> None:
        """Remove what writers that were killed have left."""
        for key in self._store.keys(layout.STAGED):
            self.swept.leftovers += self._remove(key, self._store.remove)
        for prefix in self._without_record():
            self.swept.leftovers += self._remove(prefix, self._discard)

    def _without_record(self) -> Iterator[str]:
        for flow in self._store.children(layout.RUNS):
            for execution in self._store.children(layout.flow(flow)):
                prefix = layout.execution(flow, execution)
                if _OF_AN_EXECUTION.issuperset(self._store.children(prefix)):
                    yield prefix

    def _image(self, key: str) -> str:
        try:
            return str((records.load(self._store, key, "image") or {}).get("image", ""))
        except CorruptError:
            return ""

    def _remove(self, key: str, remove: Callable[..., bool]) -> bool:
        try:
            found = self._store.stat(key)
        except NotFoundError:
            return False
        if found.modified > self._before:
            self.swept.young += 1
            self.swept.young_bytes += found.size
            return False
        if not self._dry_run and not remove(key, untouched_since=self._before):
            return False  # a writer wanted it meanwhile
        self.swept.bytes += found.size
        return True

    def _discard(self, key: str, *, untouched_since: float) -> bool:
        return discard(self._store, key, untouched_since)


def discard(store: Datastore, key: str, untouched_since: float = float("inf")) -> bool:
    """Remove all below `key`: first out of the way in one step, so that no half of it is ever found there."""
    trash = layout.trash()
    if not store.move(key, trash, untouched_since=untouched_since):
        return False
    store.remove(trash)
    return True


def empty_trash(store: Datastore) -> None:
    """Remove what a collection that was killed had begun to."""
    for name in store.children(layout.TRASH):
        store.remove(f"{layout.TRASH}{name}")
