"""Garbage collection: executions that are not to be kept, then content that nothing names any more.

Why that is safe beside executions that run: docs/adr/0011-garbage-collection.md. In short: content is removed only where no
record names it and it is older than the grace, and than every execution of which an attempt may be at work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from laminar.engine import layout
from laminar.engine.holdings import Holdings, Unreadable
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.engine.retention import Retention, Seen, executions, remove
from laminar.engine.sweep import Sweep, Swept, empty_trash
from laminar.errors import NotFoundError, UsageError

GRACE_S = 86400.0
"""Content younger than this is left alone: what was written by hand, or by a scheduler that has no record yet."""

_TICK_S = 1.0
"""What was modified may look older by so much: kernels and file systems keep time in ticks."""

_OURS = layout.TOP | {key.rstrip("/") for key in (layout.STAGED, layout.TRASH, layout.QUARANTINE)}


@dataclass(frozen=True)
class Kept:
    """What one execution holds.

    Attributes:
        state: `removed` (or would be), `kept`, `at work`, `unfinished` (nobody schedules it, and nobody said that it
            ended) or `unreadable`.
        records_bytes: Its records and logs.
        alone_bytes: Content that no other execution names.
        shared_bytes: Content that others name, too.
    """

    flow: str
    execution: str
    created: float | None
    state: str
    records_bytes: int
    alone_bytes: int
    shared_bytes: int

    @property
    def address(self) -> str:
        """`FLOW:EXECUTION`."""
        return f"{self.flow}:{self.execution}"


@dataclass(frozen=True)
class Content:
    """A blob or an external value, and the addresses of the executions that name it, before any is removed."""

    kind: str
    name: str
    bytes: int
    executions: Sequence[str]


@dataclass(frozen=True)
class Collected:
    """What a collection found and did.

    Attributes:
        before: Content modified after this time was left alone, in seconds since 1970.
        held_by: The executions that made that earlier than the grace does: attempts of theirs may be at work.
        unreadable: Records of which nobody knows what they name; where there are any, no content was removed.
        contents: What is named, the largest first.
    """

    executions: Sequence[Kept]
    swept: Swept
    before: float
    held_by: Sequence[str] = ()
    unreadable: Sequence[Unreadable] = ()
    contents: Sequence[Content] = field(default=(), repr=False)


def collect(
    store: Datastore,
    *,
    keep_last: int | None = None,
    older_than_s: float | None = None,
    grace_s: float = GRACE_S,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
    end: Callable[[Ledger], object] = lambda _: None,
) -> Collected:
    """Remove executions that are not to be kept, and what nothing names any more.

    Args:
        store: The datastore.
        keep_last: Keep so many executions of each flow; None removes none for that.
        older_than_s: Keep executions that were scheduled or resumed less than so many seconds ago; None as above.
        grace_s: Leave content alone that is younger.
        dry_run: Change nothing.
        say: Told what is being done.
        end: Ends what a dead scheduler may have left running of an execution, which would write to it once it is removed.

    Raises:
        UsageError: A rule would keep nothing, or the store is not laminar's.
        StoreError: The store refuses, or cannot remove anything.
    """
    retention = Retention(keep_last, older_than_s)
    retention.check()
    check_ours(store)
    if not dry_run:
        store.check()
        empty_trash(store)
    now = time.time()  # before the leases are looked at: what is written by those that begin after is younger
    seen = executions(store)
    say(f"looking what {len(seen)} executions name")
    marks = [_Mark(each) for each in seen]
    sizes = _Sizes(store, marks)
    gone = _remove(marks, retention.chosen(seen, now), say, end, dry_run=dry_run)
    left = [mark for mark in marks if mark not in gone]
    before, held_by = _before(left, now - max(grace_s, _TICK_S))
    unreadable = [each for mark in left for each in mark.unreadable]
    sweep = Sweep(store, before, dry_run=dry_run)
    if not unreadable:
        say("looking for content that nothing names")
        sweep.content({kind: {name for mark in left for name in mark.named[kind]} for kind in ("blob", "external")})
    sweep.images({image for mark in left for image in mark.named["image"]})
    sweep.leftovers()
    rows = [sizes.of(mark, removed=mark in gone) for mark in marks]
    return Collected(rows, sweep.swept, before, held_by, unreadable, sizes.contents())


def check_ours(store: Datastore) -> None:
    """Raise `UsageError` where the store holds anything that is not laminar's: nothing is removed in such a place."""
    where = store.url or repr(store)
    names = {name for name in store.children("") if not name.startswith(".") and name != "lost+found"}
    if not names and store.url:
        raise UsageError(f"there is no datastore at {where}.", remedy="Name one with --datastore.")
    if others := sorted(names - _OURS):
        raise UsageError(
            f"{where} is not a datastore of laminar alone: it holds {', '.join(others[:3])}. Nothing was removed.",
            remedy="Name the datastore with --datastore (.laminar, usually), or take out of it what is not laminar's.",
        )


class _Mark:
    """What an execution names."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.named: dict[str, set[str]] = {"blob": set(), "external": set(), "image": set()}
        holdings = Holdings(seen.ledger)
        for named in holdings.named():
            self.named[named.kind].add(named.name)
        self.unreadable = holdings.unreadable

    @property
    def address(self) -> str:
        return f"{self.seen.ledger.flow}:{self.seen.ledger.execution}"


def _remove(
    marks: Sequence[_Mark],
    chosen: Sequence[Seen],
    say: Callable[[str], None],
    end: Callable[[Ledger], object],
    *,
    dry_run: bool,
) -> set[_Mark]:
    """Remove the chosen executions; returns those that are gone, or would be."""
    gone = set()
    go = {id(seen) for seen in chosen}
    for mark in marks:
        if id(mark.seen) not in go:
            continue
        if dry_run or remove(mark.seen, end):
            gone.add(mark)
        else:
            mark.seen.alive = mark.seen.open = True
            say(f"{mark.address} is kept: a scheduler has taken it")
    return gone


def _before(left: Sequence[_Mark], grace_ends: float) -> tuple[float, list[str]]:
    """The time before which content is old enough, and who made it earlier."""
    holding = [mark for mark in left if mark.seen.open and mark.seen.created < grace_ends]
    before = min([grace_ends, *(mark.seen.created - _TICK_S for mark in holding)])
    return before, [mark.address for mark in holding]


class _Sizes:
    """How many bytes of content each execution holds alone and with others; asked before anything is removed."""

    def __init__(self, store: Datastore, marks: Sequence[_Mark]) -> None:
        self._store = store
        self._holders: dict[tuple[str, str], list[str]] = {}
        self._records = {mark.address: self._size(_prefix(mark)) for mark in marks}
        for mark in marks:
            for kind in ("blob", "external"):
                for name in mark.named[kind]:
                    self._holders.setdefault((kind, name), []).append(mark.address)
        self._bytes = {content: self._size(_key(*content)) for content in self._holders}

    def of(self, mark: _Mark, *, removed: bool) -> Kept:
        sizes = [0, 0]
        for kind in ("blob", "external"):
            for name in mark.named[kind]:
                sizes[len(self._holders[kind, name]) > 1] += self._bytes[kind, name]
        seen = mark.seen
        state = "removed" if removed else _state(seen)
        records = self._records[mark.address]
        return Kept(seen.ledger.flow, seen.ledger.execution, seen.created or None, state, records, *sizes)

    def contents(self) -> list[Content]:
        found = [Content(*content, self._bytes[content], sorted(names)) for content, names in self._holders.items()]
        return sorted(found, key=lambda each: (-each.bytes, each.executions, each.kind, each.name))

    def _size(self, key: str) -> int:
        try:
            return self._store.stat(key).size
        except NotFoundError:  # lost; `verify` says so
            return 0


def _prefix(mark: _Mark) -> str:
    return layout.execution(mark.seen.ledger.flow, mark.seen.ledger.execution)


def _key(kind: str, name: str) -> str:
    return layout.blob(name) if kind == "blob" else layout.external(name)


def _state(seen: Seen) -> str:
    if not seen.readable:
        return "unreadable"
    return "at work" if seen.alive else "unfinished" if seen.open else "kept"
