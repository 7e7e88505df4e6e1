"""The pictures of the examples' graphs are what `laminar graph` draws."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted((ROOT / "examples").glob("*/graph.svg"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.parent.name)
def test_graphs_of_the_examples_are_current(picture: Path) -> None:
    spec = importlib.util.spec_from_file_location("graphs", ROOT / "scripts" / "graphs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert picture.parent.name in module.DRAWN
    assert picture.read_text() == module.draw(picture.parent.name), "run: make docs"
