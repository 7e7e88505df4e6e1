"""Writing a file so that it is there whole, or as it was before."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from laminar.errors import InfrastructureError, UsageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def write(data: bytes, path: str) -> None:
    """Put `data` into the file `path`, in place of what it held. A pipe or a device is written to as it is.

    Raises:
        UsageError: No such file can be written.
        InfrastructureError: The disk is full, or broken.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            with open(path, "wb") as file:  # of a directory, an error
                file.write(data)
        else:
            _replace(data, os.path.realpath(path))  # a link stays one
    except BrokenPipeError:
        raise
    except OSError as error:
        words = f"{path} cannot be written: {error.strerror}."
        if error.errno in _FULL:
            raise InfrastructureError(
                words, remedy="Free some space, or name a file on another disk: -o FILE."
            ) from None
        raise UsageError(words, remedy="Name another file: -o FILE, or - for stdout.") from None


def _replace(data: bytes, path: str) -> None:
    beside = os.path.join(os.path.dirname(path), f".laminar-{os.urandom(8).hex()}")
    try:
        with open(beside, "xb") as file:
            with suppress(OSError):  # as it was, where there was one: who may not read that may not read this
                os.fchmod(file.fileno(), os.stat(path).st_mode & 0o777)
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
