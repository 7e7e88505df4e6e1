"""How a run ended, in words: the same in every view."""

from __future__ import annotations

from laminar.model.words import clock, plural
from laminar.progress.board import Board


def summary(board: Board) -> str:
    """What a run came to, in one line."""
    ended = board.ended
    assert ended is not None
    where = f" at {ended.failed_at}" if ended.failed_at else ""
    head = f"{board.flow} {board.execution} {ended.outcome} in {clock(ended.at)}{where}"
    skipped = f" ({ended.skipped} skipped)" if ended.skipped else ""
    said = f"{plural(ended.layers, 'layer')}{skipped}, {plural(ended.splits, 'split')}"
    if ended.caught:
        said += f", {ended.caught} caught"
    if ended.retries:
        said += f", {plural(ended.retries, 'retry', 'retries')}"
    slowest = f" Slowest: {ended.slowest} {clock(ended.slowest_s)}." if ended.slowest_s >= 1 else ""
    return f"{head}: {said}.{slowest}"


def look(board: Board) -> str:
    """What to type next, in the form of an error's last lines; empty where there is nothing: errors say more."""
    return f"look     {board.ended.look}" if board.ended and board.ended.look else ""
