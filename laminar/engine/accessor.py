"""A lazy sequence over items in the datastore: those of a shard, or of all splits of a layer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, overload

from laminar.engine.artifacts import Archive, Entry


class Accessor(Sequence[Any]):
    """Items that are loaded, and verified, when they are reached; a slice loads nothing.

    Args:
        archive: Loads them.
        entries: Artifacts one after the other: shards count as their items, other values as one.
        name: The attribute, for messages.
        layer: Its layer, for messages.
    """

    def __init__(self, archive: Archive, entries: Sequence[Entry], name: str, layer: str) -> None:
        self._archive = archive
        self._entries = entries
        self._name = name
        self._layer = layer
        self._starts = list(accumulate((items_of(entry) for entry in entries), initial=0))
        self._shown = range(self._starts[-1])
        self._page: tuple[tuple[int, int], list[Entry]] | None = None

    def __len__(self) -> int:
        return len(self._shown)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Accessor: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            part = Accessor.__new__(Accessor)
            part.__dict__.update(self.__dict__, _shown=self._shown[index])
            return part
        try:
            position = self._shown[index]
        except IndexError:
            raise IndexError(f"{self._layer}.{self._name} has {len(self)} items; there is no item {index}") from None
        return self._load(position)

    def __iter__(self) -> Iterator[Any]:
        return (self._load(position) for position in self._shown)

    def __reduce__(self) -> tuple[Any, ...]:
        # Saved as an artifact of another layer, it is what it stands for: a reader may have another datastore.
        return list, (list(self),)

    def __repr__(self) -> str:
        return f"<Accessor of {len(self)} items of {self._layer}.{self._name}>"

    def _load(self, position: int) -> Any:
        which = bisect_right(self._starts, position) - 1
        entry = self._entries[which]
        if "pages" in entry:
            entry = self._item(which, entry, position - self._starts[which])
        return self._archive.load(entry, self._name, self._layer)

    def _item(self, which: int, shard: Entry, item: int) -> Entry:
        page, place = divmod(item, shard["page_items"])
        kept = self._page  # once: another thread of the user's may read another page through the same Accessor
        if kept is None or kept[0] != (which, page):
            self._page = kept = (which, page), self._archive.load_page(shard, page, self._name, self._layer)
        found: Entry = kept[1][place]
        return found


def items_of(entry: Entry) -> int:
    """How many items an artifact counts as: those of a shard, else one."""
    return int(entry["items"]) if "pages" in entry else 1
