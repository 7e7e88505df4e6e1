"""A copy of an example: run it, and read what it has saved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

Read = Callable[..., Any]
Run = Callable[..., Read]


@pytest.fixture
def example(project) -> Callable[[str], None]:
    """Copies an example into the project."""

    def copy(name: str) -> None:
        ignored = shutil.ignore_patterns(".laminar", "__pycache__")
        shutil.copytree(EXAMPLES / name, project.path, dirs_exist_ok=True, ignore=ignored)

    return copy


@pytest.fixture(params=["thread", "process", pytest.param("docker", marks=pytest.mark.docker)])
def run(project, read, request) -> Run:
    """Schedules the example; returns what evaluates expressions in a fresh process, where `run` is the execution."""

    def schedule(*options: str) -> Read:
        result = project.laminar("schedule", "main", "--executor", request.param, *options)
        assert result.code == 0, result.err

        def values(**expressions: str) -> Any:
            bound = f"flow.execution({result.execution!r})"
            return read(**{name: f"(lambda run: {code})({bound})" for name, code in expressions.items()})

        return values

    return schedule
