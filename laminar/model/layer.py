"""A layer: one step of a flow, written by the user as a class with `__call__`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from laminar.errors import LayerError
from laminar.model.configuration import Configuration

RESERVED = frozenset(
    {"name", "index", "splits", "attempt", "execution", "configuration", "state", "scratch", "shard"}
)  # fmt: skip
"""What laminar itself shows on a layer; an artifact cannot have one of these names."""


LayerT = TypeVar("LayerT", bound="Layer")


class Context(Protocol):
    """What laminar binds to a layer while it runs, or when its results are read."""

    @property
    def index(self) -> int:
        """Which split."""

    @property
    def splits(self) -> int:
        """Of how many."""

    @property
    def attempt(self) -> int:
        """Which try."""

    @property
    def execution(self) -> Any:
        """The execution."""

    @property
    def configuration(self) -> Configuration:
        """How it is run."""

    @property
    def state(self) -> Any:
        """The layer's state."""

    @property
    def scratch(self) -> str:
        """A directory."""

    def read(self, name: str) -> Any:
        """The artifact of that name, or `AttributeError` in words."""

    def names(self) -> Iterable[str]:
        """Names of the artifacts there are, of which none is loaded; `AttributeError` in words where there can be none."""

    def assigned(self, name: str) -> None:
        """Note that an attribute was assigned."""

    def shard(self, values: Mapping[str, Iterable[Any]]) -> Mapping[str, Any]:
        """Save artifacts item by item; returns what reads them."""


class Shard(list[Any]):
    """What `shard` leaves in a layer that a test made: a list, of which `laminar.testing` knows that it was sharded."""


class Layer:
    """Base of all layers.

    Subclass it, register the subclass to a flow, and write the step as `__call__`; its parameters, annotated with other
    layers, are the edges of the graph. Attributes assigned to `self` are the layer's artifacts, unless their names begin
    with `_`.

    A layer is a plain class: `A(foo="bar")` makes one with that attribute, and calling it runs the step, so a test needs
    nothing else.

    Raises:
        LayerError: An attribute takes a name that laminar uses itself (`laminar.model.layer.RESERVED`).
    """

    _laminar: Context | None = None  # one name, and no other that a user's own could hide

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the layer; subclasses say how."""
        raise LayerError(
            f"layer {self.name} has no __call__.", remedy=f"Define __call__(self) in class {self.name}: it is the step."
        )

    @property
    def name(self) -> str:
        """The layer's name: that of its class."""
        return type(self).__name__

    @property
    def index(self) -> int:
        """Which split this is, from 0."""
        return self._laminar.index if self._laminar else 0

    @property
    def splits(self) -> int:
        """How many splits the layer has."""
        return self._laminar.splits if self._laminar else 1

    @property
    def attempt(self) -> int:
        """Which try at this split this is, from 1."""
        return self._laminar.attempt if self._laminar else 1

    @property
    def configuration(self) -> Configuration:
        """How this attempt is run: what was registered and what hooks made of it."""
        if self._laminar is not None:
            return self._laminar.configuration
        # Kept: a test that calls a hook reads what it changed.
        kept: Configuration = self.__dict__.setdefault("_laminar_configuration", Configuration())
        return kept

    @property
    def execution(self) -> Any:
        """The execution that this layer is part of; `.id` is its id."""
        return _bound(self, "execution").execution

    @property
    def state(self) -> Any:
        """The layer's state in its execution: `finished`, `running`, `failed`, `skipped`, `error`."""
        return _bound(self, "state").state

    @property
    def scratch(self) -> str:
        """A writable directory of this attempt, gone when it ends."""
        return _bound(self, "scratch").scratch

    def shard(self, **values: Iterable[Any]) -> None:
        """Save artifacts item by item: `self.shard(lines=read_lines())`.

        Each iterable is consumed at once and never held: a generator of a million items needs memory for one. Layers that
        read the attribute get a lazy sequence, and a ForEach over it one split per item.

        Raises:
            LayerError: A value is not iterable, or an item cannot be saved.
        """
        for name, items in values.items():
            if name in RESERVED or name.startswith("_"):
                raise LayerError(
                    f"layer {self.name} shards {name!r}, which cannot be an artifact.", remedy="Rename it."
                )
            if not isinstance(items, Iterable):
                raise LayerError(
                    f"layer {self.name} shards {name}, a {type(items).__name__}, which is not iterable.",
                    remedy=f"Assign it instead: self.{name} = ...",
                )
        if self._laminar is None:
            self.__dict__.update({name: Shard(items) for name, items in values.items()})
        else:
            self.__dict__.update(self._laminar.shard(values))

    def __repr__(self) -> str:
        if self._laminar is None:
            return object.__repr__(self)
        try:
            words = ", ".join(self._laminar.names()) or "nothing"
        except AttributeError as error:
            words = str(error)
        return f"<{self.name}: {words}>"

    def __dir__(self) -> Iterable[str]:
        names = set(object.__dir__(self))
        with suppress(AttributeError):  # it has not finished
            names |= set(_bound(self, "__dir__").names())
        return names

    def __setattr__(self, name: str, value: Any) -> None:
        if name in RESERVED:
            raise LayerError(
                f"layer {self.name} assigns self.{name}, a name that laminar uses itself.",
                remedy="Choose another name for the artifact.",
            )
        object.__setattr__(self, name, value)
        if self._laminar is not None:
            self._laminar.assigned(name)

    def __getattr__(self, name: str) -> Any:
        # Reached for what is neither in the instance nor in its class: the artifacts of a layer that has run. And for a
        # property that raised AttributeError: let it say again why.
        for base in type(self).__mro__:
            if name in vars(base):
                return vars(base)[name].__get__(self, type(self))
        if self._laminar is None or name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return artifact(self, name)


def artifact(layer: Layer, name: str) -> Any:
    """What a layer that has run saved under a name, loaded once."""
    value = layer.__dict__[name] = _bound(layer, name).read(name)
    return value


def _bound(layer: Layer, name: str) -> Context:
    if layer._laminar is None:
        raise AttributeError(f"{layer.name}.{name} is there in an execution only")
    return layer._laminar


def bind(layer: type[LayerT], context: Context) -> LayerT:
    """An instance of `layer` in an execution, made without its `__init__`, which is for tests and people."""
    instance = layer.__new__(layer)
    object.__setattr__(instance, "_laminar", context)
    return instance
