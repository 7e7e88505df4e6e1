"""What the scheduler tells an executor process, and how: written and read here, in both directions.

An executor process is started as `laminar execute --layer NAME`; everything else about its work travels in `LAMINAR_*`
environment variables, each of which is also an option of `execute`.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

from laminar.errors import SkewError, UsageError
from laminar.model.names import class_name, execution_id
from laminar.version import WIRE_VERSION, __version__

LIFELINE = "LAMINAR_LIFELINE"
"""Names the descriptor of a pipe whose other end a local scheduler holds: the process ends when that end is gone."""

NOTICE = "LAMINAR_NOTICE"
"""Asks the process to print `COMMITTED` on its standard output once it has committed."""

IMAGE = "LAMINAR_IMAGE_NAME"
"""What the user calls the image that the process runs in, for messages."""

COMMITTED = b"\x1elaminar committed\x1e\n"
"""A hint that lets the scheduler go on before the process, and its container, have ended. It proves nothing: the scheduler
then looks for the completion marker."""


class Task(NamedTuple):
    """One attempt at one split: all that identifies the work of an executor process.

    Attributes:
        target: `module:attribute` or `path.py:attribute` of the flow.
        execution: Id of the execution.
        layer: Name of the layer.
        index: Which split, from 0.
        splits: Of how many.
        attempt: Which try, from 1.
        datastore: Where the datastore is, as the executor process sees it.
        fingerprint: Digest of the flow's code as the scheduler has it; empty for no comparison.
        wire: Version of this contract that the sender speaks.
    """

    target: str
    execution: str
    layer: str
    datastore: str
    index: int = 0  # type: ignore[assignment]  # the tuple's own is not missed
    splits: int = 1
    attempt: int = 1
    fingerprint: str = ""
    wire: int = WIRE_VERSION

    @property
    def address(self) -> str:
        """`LAYER/INDEX`, as logs and messages name the split."""
        return f"{self.layer}/{self.index}"


def variable(name: str) -> str:
    """The environment variable of a field of `Task`."""
    return f"LAMINAR_{name.upper()}"


HELP = {
    "layer": "Layer to evaluate.",
    "target": "Flow that has the layer: module:attribute or path.py:attribute.",
    "execution": "Execution that the layer is part of.",
    "datastore": "Datastore to read inputs from and write results to.",
    "index": "Which split of the layer to evaluate, from 0.",
    "splits": "How many splits the layer has.",
    "attempt": "Which try at this split it is, from 1.",
    "fingerprint": "Digest of the scheduler's code, to refuse other code.",
    "wire": "Version of the contract that the scheduler speaks.",
}
"""One line for each field of `Task`: the help of the option that sets it."""


def argv(task: Task) -> list[str]:
    """The command of an executor process."""
    return ["laminar", "execute", "--layer", task.layer]


def prompt_argv(code: str | None) -> list[str]:
    """The command of the process that `laminar shell` starts: to run `code`, or for a prompt where that is None."""
    return ["laminar", "inside", *([] if code is None else [f"--command={code}"])]


def environment(task: Task) -> dict[str, str]:
    """The variables of an executor process. The layer is among them for images that are started by `python main.py`."""
    return {variable(name): str(value) for name, value in task._asdict().items()}


def parse(values: Mapping[str, Any]) -> Task:
    """The task of these values (strings or numbers by the names of `Task`'s fields; absent or None for the default).

    Raises:
        SkewError: The sender speaks another version of this contract.
        UsageError: A value is missing or malformed.
    """
    given = {name: value for name, value in values.items() if value is not None}
    wire = _whole(given.get("wire", WIRE_VERSION), "wire", 0)
    if wire != WIRE_VERSION:
        older = "scheduler" if wire < WIRE_VERSION else "image"
        raise SkewError(
            f"the scheduler speaks wire version {wire}, laminar {__version__} in this process speaks {WIRE_VERSION}.",
            remedy=f"Upgrade laminar in the {older}, the older of the two, so that both hold the same version.",
        )
    for name in ("layer", "target", "execution", "datastore"):
        if not given.get(name):
            raise UsageError(f"no {name} is given.", remedy=f"Set {variable(name)}, or type --{name}.")
    task = Task(
        target=given["target"],
        execution=execution_id(given["execution"]),
        layer=class_name(given["layer"]),
        datastore=given["datastore"],
        index=_whole(given.get("index", 0), "index", 0),
        splits=_whole(given.get("splits", 1), "splits", 1),
        attempt=_whole(given.get("attempt", 1), "attempt", 1),
        fingerprint=given.get("fingerprint", ""),
    )
    if task.index >= task.splits:
        raise UsageError(
            f"index {task.index} is not one of {task.splits} splits.",
            remedy="Splits are counted from 0: 0 to splits - 1.",
        )
    return task


def take(environ: MutableMapping[str, str]) -> Mapping[str, str]:
    """The fields found in `environ`, taken out of it, so that no process that user code starts mistakes them for its own."""
    found = {name: environ.pop(variable(name), None) for name in Task._fields}
    return {name: value for name, value in found.items() if value is not None}


_TOO_MANY = 10**18
"""What counts something is less, also in names of the datastore."""


def _whole(value: Any, name: str, least: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if not least <= number < _TOO_MANY:
        text = repr(value)
        text = text if len(text) < 100 else f"{text[:100]}…"
        raise UsageError(f"invalid {name} {text}.", remedy=f"Give a whole number, {least} at least.")
    return number
