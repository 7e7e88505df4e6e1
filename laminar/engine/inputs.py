"""What calls and hooks take: the layers and parameters that their annotations name, as the execution has them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from laminar.engine.artifacts import Archive, Entry
from laminar.engine.ledger import Ledger
from laminar.engine.results import Reader, open_layer
from laminar.errors import LayerError, UsageError
from laminar.model.grid import Element
from laminar.model.layer import Layer
from laminar.model.parameters import Parameters, restore


class Inputs:
    """Makes arguments.

    Attributes:
        ledger: The records of the execution.
        archive: Its artifacts.
        execution: What layers show as `execution`.
        declared: The class of its parameters.
    """

    def __init__(
        self, ledger: Ledger, archive: Archive, execution: Any, declared: type[Parameters] = Parameters
    ) -> None:
        self.ledger = ledger
        self.archive = archive
        self.execution = execution
        self.declared = declared

    def arguments(
        self,
        kinds: Mapping[str, type[Any]],
        readers: dict[str, Reader],
        elements: Mapping[str, Mapping[str, Element]] | None = None,
    ) -> dict[str, Any]:
        """An argument for each parameter.

        Args:
            kinds: Parameter -> the layer or `Parameters` class that it takes.
            readers: Gets the readers of the layers, by name; one layer taken twice is read once.
            elements: Layer -> attribute -> the element that stands for it.
        """
        arguments: dict[str, Any] = {}
        for name, kind in kinds.items():
            if not issubclass(kind, Layer):
                arguments[name] = parameters_of(self.ledger, self.archive, self.declared)
                continue
            layer = kind.__name__
            if layer not in readers:
                own = (elements or {}).get(layer)
                readers[layer] = Reader(self.ledger, self.archive, layer, self.execution, elements=own)
            arguments[name] = open_layer(kind, readers[layer])
        return arguments

    def elements(self, layer: str, index: int) -> dict[str, dict[str, Element]]:
        """Layer -> attribute -> the element that a split of `layer` gets; nothing where no ForEach cut it."""
        plan = self.ledger.plan(layer)
        found: dict[str, dict[str, Element]] = {}
        for axis, element in plan.grid.at(index) if plan and plan.grid else ():
            found.setdefault(axis.layer, {})[axis.attribute] = element
        return found


def parameters_of(ledger: Ledger, archive: Archive, kind: type[Parameters]) -> Parameters:
    """The execution's parameters, as they were saved: nobody shares them."""
    entries = (ledger.record() or {"parameters": {}})["parameters"]
    return restore(kind, {name: archive.load(entry, name, "the parameters") for name, entry in entries.items()})


def save_parameters(archive: Archive, values: Mapping[str, Any]) -> dict[str, Entry]:
    """The parameters of a new execution, saved.

    Raises:
        UsageError: One of them cannot be saved.
    """
    saved = {}
    for name, value in values.items():
        try:
            saved[name] = archive.save(value)
        except LayerError as error:
            remedy = "Give what it can be made from, and make it in the layer."
            raise UsageError(f"parameter {name!r} cannot be saved: {error.message}", remedy=remedy) from error
    return saved


def read_from(reader: Reader) -> str:
    """What was read of a layer: the checksum of its COMMIT, or a digest of those of its splits; empty where nothing was."""
    checksums = reader.checksums()
    if len(checksums) < 2:
        return next(iter(checksums.values()), "")
    return sha256("".join(f"{split}:{value}," for split, value in sorted(checksums.items())).encode()).hexdigest()
