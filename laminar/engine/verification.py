"""Reading all content that counts, and putting aside what is not what was written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from laminar.engine import blobs, layout
from laminar.engine.garbage import check_ours
from laminar.engine.holdings import Holdings, Named
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.engine.retention import executions
from laminar.errors import NotFoundError


@dataclass(frozen=True)
class Damage:
    """Something of an execution that is not as it was written.

    Attributes:
        problem: `corrupt`, `lost`, or `unreadable` for a record.
        layer: Whose it is; empty where it is no layer's.
        index: Of the split.
        artifact: What it belongs to; empty for a record.
        what: The blob's digest, or the record's key.
        remedy: What to do.
    """

    flow: str
    execution: str
    problem: str
    layer: str
    index: int
    artifact: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Verified:
    """What was read.

    Attributes:
        blobs: How many.
        bytes: Of them.
        external: Values that protocols keep by themselves: whether they are there was looked at, nothing else.
        quarantined: Digests of the blobs that were moved to `quarantine/`, or would be.
    """

    executions: int
    blobs: int
    bytes: int
    external: int
    quarantined: Sequence[str]
    damages: Sequence[Damage]


def verify(store: Datastore, *, dry_run: bool = False, say: Callable[[str], None] = lambda _: None) -> Verified:
    """Read every blob that a COMMIT names, and put those aside whose content has another SHA-256.

    A blob that was put aside is lost, and so written anew when its layer is computed again. What only a COMMIT names whose
    layer was computed again since is not read: nobody can read it.

    Args:
        store: The datastore.
        dry_run: Put nothing aside.
        say: Told what is being done.

    Raises:
        UsageError: The store is not laminar's.
        StoreError: The store cannot be read.
    """
    check_ours(store)
    if not dry_run:
        store.check()
    found = executions(store)
    reading = _Reading(store, dry_run=dry_run)
    for number, seen in enumerate(found, 1):
        say(f"reading {seen.ledger.flow}:{seen.ledger.execution} ({number} of {len(found)})")
        reading.execution(seen.ledger)
    external = sum(1 for kind, _ in reading.problems if kind == "external")
    return Verified(
        len(found), len(reading.problems) - external, reading.bytes, external, reading.quarantined, reading.damages
    )


class _Reading:
    """Content that was read, each piece once."""

    def __init__(self, store: Datastore, *, dry_run: bool) -> None:
        self.problems: dict[tuple[str, str], str] = {}
        self.bytes = 0
        self.quarantined: list[str] = []
        self.damages: list[Damage] = []
        self._store = store
        self._dry_run = dry_run

    def execution(self, ledger: Ledger) -> None:
        holdings = Holdings(ledger)
        told = set()
        for named in holdings.named():
            if named.kind == "image" or not named.counts:
                continue
            place = (named.kind, named.name)
            if place not in self.problems:
                self.problems[place] = self._problem(*place)
            if self.problems[place] == "lost" and not (named.layer or named.artifact.startswith("parameter ")):
                continue  # the code of a launch, which only its attempts read
            if self.problems[place] and named not in told:
                told.add(named)
                self._report(ledger, self.problems[place], named)
        for unreadable in holdings.unreadable:
            if unreadable.counts and not unreadable.where.startswith(layout.BLOBS):  # a page was read as a blob
                split = (unreadable.layer, unreadable.split)
                remedy = unreadable.error.remedy
                self.damages.append(
                    Damage(ledger.flow, ledger.execution, "unreadable", *split, "", unreadable.where, remedy)
                )

    def _problem(self, kind: str, name: str) -> str:
        """What is wrong with a piece of content; nothing where it is well. A damaged blob is put aside."""
        key = layout.blob(name) if kind == "blob" else layout.external(name)
        try:
            stat = self._store.stat(key)
        except NotFoundError:
            return "lost"
        if kind == "external":
            return ""
        self.bytes += stat.size
        if blobs.is_intact(self._store, name):
            return ""
        self.quarantined.append(name)
        if not self._dry_run:
            # Unless a writer has replaced it meanwhile: then it is well again, and the next look says so.
            self._store.move(key, layout.quarantine(name), untouched_since=stat.modified)
        return "corrupt"

    def _report(self, ledger: Ledger, problem: str, named: Named) -> None:
        self.damages.append(
            Damage(
                ledger.flow, ledger.execution, problem, named.layer, named.split, named.artifact, named.name,
                _remedy(ledger, named),
            )
        )  # fmt: skip


def _remedy(ledger: Ledger, named: Named) -> str:
    if named.layer:
        return ledger.store.options.command("resume", f"{ledger.flow}:{ledger.execution}", "--rerun", named.layer)
    if named.artifact.startswith("parameter "):
        return "Start a new execution: what this one was given is gone."
    return "None is needed: only attempts at work read it, and each schedule and resume writes it anew."
