"""Which process schedules an execution: one at a time.

Each schedule or resume takes the next epoch, by a record that is put if absent. Its process bumps a counter while it lives,
and says how it ended. Another process takes over from one that has ended or died: at once where the owner's process is
certainly gone, else when the counter has stood still for the TTL on the watcher's own clock. No clocks are compared.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from laminar.engine import layout, processes, records
from laminar.engine.ledger import Ledger
from laminar.errors import NotFoundError, StoreError, UsageError

TTL_S = 30.0
"""A counter that stands still for this long has nobody who bumps it."""

_BEAT_S = 5.0
_LOOK_S = 1.0

_YOUNG_S = 60.0
"""Until then it beats at each look: of a short run that was killed, the beats tell how long it took."""


class Lease:
    """The right to schedule an execution, held until `release`.

    Attributes:
        epoch: Which schedule or resume this is, from 1.
    """

    def __init__(self, ledger: Ledger, epoch: int) -> None:
        self.epoch = epoch
        self._ledger = ledger
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def take(cls, ledger: Ledger, *, by_force: bool = False, say: Callable[[str], None] = lambda _: None) -> Lease:
        """Take the lease, after waiting to see whether another process still holds it.

        Args:
            ledger: The execution.
            by_force: Do not wait: the user knows that the other process is gone, or is to give way.
            say: Told what is waited for.

        Raises:
            UsageError: Another process holds it.
        """
        while True:
            held = Holder.of(ledger)
            if held is not None and not by_force and not held.ended:
                held.wait_until_dead(say)
            epoch = held.epoch + 1 if held else 1
            if _own(ledger, epoch):
                return cls(ledger, epoch)

    @classmethod
    def claim(cls, ledger: Ledger) -> Lease | None:
        """Take the lease at once where nobody seems to hold it; None where somebody does, or was quicker."""
        held = Holder.of(ledger)
        if held is not None and held.seems_alive:
            return None
        epoch = held.epoch + 1 if held else 1
        return cls(ledger, epoch) if _own(ledger, epoch) else None

    def keep(self, on_stop: Callable[[], None], on_lost: Callable[[str], None]) -> None:
        """Bump the counter from now on, in a thread.

        Args:
            on_stop: Called, there, when the execution is asked to stop.
            on_lost: Called, there, with words when another process has taken the lease.
        """
        self._thread = threading.Thread(target=self._keep, args=(on_stop, on_lost), name="laminar-lease", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether another process has taken it; a store that does not answer is no other process."""
        with suppress(StoreError):
            return (
                records.load(self._ledger.store, _key(self._ledger, self.epoch + 1, "owner.json"), "owner") is not None
            )
        return False

    def release(self, outcome: str) -> None:
        """Give it back: `outcome` is `done`, `failed` or `interrupted`."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        _held_here.discard(_identity(self._ledger, self.epoch))
        with suppress(StoreError):  # how the run ended stands by now; without this record others wait for the TTL
            if not _there(self._ledger, self.epoch, "owner.json"):
                return  # the execution was removed: a later one of its id has an epoch of this number, too
            key = _key(self._ledger, self.epoch, "ended.json")
            records.create(self._ledger.store, key, "ended", {"outcome": outcome, "at": time.time()}, durable=False)

    def _keep(self, on_stop: Callable[[], None], on_lost: Callable[[str], None]) -> None:
        began = beat = time.monotonic()
        asked = False
        while not self._over.wait(_LOOK_S):
            with suppress(StoreError):  # the scheduler finds out by itself, if it lasts
                if not _there(self._ledger, self.epoch, "owner.json"):
                    continue  # the execution was removed, and is not to come back
                if time.monotonic() >= beat:
                    self._ledger.store.append(_key(self._ledger, self.epoch, "beats"), b"%.1f\n" % time.time())
                    beat += _BEAT_S if beat - began >= _YOUNG_S else _LOOK_S
                if not asked and _there(self._ledger, self.epoch, "stop.json"):
                    asked = True
                    on_stop()
                if other := records.load(self._ledger.store, _key(self._ledger, self.epoch + 1, "owner.json"), "owner"):
                    on_lost(processes.words(other))
                    return


class Holder:
    """Who held the lease last, as any process sees it.

    Attributes:
        epoch: Its epoch.
        outcome: How it ended; empty where it has not said.
        words: `PID on HOST (USER), since …`.
    """

    def __init__(self, ledger: Ledger, epoch: int, owner: Mapping[str, Any], ended: Mapping[str, Any]) -> None:
        self.epoch = epoch
        self.outcome = ended.get("outcome", "")
        self._ended_at = ended.get("at")
        self.words = processes.words(owner)
        self._ledger = ledger
        self._owner = owner

    @classmethod
    def of(cls, ledger: Ledger) -> Holder | None:
        """The latest holder; None where there was none."""
        return next(cls.all(ledger), None)

    @classmethod
    def all(cls, ledger: Ledger) -> Iterator[Holder]:
        """All holders, the latest first."""
        epochs = layout.numbers(ledger.store.children(layout.leases(ledger.flow, ledger.execution)))
        for epoch in reversed(epochs):
            owner = records.load(ledger.store, _key(ledger, epoch, "owner.json"), "owner")
            if owner is not None:  # else one died as it took it
                ended = records.load(ledger.store, _key(ledger, epoch, "ended.json"), "ended") or {}
                yield cls(ledger, epoch, owner, ended)

    @property
    def ended(self) -> bool:
        """Whether it gave the lease back, or its process is certainly gone."""
        return bool(self.outcome) or self._is_alive() is False

    @property
    def seems_alive(self) -> bool:
        """Whether it is at work, to show to people: where its process cannot be looked up, by the age of its last beat."""
        if self.outcome:
            return False
        alive = self._is_alive()
        if alive is not None:
            return alive
        return bool(time.time() - self._last_sign() < TTL_S)

    @property
    def held_s(self) -> tuple[float, float]:
        """When it held the lease, in seconds since 1970: until now while it lives, until its last beat if it died."""
        if self._ended_at is not None:
            last = float(self._ended_at)
        else:
            now = time.time()
            last = now if self.seems_alive else min(now, self._last_sign())
        return float(self._owner.get("at", 0.0)), last

    def ask_to_stop(self) -> None:
        """Have it end what runs, and itself."""
        key = _key(self._ledger, self.epoch, "stop.json")
        records.create(self._ledger.store, key, "stop", processes.me(), durable=False)

    def wait_until_dead(self, say: Callable[[str], None]) -> None:
        """Return when the counter has stood still for the TTL.

        Raises:
            UsageError: It is bumped, or its process is alive.
        """
        execution = self._ledger.execution
        stop = self._ledger.store.options.command("stop", execution)
        held = UsageError(
            f"execution {execution} of {self._ledger.flow} is held by {self.words}.",
            remedy=f"Wait for it to end, or stop it. If it is gone for certain: --takeover.\nstop     {stop}",
        )
        if self._is_alive():
            raise held
        say(f"execution {execution} was held by {self.words}; looking for {TTL_S:g} s whether it still is")
        before = self._beats()
        deadline = time.monotonic() + TTL_S
        while time.monotonic() < deadline:
            time.sleep(min(_LOOK_S, TTL_S / 10))
            if _there(self._ledger, self.epoch, "ended.json"):
                return
            if self._beats() != before:
                raise held

    def _is_alive(self) -> bool | None:
        """Whether its process is there, and has it still; None where that cannot be looked up from here."""
        alive = processes.is_alive(self._owner)
        if alive and self._owner["pid"] == os.getpid():  # a notebook that could not write how its last run ended
            with _owning:
                return _identity(self._ledger, self.epoch) in _held_here
        return alive

    def _last_sign(self) -> float:
        """When it was last heard of, by its own clock."""
        with suppress(IndexError, ValueError):
            return float(self._beats().split()[-1])
        return float(self._owner.get("at", 0.0))

    def _beats(self) -> bytes:
        try:
            return bytes(self._ledger.store.read(_key(self._ledger, self.epoch, "beats")))
        except NotFoundError:
            return b""


def held_s(
    ledger: Ledger, since: float = 0.0, until: float = math.inf, also: Iterable[tuple[float, float]] = ()
) -> float | None:
    """How long a scheduler had an execution, in seconds: the one truth about how long that took.

    Args:
        ledger: The execution.
        since: Only time from then on counts, in seconds since 1970.
        until: Only time until then counts.
        also: Spans of time that count, too: a scheduler that died was seen last before its attempts ended.

    Returns:
        None where nobody ever had it.
    """
    spans = sorted([*(holder.held_s for holder in Holder.all(ledger)), *also])
    total, seen = 0.0, since
    for begin, end in spans:
        begin, end = max(begin, seen), min(end, until)
        total += max(0.0, end - begin)
        seen = max(seen, end)
    return total if spans else None


_held_here: set[tuple[Any, ...]] = set()
"""The leases that this process has."""

_owning = threading.Lock()
"""Held while one is taken: another thread must not find its record and not yet the lease."""


def _own(ledger: Ledger, epoch: int) -> bool:
    """Put the record of a new owner; false where another was quicker."""
    with _owning:
        if not records.create(ledger.store, _key(ledger, epoch, "owner.json"), "owner", processes.me(), durable=False):
            return False
        _held_here.add(_identity(ledger, epoch))
        return True


def _identity(ledger: Ledger, epoch: int) -> tuple[Any, ...]:
    return ledger.store.identity, ledger.flow, ledger.execution, epoch


def _key(ledger: Ledger, epoch: int, name: str) -> str:
    return layout.lease(ledger.flow, ledger.execution, epoch, name)


def _there(ledger: Ledger, epoch: int, name: str) -> bool:
    return ledger.store.has(_key(ledger, epoch, name))
