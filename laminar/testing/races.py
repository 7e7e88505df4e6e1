"""Many writers and one key: what the datastore suite does in threads, and in processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from laminar.engine import layout
from laminar.engine.ports import Datastore
from laminar.errors import NotFoundError

WRITERS = 8
ROUNDS = 25


def content(number: int) -> bytes:
    """Large enough that a put which is not atomic is caught half way."""
    return bytes([number]) * (200_000 + number)


def winnings(number: int) -> str:
    """Where a process leaves the keys that it won."""
    return layout.plan("Flow", "wins", f"Writer{number}")


def race(store: Datastore, number: int, start: Callable[[], Any]) -> list[str]:
    """Put the same keys as all the others, reading each at once; returns those that were won."""
    whole = [content(other) for other in range(WRITERS)]
    won = []
    start()
    for index in range(ROUNDS):
        key = layout.commit("Flow", "race", "Layer", index)
        with suppress(NotFoundError):
            assert bytes(store.read(key)) in whole
        if store.create(key, whole[number]):
            won.append(key)
        assert bytes(store.read(key)) in whole
    return won


def race_apart(store: Datastore, number: int, start: Any) -> None:
    """`race` in a process of its own, whose result goes through the store."""
    store.create(winnings(number), ",".join(race(store, number, start.wait)).encode() or b",")


def check_winners(store: Datastore, won: Iterable[list[str]]) -> None:
    """Every key has exactly one winner, and holds what that one put."""
    winners = {key: number for number, keys in enumerate(won) for key in keys if key}
    assert sum(bool(key) for keys in won for key in keys) == len(winners) == ROUNDS
    for key, number in winners.items():
        assert bytes(store.read(key)) == content(number)
