"""What layers printed: of one split, or of many, once or for as long as they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from laminar.engine.addresses import Place, layers_of
from laminar.engine.ledger import Ledger
from laminar.engine.states import execution_state, layer_state
from laminar.errors import UsageError

_POLL_S = 0.3


@dataclass(frozen=True)
class Piece:
    """Some bytes of the log of one attempt."""

    layer: str
    index: int
    attempt: int
    data: bytes

    @property
    def address(self) -> str:
        """`Layer/index`."""
        return f"{self.layer}/{self.index}"


def splits_of(place: Place) -> list[tuple[str, int]]:
    """The splits at a place of which anything is recorded: by layer, in the graph's order, then by index."""
    if place.index is not None:
        return [(place.layer, place.index)]
    layers = [place.layer] if place.layer else list(layers_of(place.ledger))
    return [(layer, index) for layer in layers for index in sorted(place.ledger.begun(layer))]


def is_single(place: Place) -> bool:
    """Whether a place is one split: by its index, or since its layer has one only."""
    plan = place.ledger.plan(place.layer) if place.layer else None
    return place.index is not None or (plan is not None and plan.splits == 1)


def logs(place: Place, attempt: int | None = None, tail: int | None = None) -> Iterator[Piece]:
    """The log of each split at a place: of its latest attempt, or of the one that is named, where it has that.

    Args:
        place: Where.
        attempt: Number of the attempt.
        tail: Only so many lines at the end of each.

    Raises:
        UsageError: Nothing there has such an attempt.
    """
    found = False
    for layer, index in splits_of(place):
        attempts = place.ledger.attempts(layer, index)
        if not attempts or attempt not in (None, *attempts):
            continue
        found = True
        number = attempts[-1] if attempt is None else attempt
        yield Piece(layer, index, number, last_lines(place.ledger.log(layer, index, number), tail))
    if not found and attempt is not None:
        raise UsageError(f"{place} has no attempt {attempt}.", remedy=_attempts(place))


def follow(
    place: Place, attempt: int | None = None, tail: int | None = None, wait: Callable[[float], None] = time.sleep
) -> Iterator[Piece]:
    """The same, and what is added to them, until nothing there runs any more. Later attempts and splits are taken up.

    Args:
        place: Where.
        attempt: Number of the attempt; all from the latest on where None.
        tail: Only so many lines of what is there at first.
        wait: Called between two looks.
    """
    seen: dict[tuple[str, int, int], int] = {}
    closed: set[tuple[str, int]] = set()
    first = True
    while True:
        over = _over(place)  # before the look: what was written until then is seen by it
        for layer, index in splits_of(place):
            if (layer, index) in closed:
                continue
            if place.ledger.commit(layer, index) is not None:
                closed.add((layer, index))
            numbers = place.ledger.attempts(layer, index)
            for number in numbers if attempt is None else [attempt]:
                data = place.ledger.log(layer, index, number)
                skipped = first and number != (attempt or numbers[-1])
                fresh = data[len(data) if skipped else seen.get((layer, index, number), 0) :]
                seen[layer, index, number] = len(data)
                fresh = last_lines(fresh, tail) if first else fresh
                if fresh:
                    yield Piece(layer, index, number, fresh)
        if over:
            return
        first = False
        wait(_POLL_S)


def silence(place: Place) -> str:
    """Why there is no log at a place; empty where an attempt was made there, whatever it printed."""
    if any(place.ledger.attempts(layer, index) for layer, index in splits_of(place)):
        return ""
    plan = place.ledger.plan(place.layer) if place.layer else None
    if plan is not None and plan.skipped:
        return f"{place} was skipped: {plan.skipped}."
    return f"{place} has not been started."


def last_lines(data: bytes, count: int | None) -> bytes:
    """The last `count` lines; all where None."""
    if count is None:
        return data
    lines = data.splitlines(keepends=True)
    return b"".join(lines[len(lines) - min(count, len(lines)) :])


def _over(place: Place) -> bool:
    """Whether nothing more will be printed there."""
    ledger: Ledger = place.ledger
    if place.index is not None and ledger.commit(place.layer, place.index) is not None:
        return True
    if place.layer and str(layer_state(ledger, place.layer, read=False)) in ("finished", "skipped"):
        return True
    return execution_state(ledger, layers_of(ledger), read=False) not in ("running", "waiting")


def _attempts(place: Place) -> str:
    if place.index is None:
        return f"Look at its splits: {place.ledger.store.options.command('show', str(place))}"
    numbers = place.ledger.attempts(place.layer, place.index)
    return f"Its attempts are: {', '.join(map(str, numbers)) or 'none yet'}."
