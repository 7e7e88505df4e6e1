"""What `laminar doctor` says of one thing it looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from laminar.errors import InfrastructureError, LaminarError
from laminar.model.configuration import Container

Status = Literal["ok", "warning", "error"]

MOST_SKEW_S = 2.0
"""Seconds by which two clocks may differ: times in records and logs are read to the second."""


@dataclass(frozen=True)
class Check:
    """What was found of one thing.

    Attributes:
        name: What was looked at, in a word.
        status: `warning` for what works and may surprise; `error` for what will not work.
        words: What was found.
        remedy: What to do about it; empty where nothing is to be done.
        exit_code: That of the error: 2 for what is written in the project, 3 for the world around it, 0 for none.
    """

    name: str
    status: Status
    words: str
    remedy: str = ""
    exit_code: int = 0


@dataclass(frozen=True)
class Subject:
    """What an executor is looked at for.

    Attributes:
        flow: The flow's name; empty where no flow is named, or it does not load.
        target: Its target; empty likewise.
        app_dir: The directory that it is relative to.
        store: The datastore's URL; a directory that may not be there yet.
        user: `UID:GID` of the datastore's owner, now or once there is one.
        containers: The container of each layer; that of a layer without a configuration where no flow is known.
    """

    flow: str
    target: str
    app_dir: str
    store: str
    user: str
    containers: Mapping[str, Container]


def failed(name: str, error: LaminarError | OSError) -> Check:
    """The check that ended with an error."""
    if isinstance(error, OSError):
        error = InfrastructureError(
            f"{error.filename or f'the {name} cannot be looked at'}: {error.strerror or error}.",
            remedy="Check that it is still there, and that this user may use it.",
        )
    return Check(name, "error", error.message, error.remedy, error.exit_code)


def attempt(name: str, look: Callable[[], Check]) -> Check:
    """What `look` finds, or the check that its error makes: nothing that is wrong with one thing hides the others."""
    try:
        return look()
    except (LaminarError, OSError) as error:
        return failed(name, error)


def skew(name: str, ahead_s: float, whose: str) -> Check:
    """Judge a clock that is `ahead_s` seconds ahead of this machine's."""
    if abs(ahead_s) <= MOST_SKEW_S:
        return Check(name, "ok", f"{whose} agrees with this machine's")
    way = "ahead of" if ahead_s > 0 else "behind"
    return Check(
        name,
        "warning",
        f"{whose} is {abs(ahead_s):.0f} s {way} this machine's: times in records and logs will not agree.",
        "Let both keep time by NTP (usually: timedatectl set-ntp true).",
    )
