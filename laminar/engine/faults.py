"""Places where a process that writes can be made to fail, to test what survives that. Off unless `LAMINAR_FAULT` is set.

    LAMINAR_FAULT=[WHO@]KIND.STAGE[#N]:ACTION[=SECONDS]

WHO is `scheduler` (when none is named), `executor` (each executor process), or one attempt as the datastore has it, such
as `B/0/1`. KIND is what is written, STAGE how far that has come; the N-th time counts, the first when no N is given.

    LAMINAR_FAULT=plan.in:kill                 the scheduler dies as it writes its first plan
    LAMINAR_FAULT=executor@commit.after:full   the disk of each executor process is full once its COMMIT is there
    LAMINAR_FAULT=B/0/1@blob.before:delay=2    the first attempt at B/0 waits 2 s before its first blob
"""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
import time
from collections.abc import MutableMapping
from typing import NamedTuple

from laminar.engine import layout
from laminar.errors import UsageError
from laminar.model.wire import Task

VARIABLE = "LAMINAR_FAULT"
"""Taken out of the environment before user code runs, as what tells an executor process its work."""

STAGES = {
    "before": "its bytes are staged at most; nothing else has been done",
    "in": "they are on disk, under no key yet; what is appended is in memory",
    "after": "it is there for all to read, but the writer does not know that yet",
}

ACTIONS = {
    "kill": "the process ends with SIGKILL",
    "raise": "an exception that nothing expects",
    "full": "the system says that the disk is full",
    "delay": "nothing happens for some seconds, 1 when none are given",
    "stop": "the process stands still until it gets SIGCONT",
}

POINTS = tuple(f"{kind}.{stage}" for kind in layout.KINDS for stage in STAGES)
"""All of them."""

_SCHEDULER = "scheduler"
_EXECUTOR = "executor"
_SPECIFICATION = (
    r"(?:(?P<who>[^@]+)@)?(?P<point>[^#:@]+)(?:#(?P<n>[1-9]\d*))?:(?P<action>[^=]+)(?:=(?P<s>\d+(\.\d+)?))?"
)


class Injected(Exception):  # noqa: N818 - it stands for any
    """What nobody expects."""


class Fault(NamedTuple):
    """What is to happen, where, and when.

    Attributes:
        who: The process.
        point: One of `POINTS`.
        action: One of `ACTIONS`.
        number: Which time that the point is reached.
        seconds: How long a delay lasts.
    """

    who: str
    point: str
    action: str
    number: int = 1
    seconds: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read what stands in the variable.

        Raises:
            UsageError: It names no fault.
        """
        found = re.fullmatch(_SPECIFICATION, text)
        if found is None or found["point"] not in POINTS or found["action"] not in ACTIONS:
            raise UsageError(
                f"{VARIABLE} is {text!r}, which names no fault.",
                remedy="It is for tests of laminar; take it out of the environment, or see laminar/engine/faults.py.",
            )
        who = found["who"] or _SCHEDULER
        return cls(who, found["point"], found["action"], int(found["n"] or 1), float(found["s"] or 1))


class _Armed:
    """A fault of this process, until it has happened."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._left = fault.number
        self._lock = threading.Lock()

    def reach(self, point: str) -> None:
        if point != self._fault.point:
            return
        with self._lock:
            self._left -= 1
            due = self._left == 0
        if not due:
            return
        if self._fault.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._fault.action == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self._fault.action == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        elif self._fault.action == "raise":
            raise Injected(point)
        else:
            time.sleep(self._fault.seconds)


_armed: _Armed | None = None
_theirs = ""


def arm_scheduler(environ: MutableMapping[str, str]) -> None:
    """Begin a launch: take its fault out of `environ`, if there is one, and keep it for its process."""
    global _armed, _theirs
    text = environ.pop(VARIABLE, "")
    fault = Fault.parse(text) if text else None
    own = fault is not None and fault.who == _SCHEDULER
    _armed = _Armed(fault) if fault and own else None
    _theirs = "" if own else text


def arm_executor(environ: MutableMapping[str, str], task: Task) -> None:
    """Begin an attempt: take its fault out of `environ`, if there is one."""
    global _armed
    if text := environ.pop(VARIABLE, ""):
        fault = Fault.parse(text)
        if fault.who in (_EXECUTOR, f"{task.address}/{task.attempt}"):
            _armed = _Armed(fault)


def environment() -> dict[str, str]:
    """What executor processes of this launch are told, which is nothing unless a test asks for it."""
    return {VARIABLE: _theirs} if _theirs else {}


def reach(key: str, stage: str) -> None:
    """A write of `key` has come to one of `STAGES`."""
    if _armed is not None:
        _armed.reach(f"{layout.kind(key)}.{stage}")
