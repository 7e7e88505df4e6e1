"""What `--json` prints: versioned, and every member described in docs/json.md. All of it is in `snapshots/`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from laminar.settings import OPTIONS
from tests.cli.conftest import Seen

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json.md"

NAMED_BY_USERS = ("images", "versions", "inputs", "elements", "configuration", "settings", "value")


def ask(seen: Seen, command: str) -> Any:
    result = seen.laminar(*command.split(), "--json")
    assert (result.code, result.err) == (0, ""), result
    assert result.out.isascii()
    return json.loads(result.out)


def members(found: Any) -> set[str]:
    """The names of all members, but not those below what users name."""
    if isinstance(found, list):
        return {name for each in found for name in members(each)}
    if not isinstance(found, dict):
        return set()
    below = {name for key, each in found.items() if key not in NAMED_BY_USERS for name in members(each)}
    return set(found) | below


COMMANDS = [
    "list",
    "show bad",
    "show bad/Source",
    "show HelloFlow:first/Process/1",
    "show HelloFlow:first/Join/0",
    "artifact HelloFlow:first",
    "artifact HelloFlow:first/Process score",
    "graph HelloFlow:first",
    "graph main:HelloFlow",
    "plan main:HelloFlow first",
    "config",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_document_has_its_version_and_is_described(seen: Seen, command: str) -> None:
    found = ask(seen, command)
    assert next(iter(found.items())) == ("version", 1)
    described = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    assert members(found) <= described


def test_what_belongs_together(seen: Seen) -> None:
    found = ask(seen, "show HelloFlow:first/Process/1")
    source = ask(seen, "show HelloFlow:first/Source/0")
    assert found["inputs"] == {"Source": source["commit"]}
    assert found["elements"] == {"Source.parts": [0, 1]}
    first, second = found["attempts"]
    assert (first["state"], first["error"]["kind"], first["error"]["type"]) == ("failed", "user", "ValueError")
    assert (second["state"], second["error"]) == ("finished", None)
    assert first["started"] <= first["finished"] <= second["started"] <= second["finished"]


def test_every_setting_is_there(seen: Seen) -> None:
    assert set(ask(seen, "config")["settings"]) == set(OPTIONS)
