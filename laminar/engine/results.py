"""Reading results: a layer's artifacts in an execution, from any process, while it runs and after it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from laminar.engine.accessor import Accessor
from laminar.engine.artifacts import Archive, Entry
from laminar.engine.ledger import Commit, Ledger, Plan
from laminar.engine.states import LayerState, layer_state
from laminar.model.configuration import Configuration
from laminar.model.grid import Element
from laminar.model.layer import Layer, LayerT, artifact, bind
from laminar.model.wire import Task


class NotSetError(AttributeError):
    """A layer finished without setting the attribute, in any of its splits."""


class Reader:
    """The context of a layer that has run: its artifacts, loaded when they are first read.

    Args:
        ledger: The records of the execution.
        archive: Its artifacts.
        layer: Name of the layer.
        execution: What the layer shows as `execution`.
        index: Which split to read; None for the whole layer.
        elements: Attribute -> the element that stands for it, in the call of a ForEach layer.
        registered: The layer's configuration before hooks.
    """

    def __init__(
        self,
        ledger: Ledger,
        archive: Archive,
        layer: str,
        execution: Any,
        index: int | None = None,
        elements: Mapping[str, Element] | None = None,
        registered: Configuration | None = None,
    ) -> None:
        self._ledger = ledger
        self._archive = archive
        self._layer = layer
        self._index = index
        self._elements = elements or {}
        self._known: Plan | None = None
        self._commits: dict[int, Commit] = {}
        self.execution = execution
        self._registered = registered

    @property
    def attempt(self) -> int:
        """The attempt that made the result; 1 before there is one."""
        commit = self._ledger.commit(self._layer, self.index)
        return commit.attempt if commit else 1

    @property
    def configuration(self) -> Configuration:
        """How that attempt was run."""
        place = Task(layer=self._layer, index=self.index, attempt=self.attempt, target="", execution="", datastore="")
        return self._ledger.started(place, self._registered or Configuration()).configuration

    @property
    def index(self) -> int:
        """Which split is read; 0 for the whole layer."""
        return self._index or 0

    @property
    def splits(self) -> int:
        """How many splits the layer has; 0 before that is known."""
        plan = self._ledger.plan(self._layer)
        return plan.splits if plan else 0

    @property
    def state(self) -> LayerState:
        """The layer's state, read now."""
        return layer_state(self._ledger, self._layer)

    @property
    def scratch(self) -> str:
        """Nothing: it is gone."""
        raise AttributeError(f"{self._layer}.scratch is gone: it is there while an attempt runs")

    def names(self) -> list[str]:
        """What the split has saved; of a whole layer, its first split.

        Raises:
            AttributeError: The layer has not finished, or was skipped.
        """
        return sorted(self._commit(self.index).artifacts) if self._plan().splits else []

    def assigned(self, name: str) -> None:
        """What a reader of results assigns stays with that reader."""

    def shard(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Nothing: what has run is not changed."""
        raise AttributeError(f"{self._layer}.shard is there while an attempt runs")

    def read(self, name: str) -> Any:
        """The attribute of that name.

        Returns:
            The value. Of a shard, an Accessor over its items; of a ForEach layer, an Accessor over all items of its splits.

        Raises:
            AttributeError: The layer has not finished, was skipped, or did not set it.
            CorruptError: Its content is not what was saved.
        """
        plan = self._plan()
        if name in self._elements:
            split, item = self._elements[name]
            return Accessor(self._archive, [self._entry(name, split)], name, self._layer)[item]
        if self._index is not None or plan.grid is None:
            entry = self._entry(name, self.index)
            if "pages" in entry:
                return Accessor(self._archive, [entry], name, self._layer)
            return self._archive.load(entry, name, self._layer)
        return Accessor(self._archive, self._entries(name, plan.splits), name, self._layer)

    def checksums(self) -> dict[int, str]:
        """Split -> checksum of its COMMIT, of what was read."""
        return {split: commit.checksum for split, commit in self._commits.items()}

    def _plan(self) -> Plan:
        if self._known is None:
            self._known = self._ledger.plan(self._layer)
        if self._known is None:
            raise self._unfinished()
        if self._known.skipped:
            raise AttributeError(
                f"layer {self._layer} was skipped in execution {self._ledger.execution}: {self._known.skipped}"
            )
        if self._index is not None and not 0 <= self._index < self._known.splits:
            raise AttributeError(
                f"layer {self._layer} has {self._known.splits} splits; there is no split {self._index}"
            )
        return self._known

    def _commit(self, split: int) -> Commit:
        if split not in self._commits:
            commit = self._ledger.commit(self._layer, split)
            if commit is None:
                raise self._unfinished()
            self._commits[split] = commit
        return self._commits[split]

    def _unfinished(self) -> AttributeError:
        if self._ledger.record() is None:
            place = self._ledger.store.url or repr(self._ledger.store)
            return AttributeError(
                f"flow {self._ledger.flow} has no execution {self._ledger.execution!r} in the datastore {place}"
            )
        state = self.state
        if state.error is not None:
            error = f"{state.error.error}: {state.error.message}".removeprefix(": ")
            return AttributeError(f"layer {self._layer} failed in execution {self._ledger.execution}: {error}")
        return AttributeError(
            f"layer {self._layer} has not finished in execution {self._ledger.execution} (it is {self.state})"
        )

    def _entry(self, name: str, split: int) -> Entry:
        artifacts = self._commit(split).artifacts
        if name not in artifacts:
            there = ", ".join(sorted(artifacts)) or "nothing"
            raise NotSetError(f"layer {self._layer} did not set {name!r}{self._caught([split])}; it set: {there}")
        return artifacts[name]

    def _caught(self, splits: Sequence[int]) -> str:
        """The error that a Catch let pass in one of these splits, which may be why something is missing."""
        caught = next((commit.caught for commit in map(self._commit, splits) if commit.caught), None)
        return f" (caught {caught['error']}: {caught['message']})" if caught else ""

    def _entries(self, name: str, splits: int) -> list[Entry]:
        """The artifact in each split, in one pass."""
        missing = [split for split in range(splits) if name not in self._commit(split).artifacts]
        if missing and len(missing) == splits:
            self._entry(name, 0)
        if missing:
            some = ", ".join(map(str, missing[:10])) + (", …" if len(missing) > 10 else "")
            raise AttributeError(
                f"layer {self._layer} did not set {name!r} in {len(missing)} of its {splits} splits: {some}"
                f"{self._caught(missing)}"
            )
        return [self._commits[split].artifacts[name] for split in range(splits)]


def open_layer(layer: type[LayerT], reader: Reader) -> LayerT:
    """An instance of `layer` whose attributes are what the execution saved."""
    kind: Any = layer
    made: LayerT = bind(_reading(kind), reader)
    return made


@lru_cache(maxsize=256)
def _reading(layer: type[Any]) -> type[Any]:
    """`layer`, or where its class has attributes, a subclass that looks for these among the artifacts first."""
    names = {
        name: isinstance(value, type) or not hasattr(value, "__get__")
        for base in reversed(layer.__mro__[: layer.__mro__.index(Layer)])
        for name, value in vars(base).items()
        if not name.startswith("_")
    }
    if not names:
        return layer
    members = {name: _Saved(plain) for name, plain in names.items()}
    return type(
        layer.__name__, (layer,), {"__module__": layer.__module__, "__qualname__": layer.__qualname__, **members}
    )


class _Saved:
    """A class attribute that a saved artifact wins over: loaded when read, and then kept in the instance.

    Args:
        plain: Whether it is a value, not a method or a property, which are there whether the layer has finished or not.
    """

    def __init__(self, plain: bool) -> None:
        self._falls_back = NotSetError if plain else AttributeError

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._owner = owner
        self._name = name

    def __get__(self, instance: Layer | None, owner: type[Layer]) -> Any:
        if instance is not None:
            try:
                return artifact(instance, self._name)
            except self._falls_back:
                pass
        return getattr(super(self._owner, owner if instance is None else instance), self._name)
