"""How a container ended, in words, from what the client and the engine say of it."""

from __future__ import annotations

import re
import sys

from laminar.engine.executor import Exit, Job, Visit
from laminar.errors import EngineError, LaminarError, UsageError
from laminar.executors.docker_engine import State
from laminar.executors.docker_image import no_laminar

_INIT = re.compile(r"^\[FATAL tini \(\d+\)\] exec (.+) failed: (.+)$", re.MULTILINE)
"""What the engine's init says where it cannot run the command."""

NOT_RUN = (126, 127)
"""Exit codes of what could not be run, and was not found; of a shell that was told such a command, too."""

_NOT_FOUND = re.compile(
    r'exec: "(.+?)": (executable file not found in \$PATH|.*no such file or directory|permission denied)'
)
"""What the engine says of that itself."""


def exit_of(code: int, state: State | None, last: str, job: Job) -> Exit:
    """How the attempt ended, from the client's exit code and the engine's state of the container."""
    if state is None:
        # 125, or 126 and 127 where the engine's words remind the client of a command that it did not find.
        refused = code == 125 or (code in NOT_RUN and "Error response from daemon" in last)
        return Exit(error=_start_error(last, job)) if refused and "Cannot connect" not in last else Exit(vanished=True)
    if state.status == "created" and not (state.error or last.strip()):
        return Exit(vanished=True)  # the client was ended between making and starting it
    if state.status == "created":
        return Exit(code=state.code, error=_start_error(state.error or last, job))
    if state.code in NOT_RUN and (init := _INIT.search(last)):
        return Exit(code=state.code, error=_no_command(init.group(1), init.group(2), job))
    return Exit(code=state.code, oom=state.oom)


def shell_error(code: int, refusal: str, visit: Visit) -> LaminarError | None:
    """Why a shell could not be opened, from what the client or the init said in its place; None where it was."""
    layer = visit.task.layer
    if code in NOT_RUN and (found := _INIT.search(refusal)):
        return (
            no_laminar(f"the image of layer {layer}") if visit.own else no_program(visit.argv[0], found.group(2), layer)
        )
    # 125; or another, where the engine's words remind the client of a command that it did not find.
    if code not in (125, *NOT_RUN) or "'docker run --help'" not in refusal:
        sys.stderr.write(refusal)  # a program's own words
        return None
    return EngineError(
        f"a container like that of {visit.task.address} cannot be started: {_said(refusal)}",
        remedy=f"Check the Container of layer {layer}, or open a shell on this machine: --executor process.",
    )


def no_program(program: str, reason: str, layer: str) -> UsageError:
    """What was typed is nothing that the image can run."""
    return UsageError(
        f"the image of layer {layer} cannot run {program!r}: {reason}.", remedy="Name a program that it has: -- sh"
    )


def _start_error(said: str, job: Job) -> EngineError:
    """Why a container could not be started, in words."""
    return EngineError(
        f"the container of {job.task.address} cannot be started: {_said(said)}",
        remedy=f"Check the Container of layer {job.task.layer}.",
    )


def _said(said: str) -> str:
    """What the engine said, in one line, without what the client says around it."""
    message = re.sub(r"\s+", " ", said.split("docker: ")[-1].split("Run 'docker run --help'")[0]).strip()
    return message.removeprefix("Error response from daemon: ")


def _no_command(command: str, reason: str, job: Job) -> EngineError:
    where = f"the image of layer {job.task.layer}"
    if command == "laminar" and "No such file" in reason:
        return no_laminar(where)
    return EngineError(
        f"{where} cannot run {command!r}: {reason}.",
        remedy="Correct container.command, or install the command in the image.",
    )
