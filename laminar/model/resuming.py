"""Going on with an execution: how it was asked for, also when the program that began it is run again for that.

A chain of flows is in its program only: `flow().next(...)`. So what `python main.py` began, `laminar resume` goes on with by
running the program again, and says in a variable which execution its `flow()` is to resume.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
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
    """The variable of a program that is run again."""
    return {VARIABLE: json.dumps(resume._asdict())}


def asked(environ: MutableMapping[str, str], flow: str) -> Resume | None:
    """What this program was run again for, as far as it concerns `flow`; None where it is just run.

    Raises:
        UsageError: The program runs this flow a second time.
    """
    if text := environ.pop(VARIABLE, ""):  # what this program starts is not run again
        _program[:] = [Resume(**json.loads(text))]
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
