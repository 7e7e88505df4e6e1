"""Draw the graphs of the examples, examples/*/graph.svg, with `laminar graph`. A test says when one is out of date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
DRAWN = ("grid_search", "retraining", "scatter_gather")


def draw(example: str) -> str:
    """The picture of an example's flow."""
    command = [sys.executable, "-m", "laminar", "graph", "main", "--format", "svg"]
    return subprocess.run(command, cwd=EXAMPLES / example, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    for name in DRAWN:
        (EXAMPLES / name / "graph.svg").write_text(draw(name), encoding="utf-8")
        print(f"examples/{name}/graph.svg")
