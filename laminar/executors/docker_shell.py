"""Run a container that people look around in, and leave none behind, however this process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import IO

from laminar.engine.executor import Visit
from laminar.engine.telling import tell_error
from laminar.errors import LaminarError
from laminar.executors.docker_exit import NOT_RUN, no_program, shell_error

_GUARD = """
import subprocess, sys, time
waits = [0] if sys.stdin.buffer.read() else [0] + 9 * [1]  # without a word, the engine may be about to start it
for wait in waits:
    time.sleep(wait)
    subprocess.run(["docker", "rm", "--force", "--volumes", sys.argv[1]])
"""
"""Waits for this process to say that the client has ended, or to be gone without a word. A client may just have detached."""

_REFUSALS = (b"docker: ", b"[FATAL tini (")
"""How the client and the init begin to say why they ran nothing; then nothing else has been written before."""


_KILLED = 137
_MISSING = 3
_IS_THERE = f'command -v -- "$0" > /dev/null || exit {_MISSING}'


def shell(visit: Visit, command: Callable[[Visit, str], list[str]]) -> int:
    """Open a shell in a container, and return the exit code of what ran there.

    Args:
        visit: What to run.
        command: The argument list for that, in a container of a name.

    Raises:
        UsageError: The image has no such program.
        EngineError: The container cannot be started.
    """

    def run_here(visit: Visit) -> tuple[int, str]:
        name = f"laminar-shell-{os.urandom(6).hex()}"
        return run(command(visit, name), name)

    layer, container = visit.task.layer, visit.configuration.container
    code, refusal = run_here(visit)
    if error := shell_error(code, refusal, visit):
        raise error
    if visit.terminal and not visit.own and code in NOT_RUN:
        # On a terminal, the init's words and the program's are one: so it is asked which of them it was.
        asked, _ = run_here(visit._replace(argv=["sh", "-c", _IS_THERE, visit.argv[0]], terminal=False))
        if asked == _MISSING:
            raise no_program(visit.argv[0], "it is not there, or may not be run", layer)
    if code == _KILLED:
        killed = LaminarError(
            f"the container was killed, as one is that needs more than its {container.memory} MiB of memory.",
            remedy=f"Look at less of it at one time. Or raise container.memory of layer {layer} and resume the execution: a "
            "shell has what its attempt had.",
        )
        tell_error(killed)
    return code


def run(command: Sequence[str], name: str) -> tuple[int, str]:
    """Run a `docker run --rm` with this process's terminal; return its exit code, and what may say why it ran nothing.

    A terminal that is closed, or a kill, ends this process and the docker client, and may leave the container: the engine
    does not end what was attached to a terminal. So another process waits for the end of this one, in a session of its own.

    Args:
        command: The argument list.
        name: Of the container.
    """
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _GUARD, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with subprocess.Popen(command, stderr=subprocess.PIPE, bufsize=0) as client:
        assert client.stderr is not None
        refusal = _pass_on(client.stderr)
    code = client.returncode
    interrupted = code < 0 or code == 128 + signal.SIGINT  # the client, maybe, while the engine made the container
    assert guard.stdin is not None
    with guard.stdin:
        guard.stdin.write(b"" if interrupted else b"ended")
    if not interrupted:
        guard.wait()  # what it does takes 20 ms where the container is gone
    return code if code >= 0 else 128 - code, refusal


def _pass_on(stream: IO[bytes]) -> str:
    """Copy what is written to standard error; what begins as a refusal does is returned instead."""
    piece = stream.read(65536)
    if piece.startswith(_REFUSALS):
        return (piece + b"".join(iter(lambda: stream.read(65536), b""))).decode(errors="replace")
    while piece:
        sys.stderr.buffer.write(piece)
        sys.stderr.flush()
        piece = stream.read(65536)
    return ""
