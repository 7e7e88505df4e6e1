"""The live view, byte by byte, on a pseudo-terminal; test_cli_live.py has it on a terminal that draws."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import termios
from contextlib import suppress

import pytest

MAIN = """
from gate import meet
from laminar import Flow, Layer

class HelloFlow(Flow): ...

@HelloFlow.register
class First(Layer):
    def __call__(self) -> None: ...

@HelloFlow.register
class Second(Layer):
    def __call__(self, first: First) -> None:
        meet("Second")

@HelloFlow.register
class Third(Layer):
    def __call__(self, second: Second) -> None:
        raise ValueError("third time unlucky")
"""

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A pseudo-terminal of 100 columns and 30 rows, whose other end is read here."""

    def __init__(self) -> None:
        self.end, self.theirs = os.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.raw = b""

    @property
    def text(self) -> str:
        """What was shown, with escapes."""
        return self.raw.decode("utf-8", "ignore")

    @property
    def plain(self) -> str:
        """The same without escapes: every picture below the one before it."""
        return ESCAPE.sub("", self.text.replace("\x1bE", "\n")).replace("\r", "\n")

    def read(self, until: str = r"\Z.") -> None:
        """Read until this pattern is there, or to the end."""
        with suppress(OSError):  # EIO: nobody holds the other end any more
            while not re.search(until, self.plain) and (piece := os.read(self.end, 65536)):
                self.raw += piece


def run(project, gate, **environ):
    """Schedule with stderr on a terminal; returns it when all is shown."""
    project.write("main.py", MAIN)
    terminal = Terminal()
    values = {
        key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    }
    with subprocess.Popen(
        [*project.script, "schedule", "main:HelloFlow", "--executor", "process"],
        cwd=project.path,
        env={**values, "TERM": "xterm-256color", "PYTHONUTF8": "1", "LANG": "C.UTF-8", **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=terminal.theirs,
        text=True,
    ) as process:
        os.close(terminal.theirs)
        terminal.read(until=r"● +Second +running +0/1 ")
        gate.open()
        terminal.read()
        assert process.stdout is not None
        out = process.stdout.read()
    os.close(terminal.end)
    assert process.returncode == 1
    assert re.fullmatch(r"\S+\n", out)
    return terminal


def test_a_terminal_gets_a_row_for_each_layer(project, gate):
    terminal = run(project, gate)
    assert "\x1b[32m" in terminal.text  # green
    last = [line.strip() for line in terminal.plain[terminal.plain.rindex("✓ First") :].splitlines() if line.strip()]
    for line, pattern in zip(
        last,
        [
            r"✓ First +done +1/1 +\S+( s)? +peak \d+ MiB",
            r"✓ Second +done +1/1 +\S+( s)? +peak \d+ MiB",
            r"✗ Third +failed +0/1 +\S+( s)? +ValueError: third time unlucky · peak \d+ MiB",
            r"✗ HelloFlow \S+ failed in \S+( s)? at Third/0: 3 layers, 2 splits\.( Slowest: .*)?",
            r"Traceback \(most recent call last\):",
        ],
        strict=False,
    ):
        assert re.fullmatch(pattern, line), terminal.plain


def test_no_color_takes_only_the_colour(project, gate):
    terminal = run(project, gate, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*[34][0-7]m", terminal.text), terminal.text
    assert "✓ First" in terminal.plain


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"TERM": "dumb"}], ids=str)
def test_no_live_view_where_nobody_watches(project, environ):
    project.write("main.py", MAIN.replace('meet("Second")', "...").replace("from gate import meet", ""))
    terminal = Terminal()
    with subprocess.Popen(
        [*project.script, "schedule", "main:HelloFlow", "--executor", "thread"],
        cwd=project.path,
        env={**os.environ, "TERM": "xterm", **environ},
        stdout=subprocess.DEVNULL,
        stderr=terminal.theirs,
    ):
        os.close(terminal.theirs)
        terminal.read()
    os.close(terminal.end)
    assert "\x1b" not in terminal.text
    assert "First/0 done in" in terminal.text
