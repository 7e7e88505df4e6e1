"""What a user may do with files, by their mode bits: for users that this process is not."""

from __future__ import annotations

import os
from collections.abc import Collection

READ, WRITE, ENTER = 4, 2, 1

_MOST_FILES = 20_000
_MOST_NAMED = 5


def allows(status: os.stat_result, uid: int, gids: Collection[int], bits: int, *, root_may: bool = True) -> bool:
    """Whether a user may do all of `bits` with a file of that status; root may where it has its capabilities."""
    if uid == 0 and root_may:
        return True
    shift = 6 if status.st_uid == uid else 3 if status.st_gid in gids else 0
    return (status.st_mode >> shift) & bits == bits


def unreadable(folder: str, uid: int, gids: Collection[int], *, root_may: bool = True) -> list[str]:
    """Some of the files and directories below `folder` that a user cannot read, as paths relative to it.

    Looks at 20,000 files at most and names five; the default datastore in it is not looked at.
    """
    found: list[str] = []
    seen = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in (".laminar", ".git", ".venv")]
        for name, bits in [*((name, READ) for name in files), *((name, READ | ENTER) for name in folders)]:
            path = os.path.join(place, name)
            try:
                readable = allows(os.stat(path), uid, gids, bits, root_may=root_may)
            except OSError:
                continue  # a dangling link, or gone meanwhile
            if not readable:
                found.append(os.path.relpath(path, folder))
        seen += len(files)
        if seen > _MOST_FILES or len(found) >= _MOST_NAMED:
            break
    return sorted(found)[:_MOST_NAMED]
