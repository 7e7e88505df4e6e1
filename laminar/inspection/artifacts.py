"""Artifacts without their values: what was noted of them when they were saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from heapq import nsmallest
from typing import Any

from laminar.engine.artifacts import Entry
from laminar.engine.ledger import Ledger
from laminar.inspection.found import Artifact

MOST_READ = 10_000
"""Splits of a layer whose records are read for its times, attempts and artifacts; of a larger one, only listings are."""

FEW_READ = 100
"""Splits of such a layer whose artifacts are shown for all."""


def artifact(name: str, entry: Entry) -> Artifact:
    """What an entry says of its value."""
    if "pages" in entry:
        return Artifact(name, "shard", None, entry["preview"], "shard", entry["items"])
    size = None if "external" in entry else sum(entry["sizes"])
    return Artifact(name, entry["type"], size, entry["preview"], entry.get("codec") or entry["protocol"])


def artifacts_of(entries: Mapping[str, Entry]) -> list[Artifact]:
    """Those of one split, by name."""
    return [artifact(name, entries[name]) for name in sorted(entries)]


def artifacts_in(ledger: Ledger, layer: str, done: Collection[int]) -> list[Artifact]:
    """Those of the splits `done` of a layer, each with the preview of the first that set it; of too many, of some."""
    found: dict[str, Artifact] = {}
    for index in sorted(done) if len(done) <= MOST_READ else nsmallest(FEW_READ, done):
        commit = ledger.commit(layer, index)
        for name, entry in (commit.artifacts if commit else {}).items():
            here = artifact(name, entry)
            found[name] = _joined(found[name], here) if name in found else here
    return [found[name] for name in sorted(found)]


def _joined(first: Artifact, other: Artifact) -> Artifact:
    def total(*numbers: Any) -> Any:
        return None if None in numbers else sum(numbers)

    size, items = total(first.size, other.size), total(first.items, other.items)
    return replace(first, size=size, items=items, splits=first.splits + 1)
