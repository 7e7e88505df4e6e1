"""docs/cli.md is what the commands say, and they say it with examples."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path

import click
import pytest

from laminar.cli.main import COMMANDS, cli

ROOT = Path(__file__).resolve().parents[2]


def test_page_of_the_commands_is_current() -> None:
    spec = importlib.util.spec_from_file_location("cli_page", ROOT / "scripts" / "cli_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "cli.md").read_text() == module.page(), "run: python scripts/cli_page.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_examples_of_it(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    _, separator, examples = inspect.cleandoc(command.help or "").partition("Examples:\n")
    assert separator
    lines = examples.split("\n\n")[0].splitlines()
    assert all(line.startswith(f"  laminar {name}") for line in lines), lines
