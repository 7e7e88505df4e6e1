"""A shell where there are no containers: an interpreter of its own, whatever evaluates the layers."""

from __future__ import annotations

import os
import subprocess
import sys

from laminar.engine.executor import Launch, Visit
from laminar.errors import UsageError
from laminar.model import wire


def run(visit: Visit, launch: Launch) -> int:
    """Run it in the directory and with the variables of the layer, and return its exit code.

    A prompt ends when this process has gone, by a pipe of which it holds the other end.

    Raises:
        UsageError: There is no such program.
    """
    environ = {**os.environ, **visit.configuration.container.env}
    reader, writer = os.pipe()
    argv = list(visit.argv)
    if visit.own:
        argv = [sys.executable, "-m", *argv]
        environ |= {**wire.environment(visit.task), wire.LIFELINE: str(reader)}
    try:
        code = subprocess.run(argv, env=environ, cwd=launch.app_dir, pass_fds=(reader,)).returncode
    except OSError as error:
        raise UsageError(
            f"{argv[0]} cannot be run here: {error.strerror}.",
            remedy="Name a program of this machine, such as: -- bash",
        ) from None
    finally:
        os.close(reader)
        os.close(writer)
    return code if code >= 0 else 128 - code
