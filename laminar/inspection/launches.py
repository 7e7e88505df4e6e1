"""Each schedule or resume of an execution: who, how, when, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from laminar.engine import layout, records
from laminar.engine.ledger import Ledger
from laminar.errors import NotFoundError


@dataclass(frozen=True)
class LaunchFacts:
    """A schedule or resume.

    Attributes:
        number: From 1.
        created: When it began, in seconds since 1970.
        finished: When it ended; None where it runs, or nobody could say.
        seen: When its process was last seen at work; None where that is not recorded.
        outcome: `done`, `failed`, `interrupted`; empty where it has not said.
        user: Who ran it; empty, as `host` is, where no record says so.
        host: On which machine.
        argv: The command line of its process.
    """

    number: int
    created: float
    finished: float | None
    seen: float | None
    outcome: str
    user: str
    host: str
    target: str
    executor: str
    argv: Sequence[str]
    versions: Mapping[str, str]


def launches_of(ledger: Ledger) -> list[LaunchFacts]:
    """The launches of an execution, oldest first."""
    holders = list(_holders(ledger))
    found = []
    for number, launch in enumerate(ledger.launches(), start=1):
        # A scheduler takes the lease, then records its launch. Others have it for a while, too: to stop, or to remove.
        own = [each for each in holders if each[0]["pid"] == launch.get("pid") and each[0]["at"] <= launch["created"]]
        owner, ended, seen = own[-1] if own else ({}, {}, None)
        found.append(
            LaunchFacts(
                number=number,
                created=launch["created"],
                finished=ended.get("at"),
                seen=seen,
                outcome=ended.get("outcome", ""),
                user=owner.get("user", ""),
                host=owner.get("host", ""),
                target=launch["target"],
                executor=launch["executor"],
                argv=launch["argv"],
                versions=launch["versions"],
            )
        )
    return found


def _holders(ledger: Ledger) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], float | None]]:
    """Who held the lease, how that ended, and when the holder was last seen; oldest first."""
    epochs = (int(name) for name in ledger.store.children(layout.leases(ledger.flow, ledger.execution)))
    for epoch in sorted(epochs):
        owner = records.load(ledger.store, layout.lease(ledger.flow, ledger.execution, epoch, "owner.json"), "owner")
        ended = records.load(ledger.store, layout.lease(ledger.flow, ledger.execution, epoch, "ended.json"), "ended")
        if owner is not None:
            yield owner, ended or {}, _last_beat(ledger, epoch)


def _last_beat(ledger: Ledger, epoch: int) -> float | None:
    with suppress(NotFoundError):
        beats = bytes(ledger.store.read(layout.lease(ledger.flow, ledger.execution, epoch, "beats"))).split()
        return float(beats[-1]) if beats and re.fullmatch(rb"\d+(\.\d+)?", beats[-1]) else None
    return None
