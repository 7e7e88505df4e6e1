"""The views, fed with events."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from laminar.engine.events import (
    AttemptFailed,
    AttemptStarted,
    Beat,
    Began,
    Ended,
    Event,
    LayerPlanned,
    Printed,
    SplitDone,
    Warned,
)
from laminar.model.words import clock, plural
from laminar.progress.board import Board
from laminar.progress.live import Live
from laminar.progress.plain import Plain

STORY: list[Event] = [
    Began(0.0, "F", "01x", {"A": [], "B": ["A"], "C": ["A"], "D": ["B", "C"]}, "thread", ".laminar"),
    LayerPlanned(0.0, "A", 1),
    AttemptStarted(0.01, "A", 0, 1),
    SplitDone(1.5, "A", 0, 1, 1.49),
    LayerPlanned(1.5, "B", 4, 1),
    AttemptStarted(1.5, "B", 1, 1),
    AttemptStarted(1.5, "B", 2, 1),
    Printed(1.6, "B", 1, "a line"),
    AttemptFailed(1.7, "B", 1, 1, "ValueError: no", 3, 0.25),
    Beat(2.0),
    AttemptStarted(2.0, "B", 1, 2),
    LayerPlanned(2.0, "C", 1),
    Warned(2.1, "C/0 asks for more"),
]
END: list[Event] = [
    AttemptFailed(75.0, "B", 1, 2, "ValueError: no", 1),
    Ended(75.0, "failed", 4, 1, 1, "A", 1.5, "B/1"),
]


def test_plain_writes_a_line_for_each_transition() -> None:
    stream = io.StringIO()
    view = Plain(stream)
    for event in [*STORY, *END]:
        view(event)
    view.close()
    assert stream.getvalue().splitlines() == [
        "00:00.00 F 01x started: 4 layers, thread, .laminar",
        "00:00.01 A/0 running (attempt 1)",
        "00:01.50 A/0 done in 1.5 s",
        "00:01.50 B 4 splits, 1 done before",
        "00:01.50 B/1 running (attempt 1)",
        "00:01.50 B/2 running (attempt 1)",
        "00:01.60 B/1 | a line",
        "00:01.70 B/1 failed (attempt 1 of 3): ValueError: no; retrying in 0.2 s",
        "00:02.00 ... B 1/4 done, 1 running, 1 retrying",
        "00:02.00 B/1 running (attempt 2)",
        "00:02.10 warning: C/0 asks for more",
        "01:15.00 B/1 failed (attempt 2): ValueError: no",
        "01:15.00 F 01x failed in 0:01:15 at B/1: 4 layers, 1 split, 1 retry. Slowest: A 1.5 s.",
    ]


def test_the_board_knows_where_every_layer_stands() -> None:
    board = Board()
    for event in STORY:
        board.update(event)
    assert {row.name: row.state for row in board.rows.values()} == {
        "A": "done",
        "B": "running",
        "C": "queued",
        "D": "waiting",
    }
    assert board.waiting_for(board.rows["D"]) == ["B", "C"]
    for event in END:
        board.update(event)
    assert board.rows["B"].state == "failed"
    assert board.ended is not None


def drawn(events: list[Event], *, height: int = 24, encoding: str = "utf-8") -> str:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, errors="backslashreplace", write_through=True)  # as stderr
    console = Console(file=stream, force_terminal=True, width=90, height=height, color_system=None, highlight=False)
    view = Live(stream, console)
    try:
        for event in events:
            view(event)
        console.print(view.render())
    finally:
        view.close()
        view.close()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", buffer.getvalue().decode(encoding))


def test_live_draws_a_row_for_each_layer() -> None:
    picture = drawn([*STORY, *END]).splitlines()
    rows = {words[1]: line for line in picture if len(words := line.split()) > 1 and words[1] in "ABCD"}
    assert "✓" in rows["A"]
    assert "1/1" in rows["A"]
    assert "✗" in rows["B"]
    assert "1/4" in rows["B"]
    assert "/1 ValueError: no" in rows["B"]
    assert "queued" in rows["C"]
    assert "waiting for B, C" in rows["D"]
    for said in ("B/1 | a line\n", "warning: C/0 asks for more\n", "✗ F 01x failed in 0:01:15 at B/1"):
        assert said in "\n".join(picture)


def test_live_needs_no_unicode() -> None:
    picture = drawn([*STORY, *END], encoding="ascii")
    assert re.search(r"^ *\+ +A ", picture, re.MULTILINE)
    assert re.search(r"^ *x +B ", picture, re.MULTILINE)
    assert "x F 01x failed" in picture
    assert "\\x" not in picture


def test_live_is_no_higher_than_the_terminal_and_shows_what_matters() -> None:
    names = [f"L{number:02}" for number in range(40)]
    events: list[Event] = [Began(0, "F", "x", {name: [] for name in names}, "thread", "s")]
    events += [LayerPlanned(0, name, 1) for name in names]
    events += [AttemptFailed(1, names[-1], 0, 1, "ValueError", 1)]
    picture = drawn(events, height=12)
    last = picture[picture.rindex("F  x") :].splitlines()
    assert len(last) <= 12
    assert any("L39" in line and "ValueError" in line for line in last)
    assert any("and 32 more layers" in line for line in last)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "0:00:09"), (61, "0:01:01"), (360000, "100:00:00")]
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_words_are_counted() -> None:
    assert [plural(1, "split"), plural(0, "split"), plural(2, "retry", "retries")] == [
        "1 split",
        "0 splits",
        "2 retries",
    ]
