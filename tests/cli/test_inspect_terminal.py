"""What the reading commands do on terminals of every kind, on none, and without the code of the flow."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios

import pytest

from tests.cli.conftest import Seen

IMPORTED = """
import sys
from laminar.cli.main import cli
cli(sys.argv[1:], standalone_mode=False)
heavy = {"rich", "docker", "dill", "numpy", "main"}
print(*sorted(heavy & {name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


LOOKS = [
    "list",
    "show HelloFlow:first",
    "show HelloFlow:first/Process",
    "show bad/Source/0",
    "logs HelloFlow:first",
    "artifact HelloFlow:first",
    "artifact HelloFlow:first/Source table",
    "graph paused",
    "graph paused --format dot",
    "plan main:HelloFlow bad",
    "config",
    "gc --dry-run --contents",
    "list --json",
    "--help",
    "show --help",
]
"""One of each."""


def on_terminal(seen: Seen, command: str, columns: int = 100, code: int = 0, **environ: str) -> str:
    """All that a command draws on a terminal of so many columns."""
    end, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    values = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    with subprocess.Popen(
        [*seen.script, *command.split()],
        cwd=seen.path,
        env={**values, "TERM": "xterm-256color", "PYTHONUTF8": "1", **environ},
        stdout=theirs,
        stderr=subprocess.STDOUT,
    ) as process:
        os.close(theirs)
        raw = b""
        try:
            while piece := os.read(end, 65536):
                raw += piece
        except OSError:  # EIO: nobody holds the other end any more
            pass
    os.close(end)
    assert process.returncode == code, raw
    return raw.decode().replace("\r\n", "\n")


def test_colour_is_for_terminals_that_have_it(seen: Seen) -> None:
    assert "\x1b[31m✗ failed\x1b[0m" in on_terminal(seen, "show bad")
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        drawn = on_terminal(seen, "show bad", **environ)
        assert "\x1b" not in drawn
        assert "✗ failed" in drawn
    assert "\x1b" not in seen.laminar("show", "bad").out


def test_forty_columns_keep_what_matters(seen: Seen) -> None:
    """Tables leave columns out, and what cannot be shorter goes on in the next line, as the terminal has it."""
    for command in LOOKS:
        on_terminal(seen, command, columns=40, NO_COLOR="1")
    for command in ("list", "show HelloFlow:first", "show HelloFlow:first/Process", "artifact HelloFlow:first"):
        drawn = on_terminal(seen, command, columns=40, NO_COLOR="1")
        tables = [line for line in drawn.splitlines() if re.search(r"[✓✗─]|^EXEC", line)]
        assert all(len(line) <= 40 for line in tables), drawn
    assert "bad-1" in on_terminal(seen, "list", columns=40)
    assert "bad-1" in on_terminal(seen, "gc --dry-run", columns=40)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("plan main:HelloFlow HelloFlow:first", 0),
        ("graph paused", 0),
        ("show bad/Source", 0),
        ("doctor", 0),
        ("show bad/Nope", 2),
        ("show no-such-execution", 2),
        ("schedule main:HelloFlow -p n=-1 --executor process --progress plain --datastore broken", 1),
    ],
)
@pytest.mark.parametrize("columns", [40, 60])
def test_sentences_are_broken_between_words(seen: Seen, command: str, code: int, columns: int) -> None:
    environ = {"NO_COLOR": "1", "LAMINAR_EXECUTER": "x", "LAMINAR_EXECUTOR": "process"}
    drawn = on_terminal(seen, command, columns, code, **environ).splitlines()
    assert "warning: LAMINAR_EXECUTER is not a" in "\n".join(drawn)
    for line in drawn:
        # Commands are to be pasted, and of a traceback nothing is broken; nor is a word that is longer than the room.
        whole = "laminar " in line or line.startswith(("  File ", "    raise "))
        assert whole or len(line) <= columns or len(line.split()[-1]) > columns - 30, line


def test_a_long_text_is_cut_before_columns_are_left_out(seen: Seen) -> None:
    whole = max(seen.laminar("artifact", "HelloFlow:first").out.splitlines(), key=len)
    assert whole.endswith("(first of 3 splits)")  # where there is no terminal, nothing is cut
    columns = len(whole) - 1
    assert f"{whole[: columns - 1]}…" in on_terminal(seen, "artifact HelloFlow:first", columns=columns).splitlines()


@pytest.mark.parametrize(
    "locale",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=str,
)
def test_a_stream_without_the_characters(seen: Seen, locale: dict[str, str]) -> None:
    for command in LOOKS:
        result = seen.laminar(*command.split(), **{"PYTHONUTF8": None, **locale})
        assert result.code == 0, result
        assert result.out.isascii()
    place = f"locale-{len(str(locale))}"
    arguments = ["schedule", "main:HelloFlow", "-p", "n=-1", "--executor", "process", "--datastore", place]
    failed = seen.laminar(*arguments, **{"PYTHONUTF8": None, **locale})
    failed.fails(1, "n is -1", users="ValueError")
    assert failed.err.isascii()


@pytest.mark.parametrize("environ", [{"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}], ids=str)
def test_where_python_makes_utf_8_of_the_locale_the_marks_are_shown(seen: Seen, environ: dict[str, str]) -> None:
    assert "✗ failed" in seen.laminar("list", **{"PYTHONUTF8": None, **environ}).out


@pytest.mark.parametrize("command", LOOKS)
def test_a_reader_that_leaves(seen: Seen, command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run([*seen.script, *command.split()], cwd=seen.path, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert process.returncode == 141
    assert not re.search(rb"Error|Traceback|BrokenPipe", process.stderr)


def test_what_a_layer_wrote_steers_no_terminal(seen: Seen) -> None:
    assert "\x1b[31mred" not in on_terminal(seen, "show OtherFlow:first/Only/0", NO_COLOR="1")
    assert "\x1b[31mred" not in on_terminal(seen, "artifact OtherFlow:first/Only", NO_COLOR="1")


def test_logs_are_the_bytes_that_were_printed(seen: Seen) -> None:
    result = subprocess.run(
        [*seen.script, "artifact", "HelloFlow:first/Source", "raw"], cwd=seen.path, capture_output=True
    )
    assert result.stdout == b"\x00\xff"
    seen.laminar("artifact", "HelloFlow:first/Source", "title", "--output", "title.txt")
    assert (seen.path / "title.txt").read_text() == "three parts"


@pytest.mark.parametrize(
    "command",
    ["list", "show HelloFlow:first", "show bad/Source/0", "logs bad", "artifact HelloFlow:first", "graph bad"],
)
def test_no_code_of_the_flow_and_no_heavy_module_is_imported(seen: Seen, command: str) -> None:
    result = seen.run(sys.executable, "-c", IMPORTED, *command.split())
    assert (result.code, result.err) == (0, "\n"), result


def test_shells_complete_addresses_and_targets(seen: Seen) -> None:
    def complete(words: str) -> set[str]:
        environ = {"_LAMINAR_COMPLETE": "bash_complete", "COMP_WORDS": words}
        # Where there is none, click prints an empty line.
        return {line.partition(",")[2] for line in seen.laminar(**environ).out.splitlines()}

    assert complete("laminar show ") == {"bad-1", "first", "paused", "latest"}
    assert complete("laminar show bad-1/S") == {"bad-1/Source"}
    assert complete("laminar resume bad-1 --rerun ") == {"Source", "Process", "Join", "Gate", "Report"}
    assert complete("laminar resume bad-1 --rerun Pro") == {"Process"}
    assert complete("laminar show OtherFlow:") == {"OtherFlow:first"}
    assert complete("laminar plan m") == {"main:HelloFlow", "main:OtherFlow", "main:PausedFlow"}
    assert complete("laminar show --datastore empty x") == {""}
    assert "show" in complete("laminar s")
