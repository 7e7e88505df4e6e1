"""How content gets into the store, beside a garbage collection that may be at work on it."""

from __future__ import annotations

from hashlib import sha256

from laminar.engine import layout
from laminar.engine.ports import Datastore, Staged
from laminar.errors import NotFoundError


def publish(store: Datastore, staged: Staged, digest: str) -> str:
    """Have the blob of what is staged in the store, intact, and as young as if it were new; returns its name.

    A blob that is there already may be named by nothing, and about to be collected: refreshed, it stays, and where it is
    gone or damaged it is put anew (docs/adr/0011-garbage-collection.md).
    """
    key = layout.blob(digest)
    if not staged.publish(key) and not (store.refresh(key) and is_intact(store, digest)):
        staged.publish(key, replace=True)
    return digest


def is_intact(store: Datastore, digest: str) -> bool:
    """Whether the blob is there and its content is what its name says."""
    try:
        return sha256(store.read(layout.blob(digest))).hexdigest() == digest
    except NotFoundError:
        return False
