"""Addresses: `[FLOW:]EXECUTION[/LAYER[/INDEX]]`, what every command that looks at a run takes and prints."""

from __future__ import annotations

from dataclasses import dataclass

from laminar.errors import UsageError
from laminar.model.names import class_name, execution_id

LATEST = "latest"
"""Stands for the execution that began last."""


@dataclass(frozen=True)
class Address:
    """What was typed, taken apart; nothing is looked up.

    Attributes:
        execution: An id, the beginning of one, or `latest`.
        flow: Name of the flow; empty where none is named.
        layer: Name of the layer; empty for the whole execution.
        index: Which split; None for the whole layer.
    """

    execution: str
    flow: str = ""
    layer: str = ""
    index: int | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Take an address apart.

        Raises:
            UsageError: It is none.
        """
        flow, colon, rest = text.rpartition(":")
        execution, *parts = rest.removesuffix("/").split("/")
        if (
            ":" in flow
            or "" in parts
            or (colon and not flow)
            or len(parts) > 2
            or (len(parts) == 2 and not _is_index(parts[1]))
        ):
            raise UsageError(
                f"invalid address {text[:300]!r}.",
                remedy="Type [FLOW:]EXECUTION[/LAYER[/INDEX]], such as latest, latest/Process or latest/Process/17.",
            )
        return cls(
            execution_id(execution),
            class_name(flow) if flow else "",
            class_name(parts[0]) if parts else "",
            int(parts[1]) if len(parts) == 2 else None,
        )

    def __str__(self) -> str:
        parts = [self.execution, self.layer, "" if self.index is None else str(self.index)]
        return f"{self.flow}:" * bool(self.flow) + "/".join(part for part in parts if part)


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
