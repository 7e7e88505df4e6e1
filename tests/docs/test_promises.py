"""docs/promises.md names tests that there are, and all of the suite of promises."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/promises.md").read_text()
SUITE = ["tests/integration/test_promises.py", "tests/unit/engine/test_random_flows.py"]
EXECUTORS = {"thread", "process", "docker"}

_ROW = re.compile(r"^\| (?!promise|input|there|---)(.+) \| (.+) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """A promise, the executors, and `(file, test)` of each test that holds it."""
    for promise, executors, tests in _ROW.findall(PAGE):
        found = _TEST.findall(tests)
        assert ", ".join(f"`{file}::{test}`" for file, test in found) == tests, promise
        yield promise, executors, found


@cache
def functions_of(file: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}


@pytest.mark.parametrize(("promise", "executors", "tests"), list(rows()), ids=lambda value: str(value)[:60])
def test_each_promise_is_held_by_tests_that_there_are(
    promise: str, executors: str, tests: list[tuple[str, str]]
) -> None:
    assert tests, f"no test holds: {promise}"
    missing = [
        f"{file}::{test}" for file, test in tests if not (ROOT / file).exists() or test not in functions_of(file)
    ]
    assert not missing
    assert executors in ("all", "-") or set(executors.split(", ")) <= EXECUTORS
    if executors == "all":
        file, test = tests[0]
        marks = [ast.unparse(mark) for mark in functions_of(file)[test].decorator_list]
        assert any("'executor', EXECUTORS" in mark for mark in marks), f"{test} does not run under all executors"


def test_each_test_of_the_suite_is_named() -> None:
    named = {test for _, _, tests in rows() for test in tests}
    assert {(file, test) for file in SUITE for test in functions_of(file)} <= named
    for file in SUITE[:1]:
        assert 'EXECUTORS = ["thread", "process", "docker"]' in (ROOT / file).read_text()
