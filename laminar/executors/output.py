"""The output of an executor process: the layer's log, and the process's own notice that it has committed."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
from collections.abc import Iterable, Iterator

from laminar.engine.executor import Job
from laminar.model.wire import COMMITTED

_PIECE = 65536


def until_closed(descriptor: int) -> Iterator[bytes]:
    """What comes out of a pipe."""
    while piece := os.read(descriptor, _PIECE):
        yield piece


def until_ended(descriptor: int, ended: int) -> Iterator[bytes]:
    """What a process has written to a pipe, which what it has left running may hold open for longer.

    Args:
        descriptor: The pipe.
        ended: Can be read once the process has ended: what it has written is in the pipe by then.
    """
    either = select.poll()
    for each in (descriptor, ended):
        either.register(each, select.POLLIN)
    while ended not in dict(either.poll()):
        if not (piece := os.read(descriptor, _PIECE)):
            return
        yield piece
    (left,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))
    while left and (piece := os.read(descriptor, min(left, _PIECE))):
        left -= len(piece)
        yield piece


def follow(output: Iterable[bytes], job: Job, seen: int = 0) -> tuple[bytes, int]:
    """Pass on the output of a process, the notice taken out.

    Args:
        output: The pieces in which it comes.
        job: Takes the output.
        seen: Bytes at the beginning that it has had before.

    Returns:
        The last 4 KiB or so, and how many bytes came.
    """
    held = last = b""
    noticed = False
    came = 0
    for piece in output:
        new = piece[max(0, seen - came) :]
        came += len(piece)
        data = held + new
        held = b""
        if not noticed:
            before, noticed_here, after = data.partition(COMMITTED)
            if noticed_here:
                noticed = True
                if before:  # which comes before what it says
                    job.log(before)
                    last = (last + before)[-4096:]
                job.committed()
                data = after
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
