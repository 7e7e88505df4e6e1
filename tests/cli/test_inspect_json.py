"""What `--json` prints: versioned, the same things that people read, and every member described in docs/json.md."""

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


def test_list(seen: Seen) -> None:
    found = ask(seen, "list")["executions"]
    names = [(each["flow"], each["execution"], each["state"], each["layers_done"], each["layers"]) for each in found]
    assert names == [
        ("HelloFlow", "bad-1", "failed", 0, 5),
        ("OtherFlow", "first", "finished", 1, 1),
        ("HelloFlow", "first", "finished", 5, 5),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each["created"]) for each in found)
    assert [each["duration_s"] is None for each in found] == [True, False, False]


def test_show_an_execution(seen: Seen) -> None:
    found = ask(seen, "show HelloFlow:first")
    assert found["address"] == "HelloFlow:first"
    assert found["parameters"][0]["preview"] == "3"
    layers = {each["name"]: each for each in found["layers"]}
    assert list(layers) == ["Source", "Process", "Join", "Gate", "Report"]
    assert (layers["Process"]["attempts"], layers["Process"]["finished_splits"]) == (4, 3)
    assert layers["Gate"]["skipped"] == "Gate.only_if_big returned False"


def test_show_a_split(seen: Seen) -> None:
    found = ask(seen, "show HelloFlow:first/Process/1")
    source = ask(seen, "show HelloFlow:first/Source/0")
    assert found["inputs"] == {"Source": source["commit"]}
    assert found["elements"] == {"Source.parts": [0, 1]}
    first, second = found["attempts"]
    assert (first["state"], first["error"]["kind"], first["error"]["type"]) == ("failed", "user", "ValueError")
    assert (second["state"], second["error"]) == ("finished", None)
    assert first["started"] <= first["finished"] <= second["started"] <= second["finished"]
    assert second["configuration"]["retry"]["attempts"] == 2
    assert ask(seen, "show HelloFlow:first/Join/0")["caught"]["message"] == "'kept'"


def test_show_leaves_finished_splits_out_first(seen: Seen) -> None:
    found = ask(seen, "show HelloFlow:first/Process --limit 2")
    assert ([each["index"] for each in found["splits"]], found["more_splits"]) == ([0, 1], 1)


def test_artifacts(seen: Seen) -> None:
    found = {each["name"]: each for each in ask(seen, "artifact HelloFlow:first/Source")["artifacts"]}
    assert {name: each["codec"] for name, each in found.items()} == {
        "odd": "pickle", "parts": "shard", "raw": "bytes", "table": "json", "title": "json",
    }  # fmt: skip
    assert ask(seen, "artifact HelloFlow:first/Process score")["value"] == [0, 2, 4]
    assert ask(seen, "artifact HelloFlow:first/Source table")["value"] == {"a": [1, 2]}


def test_plan_and_config(seen: Seen) -> None:
    found = ask(seen, "plan main:HelloFlow bad")
    assert found["execution"] == "bad-1"
    assert [each["status"] for each in found["layers"]] == ["to run", "to run", "to run", "unknown", "unknown"]
    assert ask(seen, "plan main:HelloFlow -p n=2")["execution"] is None
    assert set(ask(seen, "config")["settings"]) == set(OPTIONS)
    changed = seen.laminar("config", "--json", LAMINAR_MAX_PARALLEL="3")
    assert json.loads(changed.out)["settings"]["max_parallel"] == {"value": 3, "source": "LAMINAR_MAX_PARALLEL"}
