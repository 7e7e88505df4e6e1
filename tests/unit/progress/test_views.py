"""The views, fed with events."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len

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
from laminar.engine.usage import Usage
from laminar.model.words import about, clock, plural
from laminar.progress import live
from laminar.progress.board import Board
from laminar.progress.lettering import Letters
from laminar.progress.live import Live
from laminar.progress.picture import last_lines, picture
from laminar.progress.plain import Plain

STORY: list[Event] = [
    Began(0.0, "F", "01x", {"A": [], "B": ["A"], "C": ["A"], "D": ["B", "C"]}, "thread", ".laminar"),
    LayerPlanned(0.0, "A", 1),
    AttemptStarted(0.01, "A", 0, 1, 512),
    SplitDone(1.5, "A", 0, 1, 1.49),
    LayerPlanned(1.5, "B", 4, 1),
    AttemptStarted(1.5, "B", 1, 1, 512),
    AttemptStarted(1.5, "B", 2, 1, 512),
    Printed(1.6, "B", 1, "a line"),
    AttemptFailed(1.7, "B", 1, 1, "ValueError: no", 3, 0.25),
    Beat(2.0),
    AttemptStarted(2.0, "B", 1, 2, 1024),
    LayerPlanned(2.0, "C", 1),
    Warned(2.1, "C/0 asks for more"),
]
USED = SplitDone(2.3, "B", 2, 1, 0.8, Usage(1.0, 300.0, "container"))
END: list[Event] = [
    AttemptFailed(75.0, "B", 1, 2, "ValueError: no", 2),
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
        "01:15.00 B/1 failed (attempt 2 of 2): ValueError: no",
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


class Terminal(io.TextIOWrapper):
    """As stderr is: what it has no character for is escaped."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, errors="backslashreplace", newline="", write_through=True)

    @property
    def text(self) -> str:
        """All that was written, without what steers a terminal."""
        raw = self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw).replace("\r", "")


def shown(
    events: list[Event], *, width: int = 100, height: int = 24, encoding: str = "utf-8", said: str = ""
) -> list[str]:
    """The picture a second after these events, where every running split has printed `said`."""
    board = Board()
    for event in events:
        board.update(event)
    letters = Letters(encoding)
    lines = picture(board, letters, width, height, events[-1].at + 1, lambda layer, index: said)
    texts = ["".join(text for text, _ in line) for line in lines]
    assert all(cell_len(line) <= width for line in texts), texts
    texts += ["".join(text for text, _ in line) for line in last_lines(board, letters, width)]
    return [line.rstrip() for line in texts]


def test_live_has_a_line_for_each_layer_and_for_each_split_that_does_something() -> None:
    drawn = shown([*STORY, AttemptStarted(2.2, "B", 3, 1, 512), USED], said="\x1b[1mfitting\x1b[0m\tfold 3")
    assert drawn == [
        "F  01x  thread · .laminar" + " " * 70 + "3.3 s",
        "  ✓ A  done                   1/1    1.5 s",
        "  ● B  ██████████───────────  2/4    1.8 s  2 running · 1 retry · peak 300 MiB of 1024",
        "      /1  attempt 2 · 1.3 s · ValueError: no, tried again with 1024 · fitting fold 3",
        "      /3  attempt 1 · 1.1 s · fitting fold 3",
        "  ○ C  queued                 0/1",
        "  ○ D  waiting for B, C",
        "  1 of 4 layers · 3 of 6 splits · 2 running",
    ]


def test_what_a_catch_let_pass_is_told() -> None:
    error = {"type": "ValueError", "message": "bad\npart"}
    events = [
        *STORY[:5],
        SplitDone(2.0, "B", 1, 1, 0.6, caught=error),
        SplitDone(2.0, "B", 2, 1, 0.6, caught={"type": "KeyError", "message": ""}),
        SplitDone(2.1, "B", 3, 1, 0.6),
    ]
    end = Ended(3.0, "done", 4, 4, 1, caught=2)
    stream = io.StringIO()
    view = Plain(stream)
    for event in [*events, end]:
        view(event)
    assert stream.getvalue().splitlines()[-4:] == [
        "00:02.00 B/1 done in 0.6 s, with ValueError caught: bad part",
        "00:02.00 B/2 done in 0.6 s, with KeyError caught",
        "00:02.10 B/3 done in 0.6 s",
        "00:03.00 F 01x done in 3.0 s: 4 layers, 4 splits, 2 caught, 1 retry.",
    ]
    (row,) = [line for line in shown(events) if " B " in line and "4/4" in line]
    assert row.endswith("  2 caught"), row
    assert shown([*events, end])[-1] == "✓ F 01x done in 3.0 s: 4 layers, 4 splits, 2 caught, 1 retry."
    single = [*STORY[:3], SplitDone(1.5, "A", 0, 1, 1.49, caught=error)]
    assert shown(single)[1].endswith("  1 caught")


def test_live_names_a_limit_of_memory_only_where_there_is_one() -> None:
    used = SplitDone(2.3, "B", 2, 1, 0.8, Usage(1.0, 300.0, "process"))
    assert "peak 300 MiB of" not in "".join(shown([*STORY, used]))
    assert "peak 300 MiB" in "".join(shown([*STORY, used]))


def test_live_at_the_end_says_what_failed_and_what_never_ran() -> None:
    drawn = shown([*STORY, *END])
    assert drawn[2:] == [
        "  ✗ B  █████────────────────  1/4  0:01:13  1 failed · 1 stopped · 1 retry",
        "      /1  attempt 2 of 2 failed · ValueError: no",
        "  ! C  stopped                0/1",
        "  ○ D  not run: B has failed",
        "✗ F 01x failed in 0:01:15 at B/1: 4 layers, 1 split, 1 retry. Slowest: A 1.5 s.",
    ]


def test_live_tells_how_much_is_left_once_the_pace_is_known() -> None:
    events: list[Event] = [Began(0, "F", "x", {"A": [], "B": ["A"]}, "thread", "s"), LayerPlanned(0, "A", 100)]
    events += [AttemptStarted(0, "A", index, 1, 512) for index in range(3)]
    board = Board()
    for event in events:
        board.update(event)
    for index in range(2):
        board.update(SplitDone(10, "A", index, 1, 10))
    assert board.left_s(10) == (490, False)  # B may take long
    assert board.left_s(15) == (485, False)
    board.update(SplitDone(20, "A", 2, 1, 20))
    assert board.left_s(20) == (pytest.approx(97 * 20 / 3), False)
    drawn = shown([*events, *(SplitDone(10, "A", index, 1, 10) for index in range(3))])
    assert drawn[1].endswith(" 3/100  0:00:11  ~0:05:22 left")
    assert drawn[-1] == "  0 of 2 layers · 3 of 100 splits · more than ~0:05:22 left"


def test_live_goes_on_counting_after_a_failure_where_the_run_does() -> None:
    events: list[Event] = [Began(0, "F", "x", {"A": []}, "thread", "s"), LayerPlanned(0, "A", 100)]
    events += [AttemptStarted(0, "A", index, 1, 512) for index in range(3)]
    events += [SplitDone(10, "A", index, 1, 10) for index in range(2)]
    events += [AttemptFailed(10, "A", 2, 1, "ValueError: no", 1)]
    assert shown(events)[1].endswith("2/100  0:00:10  1 failed")  # no other one starts
    events += [AttemptStarted(10, "A", 3, 1, 512)]
    drawn = shown(events)
    assert drawn[1].endswith("2/100  0:00:11  1 failed · 1 running · ~0:08:04 left")
    assert drawn[-1] == "  0 of 1 layer · 2 of 100 splits · 1 running · 1 failed · ~0:08:04 left"


@pytest.mark.parametrize("width", [100, 64, 40, 12])
def test_live_keeps_within_any_width(width: int) -> None:
    wide = [Began(0, "F" * 30, "x" * 16, {"水" * 30: [], "B": ["水" * 30]}, "docker · image", "s"), *STORY[1:2]]
    for events in (STORY, [*STORY, *END], [wide[0], LayerPlanned(0, "水" * 30, 2)]):
        drawn = shown(events, width=width, said="水" * 80)
        assert len(drawn) >= 4
    narrow = shown([*STORY, AttemptStarted(2.2, "B", 3, 1, 512)], width=40)
    assert narrow[2] == "● B  1/4    1.7 s  3 running · 1 retry", narrow


def test_live_needs_no_unicode() -> None:
    drawn = shown([*STORY, *END], encoding="ascii")
    assert drawn[0].startswith("F  01x  thread - .laminar")
    assert drawn[1].startswith("  + A")
    assert drawn[2].startswith("  x B  #####----")
    assert drawn[-1].startswith("x F 01x failed")
    assert all(line.isascii() for line in drawn)
    assert "\\u6c34" in "".join(shown(STORY, encoding="ascii", said="水"))


@pytest.mark.parametrize("height", range(2, 60))
def test_live_is_no_higher_than_the_terminal_and_shows_what_matters(height: int) -> None:
    names = [f"L{number:03}" for number in range(300)]
    events: list[Event] = [Began(0, "F", "x", {name: [] for name in names}, "thread", "s")]
    events += [LayerPlanned(0, name, 1) for name in names[:200]]
    events += [SplitDone(1, name, 0, 1, 1) for name in names[:190]]
    events += [LayerPlanned(0, "L298", 1000), LayerPlanned(0, "L299", 100_000, 10)]
    events += [AttemptStarted(1, "L298", index, 1, 512) for index in range(50)]
    events += [AttemptStarted(1, "L299", index, 1, 512) for index in range(1000)]
    events += [AttemptFailed(2, "L299", 77, 1, "ValueError: no header", 1)]
    drawn = shown(events, height=height)
    assert len(drawn) == height
    if height > 12:
        assert any(line.startswith("  ✗ L299") and "1 failed · 999 running" in line for line in drawn)
        assert any(re.match(r" +/77 +attempt 1 failed · ValueError: no header", line) for line in drawn)
        assert any(re.match(r" +/0 +attempt 1", line) for line in drawn)
        assert any(re.search(r"and \d+ more layers: ", line) for line in drawn)
    else:
        assert height < 4 or any("L299" in line for line in drawn)


def test_what_layers_print_and_warnings_stay_above_the_picture() -> None:
    terminal = Terminal()
    view = Live(terminal, lambda layer, index: "")
    for event in [*STORY, Printed(2.0, "B", 1, "\x1b[2Jcleared\x07"), *END]:
        view(event)
    view.close()
    lines = terminal.text.splitlines()
    assert "B/1 | a line" in lines
    assert "B/1 | cleared\\x07" in lines
    assert "warning: C/0 asks for more" in lines
    assert lines.index("B/1 | a line") < max(index for index, line in enumerate(lines) if "✓ A" in line)
    assert lines[-1].startswith("✗ F 01x failed in 0:01:15 at B/1")


def test_a_stream_that_is_closed_meanwhile_ends_no_run() -> None:
    terminal = Terminal()
    view = Live(terminal, lambda layer, index: "")
    for event in STORY:
        view(event)
    terminal.close()
    for event in END:
        view(event)
    view.close()


def test_lines_that_come_faster_than_a_terminal_takes_them_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_MOST", 3)
    terminal = Terminal()
    view = Live(terminal, lambda layer, index: "")
    with view._lock:  # the thread that draws waits for this
        for number in range(10):
            view._note(Printed(0, "B", 0, f"line {number}"))
    for event in [*STORY[:1], *END]:
        view(event)
    assert [line for line in terminal.text.splitlines() if line.startswith(("B/0", "warn"))] == [
        *(f"B/0 | line {number}" for number in range(3)),
        "warning: 7 lines came too fast to be shown; the logs have them",
    ]


def test_the_next_command_is_named_the_same_everywhere() -> None:
    events = [*STORY[:1], Ended(75.0, "done", 4, 7, 0, "A", 1.5, skipped=1, look="laminar show 01x")]
    plain = io.StringIO()
    view = Plain(plain)
    for event in events:
        view(event)
    assert plain.getvalue().splitlines()[1:] == [
        "01:15.00 F 01x done in 0:01:15: 4 layers (1 skipped), 7 splits. Slowest: A 1.5 s.",
        "         look     laminar show 01x",
    ]
    assert shown(events)[-2:] == [
        "✓ F 01x done in 0:01:15: 4 layers (1 skipped), 7 splits. Slowest: A 1.5 s.",
        "  look     laminar show 01x",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "0:00:09"), (61, "0:01:01"), (360000, "100:00:00")]
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_estimates_are_round() -> None:
    assert [about(seconds) for seconds in (0, 9.4, 9.6, 59.6, 3601)] == [
        "~0 s",
        "~9 s",
        "~0:00:10",
        "~0:01:00",
        "~1:00:01",
    ]


def test_words_are_counted() -> None:
    assert [plural(1, "split"), plural(0, "split"), plural(2, "retry", "retries")] == [
        "1 split",
        "0 splits",
        "2 retries",
    ]
