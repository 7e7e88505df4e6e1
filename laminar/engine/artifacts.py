"""Values to bytes in the datastore and back, verified.

An artifact is an entry of a COMMIT: how it was written (codec, notes, sizes of its parts), what it looked like (type,
preview), and its content: in the entry itself where it is small, else as a blob named by its SHA-256.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from itertools import accumulate
from typing import Any

from laminar.engine import blobs, layout
from laminar.engine.ports import Buffer, Codec, Datastore
from laminar.engine.preview import preview, type_name
from laminar.engine.protocols import Registered
from laminar.errors import CorruptError, LaminarError, LayerError, NotFoundError, UsageError

Entry = dict[str, Any]

INLINE_BYTES = 1024
"""Content of at most this size stays in the entry: a small value costs neither a file nor a flush of its own."""

PAGE_ITEMS = 512
"""Entries of a shard are kept in pages of so many: neither writing nor reading needs memory for all, and a split that wants
one item reads one page, and a COMMIT that names a page for every 512 items."""

_PAGES_KEPT = 8

_ALIGN = 64
"""Parts begin at multiples of this many bytes, which suits vector loads from a mapped array."""

_PIECE = 1 << 20

_REMEDY = "Compute it again: laminar resume EXECUTION --rerun %s"


class Archive:
    """The artifacts of a datastore.

    Args:
        store: Where they are.
        codecs: Ways to write a value; the first that accepts it is used, the last accepts all.
        denied: Names of codecs by which nothing is loaded here.
    """

    def __init__(self, store: Datastore, codecs: Sequence[Codec], denied: Collection[str] = ()) -> None:
        self.store = store
        self._codecs = codecs
        self._denied = denied
        self._pages: dict[str, list[Entry]] = {}
        self._by_name = {(codec.kind, codec.name): codec for codec in reversed(codecs)}

    def save(self, value: Any) -> Entry:
        """Store `value`; returns its entry.

        Raises:
            LaminarError: The value cannot be serialized; the message has the path inside it.
            StoreError: The store refuses.
        """
        codec = next(codec for codec in self._codecs if codec.accepts(value))
        entry: Entry = {"type": type_name(value), "preview": preview(value), codec.kind: codec.name}
        if isinstance(codec, Registered) and codec.external:
            name = layout.new_external()
            codec.protocol.write(value, self.store.place(layout.external(name), writes=True))
            return {**entry, "external": name}
        parts, notes = codec.dump(value)
        entry.update(self._put(parts))
        if notes:
            entry["notes"] = notes
        return entry

    def save_items(self, values: Iterable[Any]) -> Entry:
        """Store values one by one, as one artifact; needs memory for one value and one page of entries.

        Raises:
            LaminarError: A value cannot be serialized; the message has its index.
            StoreError: The store refuses.
        """
        pages: list[Entry] = []
        page: list[Entry] = []
        count = 0
        for value in values:
            try:
                page.append(self.save(value))
            except LayerError as error:
                raise LayerError(f"item {count}: {error.message}", remedy=error.remedy) from error
            count += 1
            if len(page) == PAGE_ITEMS:
                pages.append(self._put([json.dumps(page).encode()]))
                page = []
        if page:
            pages.append(self._put([json.dumps(page).encode()]))
        noun = "item" if count == 1 else "items"
        return {"type": "shard", "preview": f"{count} {noun}", "items": count, "page_items": PAGE_ITEMS, "pages": pages}

    def load_page(self, shard: Entry, page: int, name: str, layer: str) -> list[Entry]:
        """The entries of one page of a shard; `name` and `layer` are for messages."""
        place = shard["pages"][page]
        digest = place.get("blob")
        entries: list[Entry] | None = self._pages.get(digest)
        if entries is None:
            (data,) = self._read(place, name, layer)
            entries = json.loads(bytes(data))
            if len(self._pages) >= _PAGES_KEPT:
                self._pages.clear()
            if digest:
                self._pages[digest] = entries
        return entries

    def load(self, entry: Entry, name: str, layer: str) -> Any:
        """The value of `entry`; `name` and `layer` are for messages.

        Raises:
            CorruptError: The content is gone, or not what was written.
            UsageError: It is a pickle, and none may be loaded here; nothing was.
            LaminarError: It cannot be read here, with the reason.
        """
        codec = self._codec_of(entry, name, layer)
        parts = [] if "external" in entry else self._read(entry, name, layer)
        try:
            if isinstance(codec, Registered) and "external" in entry:
                return codec.protocol.read(self.store.place(layout.external(entry["external"])))
            return codec.load(parts, entry.get("notes", {}))
        except LaminarError as error:
            raise type(error)(f"artifact {name!r} of {layer}: {error.message}", remedy=error.remedy) from error
        except Exception as error:
            raise LaminarError(
                f"artifact {name!r} of {layer} ({entry['type']}) cannot be read here: {type(error).__name__}: {error}",
                remedy="Read it where the modules that define its type can be imported, in the versions that wrote it.",
            ) from error

    def check_present(self, entry: Entry, name: str, layer: str) -> None:
        """Raise `CorruptError` unless the blobs that `entry` names are there; their content is not looked at."""
        for place in entry.get("pages", [entry]):
            if "blob" in place and not self.store.has(layout.blob(place["blob"])):
                raise _lost(place["blob"], name, layer)

    def verify(self, entry: Entry, name: str, layer: str) -> None:
        """Raise `CorruptError` unless the content of `entry` is there and what was written. External content may be not."""
        if "pages" in entry:
            for page in range(len(entry["pages"])):
                for item in self.load_page(entry, page, name, layer):
                    self.verify(item, name, layer)
        elif "external" not in entry:
            self._read(entry, name, layer)

    def _codec_of(self, entry: Entry, name: str, layer: str) -> Codec:
        """What wrote the entry, and may read it here."""
        kind = "protocol" if "protocol" in entry else "codec"
        if entry[kind] in self._denied and kind == "codec":
            raise UsageError(
                f"artifact {name!r} of {layer} is a {entry['codec']} of {entry['type']}, and `pickle: deny` is set: "
                "it was not loaded.",
                remedy="Save what needs no pickle (docs/serialization.md), register a protocol for its type, "
                "or set LAMINAR_PICKLE=allow if you trust all who write to this datastore.",
            )
        codec = self._by_name.get((kind, entry[kind]))
        if codec is None:
            raise LaminarError(
                f"artifact {name!r} of {layer} was written by {kind} {entry[kind]!r}, which is not known here.",
                remedy="Upgrade laminar to the version that wrote it."
                if kind == "codec"
                else "Register it with @datastore.protocol to the datastore of the flow that is read, where the module of "
                "that flow constructs it.",
            )
        return codec

    def _put(self, parts: Sequence[Buffer]) -> Entry:
        """Store content; returns where it is: in the entry itself, or in a blob."""
        views = [memoryview(part).cast("B") for part in parts]
        sizes = [len(view) for view in views]
        if sum(sizes) <= INLINE_BYTES:
            return {"sizes": sizes, "inline": b64encode(b"".join(views)).decode()}
        return {"sizes": sizes, "blob": self._write_blob(views)}

    def _write_blob(self, views: Sequence[memoryview]) -> str:
        digest = sha256()
        with self.store.stage() as staged:
            for view in views:
                for start in range(0, len(view), _PIECE):
                    piece = view[start : start + _PIECE]
                    digest.update(piece)
                    staged.write(piece)
                if padding := bytes(-len(view) % _ALIGN):
                    digest.update(padding)
                    staged.write(padding)
            return blobs.publish(self.store, staged, digest.hexdigest())

    def _read(self, entry: Entry, name: str, layer: str) -> list[Buffer]:
        sizes: list[int] = entry["sizes"]
        if "inline" in entry:
            data = memoryview(bytearray(b64decode(entry["inline"])))
            starts = accumulate(sizes[:-1], initial=0)
        else:
            data = self._read_blob(entry["blob"], name, layer)
            starts = accumulate((size + -size % _ALIGN for size in sizes[:-1]), initial=0)
        return [data[start : start + size] for start, size in zip(starts, sizes, strict=True)]

    def _read_blob(self, digest: str, name: str, layer: str) -> memoryview:
        try:
            data = self.store.read(layout.blob(digest))
        except NotFoundError:
            raise _lost(digest, name, layer) from None
        actual = sha256(data).hexdigest()
        if actual != digest:
            raise CorruptError(
                f"artifact {name!r} of {layer} is corrupt: expected SHA-256 {digest}, its content has {actual}.",
                remedy=_REMEDY % layer,
            )
        view = memoryview(data)
        return memoryview(bytearray(view)) if view.readonly else view


def _lost(digest: str, name: str, layer: str) -> CorruptError:
    return CorruptError(
        f"artifact {name!r} of {layer} is lost: its content {digest} is not in the datastore.", remedy=_REMEDY % layer
    )
