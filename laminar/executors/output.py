"""The output of an executor process: the layer's log, and the process's own notice that it has committed."""

from __future__ import annotations

import os

from laminar.engine.executor import Job
from laminar.model.wire import COMMITTED

_PIECE = 65536


def follow(descriptor: int, job: Job) -> bytes:
    """Pass on what comes out of `descriptor` until it is closed, the notice taken out; returns the last 4 KiB or so."""
    held = last = b""
    noticed = False
    while piece := os.read(descriptor, _PIECE):
        data = held + piece
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
    return last + held


def _split_partial(data: bytes) -> tuple[bytes, bytes]:
    """`data` before, and from, a beginning of the notice at its very end."""
    start = data.rfind(COMMITTED[:1], -len(COMMITTED))
    if start >= 0 and COMMITTED.startswith(data[start:]):
        return data[:start], data[start:]
    return data, b""
