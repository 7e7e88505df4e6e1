"""How a container ended, in words, from what the client and the engine say of it."""

from __future__ import annotations

import re

from laminar.engine.executor import Exit, Job
from laminar.errors import EngineError
from laminar.executors.docker_engine import State
from laminar.executors.docker_image import no_laminar

_INIT = re.compile(r"^\[FATAL tini \(\d+\)\] exec (.+) failed: (.+)$", re.MULTILINE)
"""What the engine's init says where it cannot run the command."""


def exit_of(code: int, state: State | None, last: str, job: Job) -> Exit:
    """How the attempt ended, from the client's exit code and the engine's state of the container."""
    if state is None:
        # 125, or 126 and 127 where the engine's words remind the client of a command that it did not find.
        refused = code == 125 or (code in (126, 127) and "Error response from daemon" in last)
        return Exit(error=_start_error(last, job)) if refused and "Cannot connect" not in last else Exit(vanished=True)
    if state.status == "created" and not (state.error or last.strip()):
        return Exit(vanished=True)  # the client was ended between making and starting it
    if state.status == "created":
        return Exit(code=state.code, error=_start_error(state.error or last, job))
    if state.code in (126, 127) and (init := _INIT.search(last)):
        return Exit(code=state.code, error=_no_command(init.group(1), init.group(2), job))
    return Exit(code=state.code, oom=state.oom)


def _start_error(said: str, job: Job) -> EngineError:
    """Why a container could not be started, in words."""
    message = re.sub(r"\s+", " ", said.split("docker: ")[-1].split("Run 'docker run --help'")[0]).strip()
    message = message.removeprefix("Error response from daemon: ")
    return EngineError(
        f"the container of {job.task.address} cannot be started: {message}",
        remedy=f"Check the Container of layer {job.task.layer}.",
    )


def _no_command(command: str, reason: str, job: Job) -> EngineError:
    where = f"the image of layer {job.task.layer}"
    if command == "laminar" and "No such file" in reason:
        return no_laminar(where)
    return EngineError(
        f"{where} cannot run {command!r}: {reason}.",
        remedy="Correct container.command, or install the command in the image.",
    )
