"""P5: HelloFlow from a cold command line (thread executor, local datastore, live view), against the same two tasks in luigi.

Both draw on a pseudo-terminal, and begin with an empty directory each time.
"""

from __future__ import annotations

import compileall
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import alternate, ratio, show

PAIRS = 15
HELLO = Path(__file__).resolve().parent.parent / "examples" / "hello"
PACKAGE = HELLO.parent.parent / "laminar"
BIN = Path(sys.executable).parent

LUIGI = """
import luigi

class A(luigi.Task):
    def output(self):
        return luigi.LocalTarget("a.txt")

    def run(self):
        with self.output().open("w") as file:
            file.write("hello")

class B(luigi.Task):
    def requires(self):
        return A()

    def output(self):
        return luigi.LocalTarget("b.txt")

    def run(self):
        with self.input().open() as file, self.output().open("w") as out:
            message = file.read()
            print(message)
            out.write(message)
"""


def on_terminal(command: list[str], directory: str) -> bytes:
    """Run a command that must succeed on a terminal of its own; returns what it drew."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": "."}
    with subprocess.Popen(
        command, cwd=directory, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        drawn = b""
        try:
            while piece := os.read(master, 65536):
                drawn += piece
        except OSError:  # how Linux says that the other end is closed
            pass
        os.close(master)
    if process.returncode:
        raise RuntimeError(f"{command} exited {process.returncode}: {drawn.decode()}")
    return drawn


def laminar() -> None:
    """HelloFlow."""
    with TemporaryDirectory() as directory:
        Path(directory, "main.py").write_bytes((HELLO / "main.py").read_bytes())
        options = ["--executor", "thread", "--progress", "tty"]
        drawn = on_terminal([str(BIN / "laminar"), "schedule", "main:HelloFlow", *options], directory)
        assert "✓".encode() in drawn, drawn


def luigi() -> None:
    """Its two tasks."""
    with TemporaryDirectory() as directory:
        Path(directory, "tasks.py").write_text(LUIGI)
        options = ["--module", "tasks", "B", "--local-scheduler"]
        drawn = on_terminal([str(BIN / "luigi"), *options], directory)
        assert Path(directory, "b.txt").read_text() == "hello", drawn


def main() -> None:
    """Fifteen pairs, with laminar compiled as an installed package is, whatever PYTHONDONTWRITEBYTECODE says here."""
    compileall.compile_dir(PACKAGE, quiet=1)
    sides: dict[str, Callable[[], object]] = {
        "laminar schedule main:HelloFlow": laminar,
        "luigi --module tasks B": luigi,
    }
    ours, theirs = alternate(sides, PAIRS)
    show("P5: HelloFlow", [ours, theirs], f"ratio {ratio(ours, theirs):.3f}   (target: 0.6 at most)")


if __name__ == "__main__":
    main()
