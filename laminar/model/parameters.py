"""The parameters of an execution: any, or those that a class of the user's declares."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from laminar.errors import FlowError, UsageError
from laminar.model.names import nearest

ParametersT = TypeVar("ParametersT", bound="Parameters")


class Parameters:
    """What an execution was given: `flow(foo="bar")` is read as `parameters.foo`.

    A layer takes them by annotation: `def __call__(self, parameters: Parameters)`. They are read-only.

    A subclass declares them: each annotated attribute is one, and has a default where a value is assigned. Registered to a
    flow, it decides what an execution of it may be given.

    Raises:
        UsageError: A subclass is given what it does not declare, or not what it has no default for.
    """

    def __init__(self, /, **values: Any) -> None:
        declared = names(type(self))
        if declared:
            _refuse(type(self), [*_unknown(type(self), values), *_missing(type(self), values)])
        defaults = {name: copy.deepcopy(getattr(type(self), name)) for name in declared if name not in values}
        self.__dict__.update({name: {**values, **defaults}[name] for name in declared or values})

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


def names(kind: type[Parameters]) -> list[str]:
    """The parameters that a class declares, those of its bases first; none for `Parameters` itself."""
    bases = reversed(kind.__mro__[: kind.__mro__.index(Parameters)])
    annotations = {name: text for base in bases for name, text in vars(base).get("__annotations__", {}).items()}
    return [name for name, text in annotations.items() if not name.startswith("_") and "ClassVar" not in str(text)]


def declare(kind: type[Parameters]) -> None:
    """Raise `FlowError` where what a class declares cannot be given."""
    if "execution" in names(kind):
        raise FlowError(
            f"parameters {kind.__name__} declare 'execution', which is the execution's id.", remedy="Rename it."
        )


def restore(kind: type[ParametersT], values: Mapping[str, Any]) -> ParametersT:
    """The parameters of an execution that was begun with `values`, whatever its class declares by now."""
    made = kind.__new__(kind)
    made.__dict__.update(values)
    return made


def given(kind: type[Parameters], values: Mapping[str, Any]) -> dict[str, Any]:
    """What an execution is begun with: `values`, and the defaults of those that are not there.

    Raises:
        UsageError: A value is missing, unknown or of the wrong type; all of them are named.
    """
    if not names(kind):
        return dict(values)
    _refuse(kind, [*_unknown(kind, values), *_missing(kind, values), *_wrong(kind, values)])
    return dict(vars(kind(**values)))


def _unknown(kind: type[Parameters], values: Mapping[str, Any]) -> Iterator[str]:
    declared = names(kind)
    return (f"there is no parameter {name!r}.{nearest(name, declared)}" for name in values if name not in declared)


def _missing(kind: type[Parameters], values: Mapping[str, Any]) -> Iterator[str]:
    absent = (name for name in names(kind) if name not in values and name not in dir(kind))
    return (f"{name} is missing; it has no default." for name in absent)


def _wrong(kind: type[Parameters], values: Mapping[str, Any]) -> Iterator[str]:
    from laminar.model import types  # paid where parameters are given

    hints = types.hints(kind)
    for name in names(kind):
        if name in values and (found := types.mismatch(values[name], hints[name], name)):
            yield found


def _refuse(kind: type[Parameters], problems: list[str]) -> None:
    if not problems:
        return
    declared = (f"{name} = {getattr(kind, name)!r}" if name in dir(kind) else name for name in names(kind))
    remedy = f"{kind.__name__} has: {', '.join(declared)}. A value on the command line is JSON if it parses, else text."
    if len(problems) == 1:
        raise UsageError(f"parameters {kind.__name__}: {problems[0]}", remedy=remedy)
    raise UsageError(f"parameters {kind.__name__}:\n" + "\n".join(f"- {each}" for each in problems), remedy=remedy)
