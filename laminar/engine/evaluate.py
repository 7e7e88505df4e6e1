"""Evaluate one split: what an executor process does, and a thread of the thread executor."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from laminar.engine.artifacts import Archive, Entry
from laminar.engine.ledger import Commit, Failure, Ledger
from laminar.engine.results import Reader, layer_state, open_layer
from laminar.engine.tracebacks import user_traceback
from laminar.errors import InfrastructureError, LaminarError, LayerError, SkewError, report
from laminar.model.configuration import Configuration
from laminar.model.graph import Node
from laminar.model.layer import Layer, bind
from laminar.model.wire import Task
from laminar.version import __version__


class LayerFailed(Exception):  # noqa: N818 - it carries a failure
    """The user's code failed; its exception is the cause."""


class _Attempt:
    """The context of a layer while it is evaluated."""

    def __init__(self, task: Task, configuration: Configuration, ledger: Ledger, execution: Any) -> None:
        self.index = task.index
        self.splits = task.splits
        self.attempt = task.attempt
        self.configuration = configuration
        self.execution = execution
        self.saved: dict[str, None] = {}
        self._task = task
        self._ledger = ledger
        self._scratch = ""

    @property
    def state(self) -> Any:
        return layer_state(self._ledger, self._task.layer)

    @property
    def scratch(self) -> str:
        if not self._scratch:
            import tempfile  # paid by layers that use it

            self._scratch = tempfile.mkdtemp(prefix=f"laminar-{self._task.layer}-")
        return self._scratch

    def assigned(self, name: str) -> None:
        if not name.startswith("_"):
            self.saved[name] = None

    def read(self, name: str) -> Any:
        there = ", ".join(sorted(self.saved)) or "nothing"
        raise AttributeError(f"layer {self._task.layer} has not set {name!r}; it has set: {there}")

    def close(self) -> None:
        if self._scratch:
            import shutil

            shutil.rmtree(self._scratch, ignore_errors=True)


def evaluate(
    node: Node,
    task: Task,
    *,
    configuration: Configuration,
    ledger: Ledger,
    archive: Archive,
    execution: Any,
    parameters: Callable[[], Mapping[str, Any]],
    may_commit: Callable[[], bool] = lambda: True,
    code: str = "",
) -> bool:
    """Call the layer, save what it assigned, and commit.

    Args:
        node: The layer.
        task: Which attempt at which split.
        configuration: How it is run, after all hooks.
        ledger: The records of the execution.
        archive: Its artifacts.
        execution: What `self.execution` shows.
        parameters: Reads the execution's parameters; called only for a layer that takes them.
        may_commit: Asked just before the commit; false where the attempt was given up meanwhile.
        code: Digest of the layer's code, for the record.

    Returns:
        Whether this attempt's results are now the split's. False where another attempt's are: nothing has changed.

    Raises:
        LayerFailed: The user's code raised, or left something that cannot be saved.
        StoreError: The datastore refuses.
    """
    started = time.time()
    pid = os.getpid()
    if ledger.commit(task.layer, task.index) is not None:
        return False
    context = _Attempt(task, configuration, ledger, execution)
    layer = bind(node.layer, context)
    readers: dict[str, Reader] = {}
    try:
        arguments = _arguments(node, readers, ledger, archive, execution, parameters)
        _call(layer, arguments, pid)
        artifacts = _save(layer, context.saved, archive)
    finally:
        context.close()
    commit = Commit(
        attempt=task.attempt,
        artifacts=artifacts,
        inputs={name: reader.commit().checksum for name, reader in readers.items()},
        code=code,
        started=started,
        finished=time.time(),
        versions={"laminar": __version__, "python": sys.version.split(maxsplit=1)[0]},
    )
    return may_commit() and ledger.put_commit(task, commit)


def failure_of(error: BaseException) -> Failure:
    """The record of an attempt that ended with `error`."""
    if isinstance(error, LayerFailed):
        cause = error.__cause__
        assert cause is not None
        if isinstance(cause, SystemExit):
            said = f"the layer called sys.exit({cause.code!r})"
            return Failure(
                "user", "SystemExit", said, "Return from __call__, or raise an error.", user_traceback(cause)
            )
        if isinstance(cause, LayerError):
            return Failure("refused", type(cause).__name__, cause.message, cause.remedy, cause.details)
        return Failure("user", type(cause).__name__, _message(cause), "", user_traceback(cause))
    if isinstance(error, SkewError) or (isinstance(error, LaminarError) and not isinstance(error, InfrastructureError)):
        return Failure("refused", type(error).__name__, error.message, error.remedy, error.details)
    if isinstance(error, LaminarError):
        return Failure("infrastructure", type(error).__name__, error.message, error.remedy, error.details)
    words = f"{type(error).__name__}: {_message(error)}"
    return Failure("infrastructure", type(error).__name__, words, "", user_traceback(error))


def words_of(failure: Failure) -> str:
    """What the process of a failed attempt prints last, into its log."""
    if failure.kind == "user":
        return failure.traceback or f"{failure.error}: {failure.message}"
    return report(LaminarError(failure.message, remedy=failure.remedy, details=failure.traceback))


def _arguments(
    node: Node,
    readers: dict[str, Reader],
    ledger: Ledger,
    archive: Archive,
    execution: Any,
    parameters: Callable[[], Mapping[str, Any]],
) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    for name, kind in node.inputs.items():
        if issubclass(kind, Layer):
            reader = readers.setdefault(kind.__name__, Reader(ledger, archive, kind, execution))
            arguments[name] = open_layer(kind, reader)
        else:
            arguments[name] = kind(**parameters())
    return arguments


def _call(layer: Layer, arguments: Mapping[str, Any], pid: int) -> None:
    try:
        type(layer).__init__(layer)
        layer(**arguments)
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        raise LayerFailed from error
    finally:
        if os.getpid() != pid:
            os._exit(70)  # a child that the layer forked came back here: only the parent has results


def _save(layer: Layer, saved: Mapping[str, None], archive: Archive) -> dict[str, Entry]:
    artifacts = {}
    for name in saved:
        if name not in vars(layer):
            continue  # deleted again
        try:
            artifacts[name] = archive.save(vars(layer)[name])
        except LayerError as error:
            wrong = LayerError(f"artifact {name!r} of layer {layer.name}: {error.message}", remedy=error.remedy)
            raise LayerFailed from wrong
    return artifacts


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # a user's __str__
        return f"(its message cannot be shown: {type(broken).__name__})"
