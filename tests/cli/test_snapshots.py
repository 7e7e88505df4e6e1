"""What every command prints, as text and as JSON, about one set of executions.

A file in `snapshots/` is a session. A line that begins with `$ ` is a command; below it stands what that prints: stdout,
then stderr with `! ` before each line, then the exit code in brackets where it is not 0. Words in capitals stand for what
varies: times, digests, versions. To add to a session, add the command; then, and when a command is to print something else:

    pytest tests/cli/test_snapshots.py --renew

writes the sessions anew. What has changed is for `git diff` to show, and for you to read.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from laminar.cli.main import COMMANDS
from tests.cli.conftest import Seen

SESSIONS = sorted((Path(__file__).parent / "snapshots").glob("*.txt"))

NOT_HERE = {
    "resume": "tests/cli/test_cli_resume.py",
    "execute": "tests/cli/test_cli_errors.py",
    "init": "tests/cli/test_init.py",
    "build": "tests/integration/test_images.py",
    "shell": "tests/cli/test_cli_shell.py",
    "report": "tests/cli/test_report.py",
}
"""Commands that change more than they print, and where they are tested."""


VARYING = {
    "gc": [(r" +\d[\d.]* (B|[KMG]iB)\b", " SIZE")],
    "doctor": [(r"\d[\d.]* [KMGT]iB", "SIZE"), (r"\d+(\.\d+)+", "VERSION"), (r"\d+:\d+", "USER")],
}
"""Command -> what else varies there."""


def commands(session: Path) -> list[str]:
    return re.findall(r"(?m)^\$ (.+)$", session.read_text())


def run(seen: Seen, command: str) -> str:
    """The command and what it prints, as sessions have it."""
    words = shlex.split(command)
    environ = dict(word.split("=", 1) for word in words[: words.index("laminar")])
    result = seen.laminar(*words[words.index("laminar") + 1 :], **environ)
    out, err = seen.normal(result.out), seen.normal(result.err)
    for pattern, word in VARYING.get(words[words.index("laminar") + 1], []):
        out = re.sub(pattern, word, out)
    if out and not out.endswith("\n"):
        out += "\n(no end of line)\n"
    noted = "".join(f"! {line}".rstrip() + "\n" for line in err.splitlines())
    return f"$ {command}\n{out}{noted}" + (f"[{result.code}]\n" if result.code else "")


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_what_is_printed(seen: Seen, session: Path, request: pytest.FixtureRequest) -> None:
    printed = "\n".join(run(seen, command) for command in commands(session))
    if request.config.getoption("--renew"):
        session.write_text(printed)
    wanted = session.read_text()
    if "LONG" in printed:  # on a machine that stood still, a column is wider than usual
        printed, wanted = (re.sub(r"(?<=\S) {2,}", "  ", text.replace("LONG", "SPAN")) for text in (printed, wanted))
    assert printed == wanted


def test_every_command_is_in_a_session() -> None:
    typed = {word for session in SESSIONS for command in commands(session) for word in shlex.split(command)}
    assert set(COMMANDS) - typed <= set(NOT_HERE)
