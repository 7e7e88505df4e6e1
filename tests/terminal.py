"""A person at a terminal: a command that runs on a pseudo-terminal of its own, what it shows, and what is typed."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.conftest import TIMEOUT_S

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs a command in a session of which the pseudo-terminal is the controlling one, so that Ctrl-C and hanging up work.

    Attributes:
        pid: Of the command.
    """

    def __init__(self, command: Sequence[str], directory: Path, **environ: str) -> None:
        self._end, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        values = {
            name: value for name, value in os.environ.items() if not name.startswith(("LAMINAR_", "COLUMNS", "CI"))
        }
        self._process = subprocess.Popen(
            # Whoever runs the tests may ignore hang-ups, as nohup does, and have them ignored by all below.
            ["setsid", "--ctty", "env", "--default-signal=HUP", *command],
            cwd=directory,
            env={**values, "TERM": "xterm", "PYTHONUTF8": "1", "LANG": "C.UTF-8", **environ},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.pid = self._process.pid
        self.shown = ""
        self._read = 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def type(self, text: str) -> None:
        """Type it."""
        os.write(self._end, text.encode())

    def until(self, pattern: str) -> str:
        """What is shown from where the last one ended, to the end of the first match of this pattern."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (found := re.compile(pattern).search(self.shown, self._read)):
            assert self._more(deadline), f"no {pattern!r} in:\n{self.shown[self._read :]}"
        begun, self._read = self._read, found.end()
        return self.shown[begun : self._read]

    def end(self) -> int:
        """Wait for the end of the command; its exit code."""
        deadline = time.monotonic() + TIMEOUT_S
        while self._more(deadline):
            pass
        return self._process.wait(TIMEOUT_S)

    def hang_up(self) -> None:
        """Close the terminal."""
        if self._end >= 0:
            os.close(self._end)
            self._end = -1

    def _more(self, deadline: float) -> bool:
        """Read what there is; false where nobody holds the other end any more."""
        ready, _, _ = select.select([self._end], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"nothing more in {TIMEOUT_S} s after:\n{self.shown[self._read :]}"
        try:
            piece = os.read(self._end, 65536)
        except OSError:  # EIO
            return False
        self.shown += _ESCAPE.sub("", piece.decode("utf-8", "ignore")).replace("\r\n", "\n")
        return bool(piece)
