"""Evaluate one split: what an executor process does, and a thread of the thread executor."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from laminar.engine.accessor import Accessor
from laminar.engine.artifacts import Archive, Entry
from laminar.engine.current import evaluating
from laminar.engine.inputs import Inputs, read_from
from laminar.engine.ledger import Commit, Failure, Started
from laminar.engine.results import Reader
from laminar.engine.states import layer_state
from laminar.engine.termination import Terminated, committing
from laminar.engine.tracebacks import user_traceback
from laminar.engine.usage import Meter
from laminar.errors import CorruptError, InfrastructureError, LaminarError, LayerError, SkewError, StoreError, report
from laminar.model.configuration import Configuration
from laminar.model.graph import Node
from laminar.model.hooks import EXECUTION, Hook, Opened
from laminar.model.layer import Layer, bind
from laminar.model.wire import Task
from laminar.version import VERSIONS

_READ_ONLY = (
    "Files go to self.scratch, which is the attempt's own, or to a volume of the layer's Container. A project that is "
    "mounted, and all else in a hardened container, is read-only."
)


class LayerFailed(Exception):  # noqa: N818 - it carries a failure
    """The user's code failed; its exception is the cause."""


class Attempt:
    """The context of a layer while its hooks and its call run.

    Attributes:
        saved: Names of the attributes to save, in the order of their assignment.
        artifacts: What is saved already: shards.
        keeps: Whether what is assigned now is to be saved; not while hooks prepare the call.
    """

    def __init__(self, task: Task, configuration: Configuration, inputs: Inputs) -> None:
        self.index = task.index
        self.splits = task.splits
        self.attempt = task.attempt
        self.execution = inputs.execution
        self.saved: dict[str, None] = {}
        self.artifacts: dict[str, Entry] = {}
        self.keeps = True
        self._task = task
        self._inputs = inputs
        self._registered = configuration
        self._configuration: Configuration | None = None
        self._scratch = ""

    @property
    def configuration(self) -> Configuration:
        """How the attempt is run: a copy, made when it is first asked for, which hooks may change."""
        if self._configuration is None:
            self._configuration = self._registered.copy()
        return self._configuration

    @property
    def state(self) -> Any:
        """The layer's state, read now."""
        return layer_state(self._inputs.ledger, self._task.layer)

    @property
    def scratch(self) -> str:
        """A directory of this attempt, made when it is first asked for."""
        if not self._scratch:
            import tempfile  # paid by layers that use it

            self._scratch = tempfile.mkdtemp(prefix=f"laminar-{self._task.layer}-")
        return self._scratch

    def names(self) -> list[str]:
        """What has been set."""
        return sorted({*self.saved, *self.artifacts})

    def assigned(self, name: str) -> None:
        """An attribute was assigned."""
        if name.startswith("_"):
            return
        if self.keeps:
            self.saved[name] = None
            self.artifacts.pop(name, None)
        else:
            self.saved.pop(name, None)

    def shard(self, values: Mapping[str, Iterable[Any]]) -> dict[str, Any]:
        """Save artifacts item by item, now; the call may read them back like the layers that take them."""
        shards = {}
        for name, items in values.items():
            with _naming(name, self._task.layer):
                entry = self.artifacts[name] = self._inputs.archive.save_items(items)
            self.saved.pop(name, None)
            shards[name] = Accessor(self._inputs.archive, [entry], name, self._task.layer)
        return shards

    def read(self, name: str) -> Any:
        """Nothing has been set that is not an attribute."""
        there = ", ".join(self.names()) or "nothing"
        raise AttributeError(f"layer {self._task.layer} has not set {name!r}; it has set: {there}")

    def close(self) -> None:
        """Remove the scratch directory."""
        if self._scratch:
            import shutil

            shutil.rmtree(self._scratch, ignore_errors=True)


def evaluate(
    node: Node,
    task: Task,
    started: Started,
    inputs: Inputs,
    *,
    may_commit: Callable[[], bool] = lambda: True,
    put: Callable[[Task, Commit, int], bool] | None = None,
    code: str = "",
    meter: Meter | None = None,
) -> bool:
    """Call the layer, save what it assigned, and commit.

    Args:
        node: The layer.
        task: Which attempt at which split.
        started: How it was started.
        inputs: Makes what the call and its hooks take.
        may_commit: Asked just before the commit; false where the attempt was given up meanwhile.
        put: Takes the COMMIT instead of the ledger, to put it with others.
        code: Digest of the layer's code, for the record.
        meter: Measures what the attempt takes, for the record; it is read while what the layer left in its scratch is there.

    Returns:
        Whether this attempt's results are now the split's. False where another attempt's are: nothing has changed.

    Raises:
        LayerFailed: The user's code raised, or left something that cannot be saved.
        StoreError: The datastore refuses.
    """
    began = started.at or time.time()
    ledger = inputs.ledger
    if started.generation != ledger.generation(task.layer) or ledger.commit(task.layer, task.index) is not None:
        return False
    context = Attempt(task, started.configuration, inputs)
    layer = bind(node.layer, context)
    readers: dict[str, Reader] = {}
    caught = None
    try:
        with evaluating(task):
            call_layer(node, task, layer, context, inputs, readers)
    except LayerFailed as failed:
        if not (started.last and _catches(node, failed)):
            raise
        caught = failure_of(failed)._asdict()
        try:
            _save(layer, context, inputs.archive)
        except StoreError:
            raise
        except Exception:  # a protocol of the user's may raise anything
            raise failed from failed.__cause__  # the layer's own error is what its user must see
    finally:
        usage = meter.read() if meter else None
        context.close()
    commit = Commit(
        attempt=task.attempt,
        artifacts=context.artifacts,
        inputs={name: read for name, reader in readers.items() if (read := read_from(reader))},
        code=code,
        started=began,
        finished=time.time(),
        versions=VERSIONS,
        caught=caught,
        usage=usage,
    )
    with committing():
        return may_commit() and (put or ledger.put_commit)(task, commit, started.generation)


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
        remedy = _READ_ONLY if isinstance(cause, OSError) and cause.errno == errno.EROFS else ""
        return Failure("user", type(cause).__name__, _message(cause), remedy, user_traceback(cause))
    if isinstance(error, SkewError | CorruptError) or (
        isinstance(error, LaminarError) and not isinstance(error, InfrastructureError)
    ):
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


def call_layer(
    node: Node,
    task: Task,
    layer: Layer,
    context: Attempt,
    inputs: Inputs,
    readers: dict[str, Reader],
    instead: Mapping[str, Any] | None = None,
) -> None:
    """The call between the halves of its hooks, and all that it assigned, saved.

    Args:
        node: The layer.
        task: Which attempt at which split.
        layer: Is called.
        context: What the layer is bound to.
        inputs: Makes what the call and its hooks take.
        readers: Gets the readers of what the call takes.
        instead: Arguments of the call in place of its inputs.

    Raises:
        LayerFailed: The user's code raised, or left something that cannot be saved.
        StoreError: The datastore refuses.
    """
    pid = os.getpid()
    before: dict[str, Reader] = {}  # hooks see whole attributes, the call its split's elements

    def arguments_of(hook: Hook) -> dict[str, Any]:
        return inputs.arguments(hook.inputs, before)

    try:
        type(layer).__init__(layer)
        hooks = Opened(node.hooks_of(EXECUTION), arguments_of, layer)
        context.keeps = False
        with hooks:
            context.keeps = True
            elements = inputs.elements(task.layer, task.index) if node.configuration.foreach else None
            layer(**inputs.arguments(node.inputs, readers, elements) | dict(instead or {}))
            _save(layer, context, inputs.archive)
            hooks.close()
        _save(layer, context, inputs.archive)
    except (StoreError, Terminated):
        raise  # not the layer's doing
    except BaseException as error:
        raise LayerFailed from error
    finally:
        if os.getpid() != pid:
            os._exit(70)  # a child that the layer forked came back here: only the parent has results


def _save(layer: Layer, context: Attempt, archive: Archive) -> None:
    """Save what was assigned since the last time, and forget what was deleted since."""
    kept = vars(layer)
    for name in list(context.saved):
        del context.saved[name]
        if name in kept or _settable(layer, name):
            with _naming(name, layer.name):
                context.artifacts[name] = archive.save(kept[name] if name in kept else getattr(layer, name))
    for name in [name for name in context.artifacts if name not in kept and not _settable(layer, name)]:
        del context.artifacts[name]


def _settable(layer: Layer, name: str) -> bool:
    """Whether an attribute is kept by its class: a property that can be set."""
    return hasattr(getattr(type(layer), name, None), "__set__")


@contextmanager
def _naming(name: str, layer: str) -> Iterator[None]:
    """Have an error of saving say what could not be saved."""
    try:
        yield
    except LayerError as error:
        raise LayerError(f"artifact {name!r} of layer {layer}: {error.message}", remedy=error.remedy) from error
    except Exception as error:  # the user's own: of a protocol, or of what makes the items of a shard
        error.add_note(f"(raised while artifact {name!r} of layer {layer} was saved)")
        raise


def _catches(node: Node, failed: LayerFailed) -> bool:
    catch = node.configuration.catch
    return catch is not None and isinstance(failed.__cause__, catch.exceptions)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # a user's __str__
        return f"(its message cannot be shown: {type(broken).__name__})"
