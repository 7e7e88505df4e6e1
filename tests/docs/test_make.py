"""The Python that `make` is told of is the one that everything then runs on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., str]:
    """What `make setup` would do in a clone whose .venv is complete."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    made = ["setup.cfg", "pyproject.toml", ".venv/pyvenv.cfg", ".venv/bin/laminar", ".venv/.setup"]
    for second, path in enumerate(made):  # each is older than what is made of it
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
        os.utime(tmp_path / path, (second, second))
    # The tests may themselves be run by a make that was told of a Python.
    told = ("PYTHON", "MAKEFLAGS", "MAKEOVERRIDES")
    environ = {name: value for name, value in os.environ.items() if name not in told}

    def planned(*arguments: str) -> str:
        command = ["make", "--dry-run", "setup", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True).stdout

    return planned


def test_the_environment_is_kept_where_no_python_is_named(planned: Callable[..., str]) -> None:
    assert "-m venv" not in planned()


def test_another_python_makes_the_environment_anew(planned: Callable[..., str], tmp_path: Path) -> None:
    assert "/opt/python3.12 -m venv --clear .venv" in planned("PYTHON=/opt/python3.12")
    (tmp_path / ".venv/.of--opt-python3.12").touch()
    os.utime(tmp_path / ".venv/.of--opt-python3.12", (2, 2))
    assert "-m venv" not in planned("PYTHON=/opt/python3.12")
    assert "python3.13 -m venv --clear .venv" in planned("PYTHON=python3.13")
