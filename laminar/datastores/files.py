"""What the file system says, in laminar's words: each error with its remedy, and none taken for "absent"."""

from __future__ import annotations

import errno
import os

from laminar.errors import StoreError


def unless_absent(error: OSError) -> None:
    """What cannot be listed is not taken for empty, unless it is certainly not there."""
    if not isinstance(error, FileNotFoundError):
        raise store_error("list", error.filename, error) from error


def is_there(path: str) -> bool:
    """What cannot be looked at is not taken for absent."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise store_error("read", path, error) from error
    return True


def store_error(verb: str, path: str, error: OSError) -> StoreError:
    """The error of what could not be done to a path."""
    remedies = {
        "EACCES": "Give this user the directory (chown or chmod), or name another one with --datastore.",
        "EPERM": "Give this user the directory (chown or chmod), or name another one with --datastore.",
        "ENOLCK": "The file system has no locks: nothing is removed from it.",
        "EOPNOTSUPP": "The file system has no locks: nothing is removed from it.",
        "ENOTSUP": "The file system has no locks: nothing is removed from it.",
        "EROFS": "The file system is read-only: name a directory elsewhere with --datastore.",
        "ENOSPC": "The disk is full: free some space (laminar's blobs are in cas/), then start again.",
        "EDQUOT": "The disk quota is used up: free some space, then start again.",
    }
    name = errno.errorcode.get(error.errno or 0, "")
    return StoreError(
        f"cannot {verb} {path}: {os.strerror(error.errno or 0)}.",
        remedy=remedies.get(name, "Check the datastore's directory, or name another one with --datastore."),
    )
