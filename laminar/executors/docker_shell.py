"""Run a container that people look around in, and leave none behind, however this process ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

_GUARD = """
import subprocess, sys, time
waits = [0] if sys.stdin.buffer.read() else [0] + 9 * [1]  # without a word, the engine may be about to start it
for wait in waits:
    time.sleep(wait)
    subprocess.run(["docker", "rm", "--force", sys.argv[1]])
"""
"""Waits for this process to say that the client has ended, or to be gone without a word. A client may just have detached."""


def run(command: Sequence[str], name: str) -> int:
    """Run a `docker run --rm` with this process's terminal, and return its exit code.

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
    code = subprocess.run(command).returncode
    interrupted = code < 0 or code == 128 + signal.SIGINT  # the client, maybe, while the engine made the container
    assert guard.stdin is not None
    with guard.stdin:
        guard.stdin.write(b"" if interrupted else b"ended")
    if not interrupted:
        guard.wait()  # what it does takes 20 ms where the container is gone
    return code if code >= 0 else 128 - code
