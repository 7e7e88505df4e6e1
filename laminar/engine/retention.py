"""Which executions are to go, and their removal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from laminar.engine import layout
from laminar.engine.lease import Holder, Lease
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.engine.sweep import discard
from laminar.errors import CorruptError, UsageError


@dataclass
class Seen:
    """An execution, as it was when the collection began.

    Attributes:
        created: When it began, in seconds since 1970; 0 where its record cannot be read.
        used: When it was last scheduled or resumed.
        alive: Whether its scheduler seems to be at work.
        open: Whether its last scheduler has not said that it ended: attempts of it may be at work.
        readable: Whether its records could be read.
    """

    ledger: Ledger
    created: float = 0.0
    used: float = 0.0
    alive: bool = False
    open: bool = False
    readable: bool = True


@dataclass(frozen=True)
class Retention:
    """What is kept. An execution goes when each rule that is given lets it.

    Attributes:
        keep_last: Keep so many of each flow, the youngest.
        older_than_s: Keep what was scheduled or resumed less than so many seconds ago.
    """

    keep_last: int | None = None
    older_than_s: float | None = None

    def check(self) -> None:
        """Raise `UsageError` where a rule would keep nothing."""
        if self.keep_last is not None and self.keep_last < 1:
            raise UsageError(
                f"cannot keep the last {self.keep_last} executions of each flow.",
                remedy="Keep 1 at least; to be rid of all, remove the datastore's directory while nothing runs.",
            )
        if self.older_than_s is not None and self.older_than_s <= 0:
            raise UsageError("an age is longer than nothing.", remedy="Give one such as 30d or 12h.")

    def chosen(self, executions: Sequence[Seen], now: float) -> list[Seen]:
        """Those that go; `executions` is oldest first."""
        if self.keep_last is None and self.older_than_s is None:
            return []
        # One that runs keeps those of its id: a chain of flows has one, and reads from flow to flow.
        busy = {seen.ledger.execution for seen in executions if seen.alive}
        kept: dict[str, int] = {}
        found = []
        for seen in reversed(executions):
            rank = kept[seen.ledger.flow] = kept.get(seen.ledger.flow, 0) + 1
            young = self.older_than_s is not None and now - seen.used < self.older_than_s
            if seen.readable and seen.ledger.execution not in busy and rank > (self.keep_last or 0) and not young:
                found.append(seen)
        return found[::-1]


def executions(store: Datastore) -> list[Seen]:
    """All that have a record, readable or not, oldest first."""
    ledgers = [
        Ledger(store, flow, execution)
        for flow in store.children(layout.RUNS)
        for execution in store.children(layout.flow(flow))
    ]
    found = [seen for ledger in ledgers if (seen := _see(ledger))]
    return sorted(found, key=lambda seen: (seen.created, seen.ledger.flow, seen.ledger.execution))


def _see(ledger: Ledger) -> Seen | None:
    try:
        record = ledger.record()
        if record is None:
            return None
        created = float(record["created"])
        holder = Holder.of(ledger)
        launch = ledger.latest_launch() or record
        alive = holder is not None and holder.seems_alive
        return Seen(ledger, created, float(launch["created"]), alive, holder is not None and not holder.outcome)
    except CorruptError:
        return Seen(ledger, alive=True, open=True, readable=False)


def remove(seen: Seen, end: Callable[[Ledger], object] = lambda _: None) -> bool:
    """Remove an execution; false where a scheduler has taken it meanwhile.

    By its lease, no scheduler begins while it goes. Where its last one has not said that it ended, `end` ends what that may
    have left running. It leaves `runs/` in one step, so no half of it is ever read.
    """
    ledger = seen.ledger
    lease = Lease.claim(ledger)
    if lease is None:
        return False
    try:
        if seen.open:
            end(ledger)
        return discard(ledger.store, layout.execution(ledger.flow, ledger.execution))
    except BaseException:
        lease.release("interrupted")
        raise
