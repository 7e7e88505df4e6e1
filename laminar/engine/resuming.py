"""Going on with an execution: how it was asked for, also when the program that began it is run again for that.

A chain of flows is in its program only: `flow().next(...)`. So what `python main.py` began, `laminar resume` goes on with by
running the program again, and says in a variable which execution its `flow()` is to resume.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from laminar.errors import UsageError

VARIABLE = "LAMINAR_RESUME"

_program: list[Resume] = []
_called: set[str] = set()


class Resume(NamedTuple):
    """How an execution is gone on with.

    Attributes:
        rerun: Layers to compute again, with all that depends on them.
        takeover: Do not wait to see whether another scheduler still has it.
        execution: Its id, where a program is run again.
        flow: The flow whose layers `rerun` names, where a program is run again.
        flags: Settings of the command that runs it.
        config: Its settings file.
    """

    rerun: Sequence[str] = ()
    takeover: bool = False
    execution: str = ""
    flow: str = ""
    flags: Mapping[str, Any] = {}
    config: str | None = None


def environment(resume: Resume) -> dict[str, str]:
    """The variable of the program that this process becomes, to go on with an execution."""
    return {VARIABLE: json.dumps({**resume._asdict(), "pid": os.getpid()})}


def asked(flow: str) -> Resume | None:
    """What this program was run again for, as far as it concerns `flow`; None where it is just run.

    Raises:
        UsageError: The program runs this flow a second time.
    """
    if not _program:
        return None
    resume = _program[0]
    if flow in _called:
        raise UsageError(
            f"this program runs flow {flow} more than once: it does not show which of them execution "
            f"{resume.execution!r} is.",
            remedy=f"Go on with it in Python: {flow}().execution({resume.execution!r}).resume()",
        )
    _called.add(flow)
    return resume if flow == resume.flow else resume._replace(rerun=())


def _take(environ: MutableMapping[str, str]) -> None:
    """Find out what this program was run again for; what it starts is not run again, and finds nothing."""
    with suppress(ValueError, TypeError, AttributeError):  # what is not of laminar's making says nothing
        told = json.loads(environ.pop(VARIABLE, "{}"))
        if told.pop("pid", None) == os.getpid():
            _program[:] = [Resume(**told)]
            atexit.register(_end, os.getpid())


def _end(pid: int) -> None:
    """The program ends. One that did not come to its flow has not gone on with the execution, however it ended."""
    (resume,) = _program
    raised = getattr(sys, "last_value", None) is not None  # then it has said what went wrong
    if resume.flow in _called or raised or os.getpid() != pid:
        return
    error = UsageError(
        f"the program {sys.argv[0]} ended and did not run flow {resume.flow}, so execution {resume.execution!r} was not "
        "gone on with.",
        remedy=f"Let it run {resume.flow}() as it did, or go on in Python: "
        f"{resume.flow}().execution({resume.execution!r}).resume()",
    )
    from laminar.engine.telling import tell_error

    _flush()
    tell_error(error)
    os._exit(error.exit_code)


def _flush() -> None:
    """Write what the program has in files that it left open, as Python does in the end; `os._exit` does not."""
    for each in gc.get_objects():
        if issubclass(type(each), io.IOBase):  # isinstance() asks objects that pose as others
            with suppress(Exception):  # it is closed, or nobody reads it any more
                if each.writable():
                    each.flush()


_take(os.environ)
