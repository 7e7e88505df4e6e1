"""Take the pictures of a report, docs/pictures/report-*.png: of a real run of docs/pictures/survey.py, in a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from scripts.browser import browser

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
WIDTH = 1180
COLOURS = 96


def main() -> None:
    """Run the flow in an empty directory, which fails as it should; write its report; look at that."""
    with TemporaryDirectory() as directory:
        shutil.copy(PICTURES / "survey.py", Path(directory) / "main.py")
        run = ["schedule", "main:Climate", "-p", "year=2026", "--executor", "process", "--max-parallel", "6"]
        assert laminar(directory, *run, "--execution", "north-1", "--progress", "quiet") == 1
        assert laminar(directory, "report", "latest", "-o", "report.html") == 0
        html = (Path(directory) / "report.html").read_text()
        for here, there in ((directory, "/home/ada/climate"), (f"@{socket.gethostname()}", "@worker-3")):
            html = html.replace(here, there)  # a picture is to be of no machine
        (Path(directory) / "report.html").write_text(html)
        with browser() as running:
            for name in ("light", "dark"):
                page = running.page(width=WIDTH, dark=name == "dark")
                page.open(Path(directory) / "report.html")
                page.settle()
                end = page.ask("document.getElementById('timeline').getBoundingClientRect().bottom")
                _write(f"report-{name}", page.picture((0, 0, WIDTH, end)))


def laminar(directory: str, *arguments: str) -> int:
    """Run a command there; returns its exit code."""
    environ = {**os.environ, "PYTHONUTF8": "1", "LOGNAME": "ada"}
    return subprocess.run([sys.executable, "-m", "laminar", *arguments], cwd=directory, env=environ).returncode


def _write(name: str, png: bytes) -> None:
    path = PICTURES / f"{name}.png"
    # A palette: a third of the size, and nothing that the eye could tell.
    Image.open(BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"docs/pictures/{path.name}, {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
