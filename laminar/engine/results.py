"""Reading results: a layer's artifacts in an execution, from any process, while it runs and after it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from laminar.engine.artifacts import Archive
from laminar.engine.ledger import Commit, Failure, Ledger
from laminar.model.configuration import Configuration
from laminar.model.layer import Layer, LayerT, bind


@dataclass(frozen=True)
class LayerState:
    """Where a layer stands in an execution.

    Attributes:
        finished: All its splits are committed.
        running: It has started, and is neither finished nor failed.
        failed: The latest attempt at one of its splits failed.
        error: What that attempt's process recorded.
    """

    finished: bool = False
    running: bool = False
    failed: bool = False
    error: Failure | None = None

    def __str__(self) -> str:
        return next((name for name in ("finished", "failed", "running") if getattr(self, name)), "waiting")


def layer_state(ledger: Ledger, layer: str) -> LayerState:
    """The state of a layer, read now."""
    splits = ledger.splits(layer)
    if splits is None:
        return LayerState()
    open_splits = [index for index in range(splits) if ledger.commit(layer, index) is None]
    if not open_splits:
        return LayerState(finished=True)
    for index in open_splits:
        attempts = ledger.attempts(layer, index)
        error = ledger.failure(layer, index, attempts[-1]) if attempts else None
        if error is not None:
            return LayerState(failed=True, error=error)
    return LayerState(running=True)


class Reader:
    """The context of a layer that has run: its artifacts, loaded when they are first read."""

    attempt = 1

    def __init__(self, ledger: Ledger, archive: Archive, layer: type[Layer], execution: Any, index: int = 0) -> None:
        self._ledger = ledger
        self._archive = archive
        self._layer = layer.__name__
        self._commit: Commit | None = None
        self.execution = execution
        self.configuration = Configuration()
        self.index = index

    @property
    def splits(self) -> int:
        """How many splits the layer has; 0 before that is known."""
        return self._ledger.splits(self._layer) or 0

    @property
    def state(self) -> LayerState:
        """The layer's state, read now."""
        return layer_state(self._ledger, self._layer)

    @property
    def scratch(self) -> str:
        """Nothing: it is gone."""
        raise AttributeError(f"{self._layer}.scratch is gone: it is there while an attempt runs")

    def assigned(self, name: str) -> None:
        """What a reader of results assigns stays with that reader."""

    def names(self) -> list[str]:
        """Names of the artifacts; none before the split is committed."""
        if self._commit is None:
            self._commit = self._ledger.commit(self._layer, self.index)
        return list(self._commit.artifacts) if self._commit else []

    def commit(self) -> Commit:
        """The result that this reads.

        Raises:
            AttributeError: There is none yet.
        """
        self.names()
        if self._commit is None:
            raise AttributeError(
                f"layer {self._layer} has not finished in execution {self._ledger.execution} (it is {self.state})"
            )
        return self._commit

    def read(self, name: str) -> Any:
        """The artifact of that name.

        Raises:
            AttributeError: The layer has not finished, or never set it.
            CorruptError: Its content is not what was saved.
        """
        artifacts = self.commit().artifacts
        if name not in artifacts:
            there = ", ".join(sorted(artifacts)) or "nothing"
            raise AttributeError(f"layer {self._layer} did not set {name!r}; it set: {there}")
        return self._archive.load(artifacts[name], name, self._layer)


def open_layer(layer: type[LayerT], reader: Reader) -> LayerT:
    """An instance of `layer` whose attributes are what the execution saved."""
    shadowed = [name for name in reader.names() if hasattr(layer, name)]
    if shadowed:
        # A saved artifact wins over a class attribute: a subclass of the same name reads these from the store as well.
        members = {name: _Saved(name) for name in shadowed}
        layer = type(layer.__name__, (layer,), {"__module__": layer.__module__, **members})
    return bind(layer, reader)


class _Saved:
    """An artifact in a class: loaded when read, and then kept in the instance, which wins over this."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Layer, owner: type[Layer]) -> Any:
        return Layer.__getattr__(instance, self._name)
