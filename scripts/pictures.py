"""Draw docs/pictures/*.svg, the live view and the graph of an execution, from a real run of docs/pictures/main.py.

The layers run in Docker where an engine answers and has laminar's image, else in processes; the picture says which.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from laminar.datastores import Local
from laminar.engine.addresses import resolve
from laminar.engine.events import AttemptStarted, Ended, Event
from laminar.executors.docker_image import BASE_IMAGE
from laminar.flow import Flow
from laminar.inspection.graphs import of_execution
from laminar.inspection.picture import svg
from laminar.launch import schedule, settings_of
from laminar.progress.board import Board
from laminar.progress.lettering import Letters, Line
from laminar.progress.picture import last_lines, picture

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
COLUMNS = 112
LETTERS = Letters("utf-8")
AFTER_S = 1.2
"""Seconds from the start of the second attempt to the picture in mid-run."""

# Rich's frame, without its fonts from the network: a picture in a README cannot load them, and should not.
FRAME = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace("Fira Code, ", "")


class Camera:
    """Passes what happens to the live view, and draws it once in mid-run and once at the end."""

    def __init__(self) -> None:
        self._board = Board()
        self._began = time.monotonic()
        self._timer: threading.Timer | None = None

    def __call__(self, event: Event) -> None:
        """Take note; the first second attempt sets the timer."""
        self._board.update(event)
        match event:
            case AttemptStarted(attempt=2) if self._timer is None:
                self._timer = threading.Timer(AFTER_S, self._take)
                self._timer.start()
            case Ended():
                _draw("done", [*self._picture(event.at), *last_lines(self._board, LETTERS, COLUMNS)])

    def _take(self) -> None:
        _draw("live", self._picture(time.monotonic() - self._began))
        _write("graph", svg(of_execution(resolve(Local(".laminar"), "latest").ledger)))

    def _picture(self, now: float) -> list[Line]:
        return picture(self._board, LETTERS, COLUMNS, 24, now, self._last_line)

    def _last_line(self, layer: str, index: int) -> str:
        log = resolve(Local(".laminar"), "latest").ledger.log(
            layer, index, self._board.rows[layer].running[index].number
        )
        return log.decode().rpartition("\n")[0].rpartition("\n")[2]

    def close(self) -> None:
        """Nothing is open."""


def _draw(name: str, lines: list[Line]) -> None:
    console = Console(file=StringIO(), force_terminal=True, record=True, width=COLUMNS, highlight=False)
    for line in lines:
        console.print(Text.assemble(*line), no_wrap=True)
    frame = console.export_svg(title="laminar schedule main:Weather", code_format=FRAME, unique_id=f"laminar-{name}")
    _write(name, frame)


def _write(name: str, picture: str) -> None:
    path = PICTURES / f"{name}.svg"
    path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")
    print(f"{path.relative_to(PICTURES.parent.parent)}")


def _has_docker() -> bool:
    command = ["docker", "image", "inspect", BASE_IMAGE]
    return shutil.which("docker") is not None and subprocess.run(command, capture_output=True).returncode == 0


def main() -> None:
    """Run the flow in an empty directory, so that the datastore is `.laminar` as in a user's own."""
    executor = "docker" if _has_docker() else "process"
    with TemporaryDirectory() as directory:
        shutil.copy(PICTURES / "main.py", directory)
        os.chdir(directory)
        sys.path.insert(0, directory)
        from main import Weather

        flow: Flow = Weather()
        settings = settings_of(flow, {"executor": executor, "progress": "quiet"})
        schedule(flow, settings=settings, observers=[Camera()])
        os.chdir(PICTURES)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"drawn in {time.monotonic() - began:.1f} s")
