"""The CI files on the deployment page are YAML, and type only what the page's console blocks show, which are run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

PAGE = (Path(__file__).resolve().parents[2] / "docs/deployment.md").read_text()


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [text for value in node.values() for text in _texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in _texts(value)]
    return [node] if isinstance(node, str) else []


def test_commands_of_ci_files_are_those_of_the_page():
    files = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    typed = re.findall(r"^\$ ((?:laminar|pip) .*)$", PAGE, re.MULTILINE)
    commands = [text for file in files for text in _texts(yaml.safe_load(file)) if re.match("(laminar|pip) ", text)]
    assert len(files) == 2
    assert len(commands) == 5
    missing = [command for command in commands if not any(line.startswith(command) for line in typed)]
    assert missing == []
