"""The output of an executor process: the layer's log, and the process's own notice that it has committed."""

from __future__ import annotations

import os
from collections.abc import Iterable

from laminar.engine.executor import Job
from laminar.model.wire import COMMITTED

_PIECE = 65536


def follow(descriptor: int, job: Job, seen: int = 0) -> tuple[bytes, int]:
    """`pass_on` what comes out of `descriptor`, a pipe, until it is closed."""
    return pass_on(iter(lambda: os.read(descriptor, _PIECE), b""), job, seen)


def pass_on(pieces: Iterable[bytes], job: Job, seen: int = 0) -> tuple[bytes, int]:
    """Pass on what a process prints, the notice taken out.

    Args:
        pieces: The output, cut anywhere.
        job: Takes the output.
        seen: Bytes at the beginning that it has had before.

    Returns:
        The last 4 KiB or so, and how many bytes came.
    """
    held = last = b""
    noticed = False
    came = 0
    for piece in pieces:
        new = piece[max(0, seen - came) :]
        came += len(piece)
        data = held + new
        held = b""
        if not noticed:
            before, noticed_here, after = data.partition(COMMITTED)
            if noticed_here:
                noticed, data = True, before + after
                job.committed()
            else:
                data, held = _split_partial(data)
        if data:
            job.log(data)
            last = (last + data)[-4096:]
    if held:
        job.log(held)
    return last + held, came


def _split_partial(data: bytes) -> tuple[bytes, bytes]:
    """`data` before, and from, a beginning of the notice at its very end."""
    start = data.find(COMMITTED[:1], max(0, len(data) - len(COMMITTED) + 1))
    while start >= 0:
        if COMMITTED.startswith(data[start:]):
            return data[:start], data[start:]
        start = data.find(COMMITTED[:1], start + 1)
    return data, b""
