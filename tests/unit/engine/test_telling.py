from __future__ import annotations

import io
import sys

import pytest

from laminar.engine.telling import columns_of, folded, tell, tell_error
from laminar.errors import UsageError


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("error: one of two layers has no code", ["error: one of two layers has", "       no code"]),
        ("01:24.90 B/0 failed: it has no header", ["01:24.90 B/0 failed: it has no", "         header"]),
        (
            "       also     A/1, A/2, A/3, A/4, A/5 failed",
            ["       also     A/1, A/2, A/3,", "       A/4, A/5 failed"],
        ),
        ("   a sentence that stands further right", ["   a sentence that stands", "   further right"]),
        ("words andaveryverylongonethathasnoblanksinit", ["words", "andaveryverylongonethathasnoblanksinit"]),
        # What is to be pasted is in one piece.
        ("look     laminar logs one/A/0 --datastore runs", ["look     laminar logs one/A/0 --datastore runs"]),
        (
            "       go on    laminar resume one  (1 of 2 splits is done)",
            ["       go on    laminar resume one", "       (1 of 2 splits is done)"],
        ),
        (
            "Look at it: laminar show one/A/0 --datastore runs. Or wait.",
            ["Look at it:", "laminar show one/A/0 --datastore runs.", "Or wait."],
        ),
        ("look     laminar show one --datastore '/a, b/c. d'", ["look     laminar show one --datastore '/a, b/c. d'"]),
        ("one\ntwo words and then some more of them", ["one", "two words and then some more", "of them"]),
    ],
)
def test_lines_are_broken_between_words(text: str, lines: list[str]) -> None:
    assert folded(text, 30).split("\n") == lines
    assert folded(text, 0) == text


def test_streams_that_are_no_terminal_get_lines_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    assert columns_of(stream) == columns_of(None) == 0
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "20")
    tell("words " * 30)
    tell_error(UsageError("words " * 30, remedy="words " * 30, details="what was printed"))
    assert stream.getvalue().count("\n") == 1 + 4
    monkeypatch.setattr(sys, "stderr", None)
    tell("to nobody")
