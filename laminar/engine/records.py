"""Records in the datastore: JSON that carries its own checksum, so that a damaged one is never taken for data.

A record is one JSON object whose last member is the SHA-256 of the text before it. Any JSON tool reads it; laminar also
verifies it, and tells a record that is damaged from one that a newer laminar wrote.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from laminar.engine import shapes
from laminar.engine.ports import Buffer, Datastore
from laminar.errors import CorruptError, NotFoundError

FORMAT = 1
"""Version of the records' content; a reader refuses a higher one by name."""

_to_json = json.JSONEncoder(separators=(",", ":")).encode

_CHECKSUM = b',"sha256":"%s"}'
_CHECKSUM_SIZE = len(_CHECKSUM % (b"0" * 64))


def encode(kind: str, document: dict[str, Any]) -> bytes:
    """The record of `document`, a JSON-able mapping; `kind` says what it is."""
    body = _to_json({"laminar": kind, "format": FORMAT, **document}).encode()
    return body[:-1] + _CHECKSUM % sha256(body).hexdigest().encode()


def decode(kind: str, data: Buffer, where: str) -> dict[str, Any]:
    """The document of a record, with its `sha256`; `where` is its key, for messages.

    Raises:
        CorruptError: It is damaged, of another kind, or written by a newer laminar.
    """
    raw = bytes(data)
    body = raw[:-_CHECKSUM_SIZE] + b"}"
    if raw[-_CHECKSUM_SIZE:] != _CHECKSUM % sha256(body).hexdigest().encode():
        raise CorruptError(
            f"{where} is unreadable: its checksum does not match its content.",
            remedy="It was damaged after it was written. Restore it from a backup, or start a new execution.",
        )
    document: dict[str, Any] = json.loads(str(raw, "utf-8"))
    if document.get("format", 0) > FORMAT:
        raise CorruptError(
            f"{where} has record format {document['format']}; this laminar reads up to {FORMAT}.",
            remedy="It was written by a newer laminar: upgrade this one.",
        )
    if document.get("laminar") != kind:
        raise CorruptError(f"{where} is a {document.get('laminar')!r} record, where a {kind!r} one belongs.")
    return document


def create(store: Datastore, key: str, kind: str, document: dict[str, Any], *, durable: bool = True) -> bool:
    """Put a record under `key` if it is absent; says whether this call was the one that did."""
    return store.create(key, encode(kind, document), durable=durable)


def load(store: Datastore, key: str, kind: str) -> dict[str, Any] | None:
    """The record under `key`; None where there certainly is none.

    Raises:
        CorruptError: As `decode` does.
        StoreError: The store cannot be read.
    """
    try:
        data = store.read(key)
    except NotFoundError:
        return None
    return checked(kind, data, key)


def checked(kind: str, data: Buffer, key: str) -> dict[str, Any]:
    """The document of a record that holds what records of its kind hold.

    Raises:
        CorruptError: As `decode` does, and where it holds something else.
    """
    document = decode(kind, data, key)
    if not shapes.fits(kind, document):
        raise CorruptError(
            f"{key} is whole, but not what a {kind!r} record of laminar holds.",
            remedy="Something else wrote it. Restore it from a backup, or start a new execution.",
        )
    return document
