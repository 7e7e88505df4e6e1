"""`example.py` is what mypy and Python say it is, in a project that has nothing of laminar but the installed package."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent / "example.py"


def test_it_runs(project):
    shutil.copy(EXAMPLE, project.path)
    result = project.python("example.py")
    assert result.code == 0, result.err


@pytest.fixture
def mypy(project):
    def check(text: str) -> tuple[int, str]:
        (project.path / "example.py").write_text(text)
        # Strict: an Any in place of a type fails an assert_type, and an error that is not there an ignore.
        result = project.python("-m", "mypy", "--strict", "--cache-dir", os.devnull, "example.py", MYPYPATH=None)
        return result.code, result.out

    return check


def test_types_are_those_that_it_asserts(mypy):
    code, printed = mypy(EXAMPLE.read_text())
    assert code == 0, printed


def test_what_it_ignores_are_errors(mypy):
    text = EXAMPLE.read_text()
    wanted = {
        (number, match[1])
        for number, line in enumerate(text.splitlines(), start=1)
        if (match := re.search(r"# type: ignore\[([\w-]+)\]", line))
    }
    _, printed = mypy(re.sub(r"  # type: ignore\[[\w-]+\]", "", text))
    found = re.findall(r"^example\.py:(\d+): error: .*\[([\w-]+)\]$", printed, re.MULTILINE)
    assert {(int(number), kind) for number, kind in found} == wanted, printed
