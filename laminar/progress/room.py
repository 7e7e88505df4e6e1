"""Which layers and splits are shown where there is no room for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from laminar.model.words import plural
from laminar.progress.board import STATES, Row

_ACTIVE = STATES[: STATES.index("queued")]


@dataclass(frozen=True)
class Shares:
    """Who is shown.

    Attributes:
        splits: Name of each layer that is shown -> how many splits beneath it.
        folded: The others, counted in words; empty where all are shown.
    """

    splits: Mapping[str, int]
    folded: str = ""


def shares(rows: Sequence[Row], room: int) -> Shares:
    """Share lines out: first layers that do something, then splits that do, evenly, then layers that wait or are done.

    Args:
        rows: The layers.
        room: Lines, one at least.
    """
    wanted = {row.name: _wanted(row) for row in rows}
    if len(rows) + sum(wanted.values()) <= room:
        return Shares(wanted)
    ranked = sorted(rows, key=lambda row: STATES.index(row.state))
    active = sum(row.state in _ACTIVE for row in rows)
    rest = len(rows) - active
    if active + min(rest, 1) > room:
        return _folding(ranked, {row.name: 0 for row in ranked[: room - 1]})
    for_rest = min(rest, max(1, room // 3))
    given = _evenly({row.name: wanted[row.name] for row in ranked[:active]}, room - active - for_rest)
    left = room - active - sum(given.values())
    if left < rest:
        left -= 1  # for the line that counts the others
    return _folding(ranked, given | {row.name: 0 for row in ranked[active : active + max(left, 0)]})


def _wanted(row: Row) -> int:
    """How many splits of a layer there are to show; that of a layer with one stands in the layer's own line."""
    return sum(map(len, row.notable)) if row.splits > 1 else 0


def _evenly(wanted: Mapping[str, int], room: int) -> dict[str, int]:
    given = dict.fromkeys(wanted, 0)
    while room > 0 and (open_ := [name for name in wanted if given[name] < wanted[name]]):
        for name in open_[:room]:
            given[name] += 1
        room -= len(open_[:room])
    return given


def _folding(ranked: Sequence[Row], shown: Mapping[str, int]) -> Shares:
    folded = [row.state for row in ranked if row.name not in shown]
    counts = ", ".join(f"{count} {state}" for state, count in Counter(folded).items())
    return Shares(shown, f"and {plural(len(folded), 'more layer')}: {counts}" if folded else "")
