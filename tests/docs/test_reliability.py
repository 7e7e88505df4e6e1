"""docs/reliability.md names tests that there are, and all those that make laminar fail."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reliability.md").read_text()
ROWS = re.findall(r"^\| (?!fault |---)(.+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_HELPERS = {"test_all_points_are_walked", "test_the_fault_is_not_seen_by_user_code"}


@cache
def functions_of(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}


@pytest.mark.parametrize(("fault", "sees", "tests"), ROWS, ids=[row[0][:60] for row in ROWS])
def test_each_fault_is_held_by_tests_that_there_are(fault: str, sees: str, tests: str) -> None:
    found = _TEST.findall(tests)
    assert found
    assert ", ".join(f"`{file}::{test}`" for file, test in found) == tests
    assert [f"{file}::{test}" for file, test in found if test not in functions_of(file)] == []


def test_each_test_of_faults_is_named() -> None:
    files = [str(path.relative_to(ROOT)) for path in (ROOT / "tests/faults").glob("test_*.py")]
    files += [
        "tests/integration/test_faults.py",
        "tests/integration/test_chaos.py",
        "tests/integration/test_recovery.py",
    ]
    named = set(_TEST.findall(PAGE))
    assert {(file, test) for file in files for test in functions_of(file) - _HELPERS} <= named
