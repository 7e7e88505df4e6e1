"""Completion in real shells, as one types: a word is begun, Tab completes it, and the command that results is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.cli.conftest import Seen
from tests.conftest import TIMEOUT_S

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(_LAMINAR_COMPLETE=bash_source laminar)"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit && compinit -D -u; eval "$(_LAMINAR_COMPLETE=zsh_source laminar)"',
    ),
    "fish": (["fish", "--no-config", "-i"], "_LAMINAR_COMPLETE=fish_source laminar | source"),
}

TYPED = {
    # what is typed before Tab: a line that the command prints
    "laminar show ba": "target      main:HelloFlow",
    "laminar graph paus": "PausedFlow paused",
    "laminar graph main:Pa": "Page   after Pages; for each Pages.numbers",
    "laminar show OtherFlow:f": "OtherFlow first  ✓ finished",
    "laminar logs HelloFlow:first/So": "reading 3",
    "laminar conf": "max_parallel  -         default",
}

ON_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_completes_commands_targets_executions_and_layers(seen: Seen, shell: str) -> None:
    command, source = SHELLS[shell]
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {shell} on this machine")
    lines = ["stty cols 100 rows 50", source, *(f"{typed}\t" for typed in TYPED), "exit"]
    environ = {
        **os.environ,
        "PATH": f"{os.path.dirname(seen.script[0])}:{os.environ['PATH']}",
        "TERM": "xterm",
        "NO_COLOR": "1",
        "LANG": "C.UTF-8",
        "HOME": str(seen.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", ON_TERMINAL, *command],
        input="".join(f"{line}\n" for line in lines).encode(),
        cwd=seen.path,
        env=environ,
        stdout=subprocess.PIPE,
        timeout=TIMEOUT_S,
    )
    screen = done.stdout.decode()
    for typed, printed in TYPED.items():
        assert printed in screen, f"{typed}\n{screen}"
