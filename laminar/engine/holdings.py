"""What each execution names: blobs, values that protocols keep, images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from laminar.engine import layout, records
from laminar.engine.artifacts import Archive, Entry
from laminar.engine.ledger import Ledger
from laminar.errors import CorruptError, NotFoundError


class Named(NamedTuple):
    """Content that a record names.

    Attributes:
        kind: `blob`, `external`, or `image`.
        name: The blob's digest, the value's name, the image's id.
        layer: Of the COMMIT; empty where another record names it.
        split: Its index.
        artifact: What it belongs to: an artifact, a parameter, or the code of a launch.
        counts: Whether it is of the COMMIT that counts, and not of one whose layer was computed again.
    """

    kind: str
    name: str
    layer: str = ""
    split: int = 0
    artifact: str = ""
    counts: bool = True


class Unreadable(NamedTuple):
    """A record, or a page of a shard, of which nobody knows what it names."""

    where: str
    error: CorruptError
    layer: str = ""
    split: int = 0
    counts: bool = True


class Holdings:
    """What one execution names.

    Attributes:
        unreadable: What could not be read while `named` went on.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.unreadable: list[Unreadable] = []
        self._ledger = ledger
        self._archive = Archive(ledger.store, ())

    def named(self) -> Iterator[Named]:
        """All of it, as often as it is named. What is lost names nothing: nobody can get at it any more."""
        ledger = self._ledger
        prefix = layout.execution(ledger.flow, ledger.execution)
        for key in ledger.store.keys(prefix):
            if place := layout.read_commit(key):
                counts = self._counts(place)
                for name, entry in self._load(key, "commit", place, counts).get("artifacts", {}).items():
                    yield from self._of_entry(entry, Named("", "", place.layer, place.split, name, counts))
            elif key == layout.execution_record(ledger.flow, ledger.execution):
                for name, entry in self._load(key, "execution").get("parameters", {}).items():
                    yield from self._of_entry(entry, Named("", "", artifact=f"parameter {name}"))
            elif key.startswith(layout.launches(ledger.flow, ledger.execution)):
                yield from _of_launch(self._load(key, "launch"))
            elif key.startswith(layout.generations(ledger.flow, ledger.execution)):
                self._load(key, "generation")

    def _counts(self, place: layout.Commit) -> bool:
        try:
            return self._ledger.generation(place.layer) == place.generation
        except CorruptError:  # the record of a generation: laminar cannot read the execution, and says so elsewhere
            return True

    def _load(self, key: str, kind: str, place: layout.Commit | None = None, counts: bool = True) -> Mapping[str, Any]:
        try:
            return records.load(self._ledger.store, key, kind) or {}
        except CorruptError as error:
            split = (place.layer, place.split) if place else ("", 0)
            self.unreadable.append(Unreadable(key, error, *split, counts))
            return {}

    def _of_entry(self, entry: Entry, place: Named) -> Iterator[Named]:
        for kind in ("blob", "external"):
            if kind in entry:
                if not layout.is_name(kind, entry[kind]):  # in a path, a tampered one could lead anywhere
                    error = CorruptError(f"{entry[kind]!r} is no name of a {kind}.", remedy="Somebody has written it.")
                    self.unreadable.append(Unreadable(kind, error, place.layer, place.split, place.counts))
                    return
                yield place._replace(kind=kind, name=entry[kind])
        for number, page in enumerate(entry.get("pages", ())):
            yield from self._of_entry(page, place)
            for item in self._page(entry, number, place):
                yield from self._of_entry(item, place)

    def _page(self, shard: Entry, number: int, place: Named) -> list[Entry]:
        digest = shard["pages"][number].get("blob", "")
        try:
            if digest:
                self._ledger.store.stat(layout.blob(digest))
            return self._archive.load_page(shard, number, place.artifact, place.layer)
        except NotFoundError:
            return []
        except CorruptError as error:
            where = layout.blob(digest)
            self.unreadable.append(Unreadable(where, error, place.layer, place.split, place.counts))
            return []


def _of_launch(launch: Mapping[str, Any]) -> Iterator[Named]:
    if launch.get("fingerprint"):
        yield Named("blob", launch["fingerprint"], artifact="the code of a launch")
    for image in launch.get("engine", {}).get("images", {}).values():
        yield Named("image", image)
