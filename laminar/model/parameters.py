"""The parameters of an execution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Parameters:
    """What an execution was given: `flow(foo="bar")` is read as `parameters.foo`.

    A layer takes them by annotation: `def __call__(self, parameters: Parameters)`. They are read-only.
    """

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there is no parameter {name!r}; there are: {', '.join(sorted(self.__dict__)) or 'none'}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"parameters are read-only; keep {name!r} in an attribute of the layer")

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parameters) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.__dict__.items())})"
