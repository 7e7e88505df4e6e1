"""A real terminal for tests: tmux, which draws what is written to it, and says when something was."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import TIMEOUT_S, Project

_SETTINGS = """
set -g status off
set -g default-terminal tmux-256color
set -g history-limit 10000
"""


class Terminal:
    """A command in a terminal of its own.

    Args:
        project: Whose directory and environment the command has.
        command: What to run; its exit code is written below what it leaves.
        columns: Of the terminal.
        lines: Of the terminal.
        environ: Variables of the command.
    """

    def __init__(self, project: Project, command: list[str], columns: int, lines: int, **environ: str) -> None:
        self._name = f"laminar-{uuid.uuid4().hex}"
        self._settings = project.path / "tmux.conf"
        self._settings.write_text(_SETTINGS)
        steering = ("LAMINAR_", "CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONPATH", "TMUX")
        values = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
        self._environ = {**values, "LANG": "C.UTF-8", "PYTHONUTF8": "1", **environ}
        shell = ["sh", "-c", 'trap : INT; "$@"; echo "exit code $?"; exec cat', "sh", *command]
        self._tmux("new-session", "-d", f"-x{columns}", f"-y{lines}", f"-c{project.path}", *shell)
        self._client = subprocess.Popen(
            [*self._command, "-C", "attach", "-fignore-size"],
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    @property
    def _command(self) -> list[str]:
        return ["tmux", "-u", f"-L{self._name}", f"-f{self._settings}"]

    def _tmux(self, *arguments: str) -> str:
        command = [*self._command, *arguments]
        return subprocess.run(command, env=self._environ, check=True, capture_output=True, text=True).stdout

    @property
    def screen(self) -> str:
        """What is seen now."""
        return self._tmux("capture-pane", "-p").rstrip("\n")

    @property
    def text(self) -> str:
        """The same, with each line that was broken for lack of room in one piece."""
        return self._tmux("capture-pane", "-p", "-J").rstrip("\n")

    def until(self, *patterns: str) -> str:
        """Wait until all of these are seen; returns what is seen then."""
        return self.wait(lambda screen: all(re.search(each, screen, re.MULTILINE) for each in patterns), str(patterns))

    def wait(self, comes: Callable[[str], bool], what: str) -> str:
        """Wait for a screen: what is drawn may come in pieces, and more than once. Returns it."""
        assert self._client.stdout is not None
        deadline = time.monotonic() + TIMEOUT_S
        while not comes(screen := self.screen):
            changed, _, _ = select.select([self._client.stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert changed, f"{what} never came:\n{screen}"
            assert os.read(self._client.stdout.fileno(), 1 << 16), "tmux has gone"
        return screen

    def resize(self, columns: int, lines: int) -> None:
        """Make it larger or smaller."""
        self._tmux("resize-window", f"-x{columns}", f"-y{lines}")

    def type(self, key: str) -> None:
        """Press a key, such as `C-c`."""
        self._tmux("send-keys", key)

    def close(self) -> None:
        """End it, and what runs in it."""
        subprocess.run([*self._command, "kill-server"], env=self._environ, capture_output=True)
        self._client.communicate()


@contextmanager
def terminal(
    project: Project, *command: str, columns: int = 100, lines: int = 30, **environ: str
) -> Iterator[Terminal]:
    """The console script in a terminal. Without tmux the test is skipped; where that must be, it fails."""
    if shutil.which("tmux") is None:
        if os.environ.get("CI") or os.environ.get("LAMINAR_REQUIRE_DOCKER"):
            pytest.fail("no tmux on this machine (scripts/tmux.sh)", pytrace=False)
        pytest.skip("no tmux on this machine (scripts/tmux.sh)")
    made = Terminal(project, [*project.script, *command], columns, lines, **environ)
    try:
        yield made
    finally:
        made.close()


def captures(page: Path) -> dict[str, str]:
    """Heading -> the picture below it, of a page of the documentation."""
    found = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```text\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return {heading: text.rstrip("\n") for heading, text in found}
