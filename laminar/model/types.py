"""Whether a value is of the type that an annotation names; for values that people type, not for all that typing can say."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from laminar.errors import FlowError


def hints(kind: type[Any]) -> dict[str, Any]:
    """The annotations of a class, evaluated.

    Raises:
        FlowError: One of them names what is not defined.
    """
    try:
        return get_type_hints(kind)
    except Exception as error:  # whatever evaluating the user's annotation raises
        raise FlowError(
            f"an annotation of {kind.__name__} cannot be evaluated: {error}.",
            remedy="Annotate with types that its module defines or imports at run time.",
        ) from error


def mismatch(value: Any, hint: Any, where: str) -> str:
    """What is wrong with a value, naming the place in it; empty where it is of the type.

    Items of lists, sets, tuples and mappings are looked at, too. An int is taken for a float, as type checkers do; a bool is
    no number. What cannot be checked (a type variable, a protocol) passes.
    """
    origin = get_origin(hint)
    if hint is Any:
        return ""
    if origin in (Union, types.UnionType):
        found = [mismatch(value, choice, where) for choice in get_args(hint)]
        return "" if "" in found else _not(value, hint, where)
    if origin is Literal:
        is_one = any(value == choice and type(value) is type(choice) for choice in get_args(hint))
        return "" if is_one else f"{where} is {value!r}, none of: {', '.join(map(repr, get_args(hint)))}."
    kind = origin or (type(None) if hint is None else hint)
    if not isinstance(kind, type):
        # Of a NewType; and what Python 3.12's `type X = ...` stands for.
        meant = getattr(kind, "__supertype__", getattr(hint, "__value__", None))
        return mismatch(value, meant, where) if meant else ""
    if not _is(value, kind):
        return _not(value, hint, where)
    check = next((check for container, check in _INSIDE if issubclass(kind, container)), None)
    return check(value, get_args(hint), where) if check and get_args(hint) else ""


def _is(value: Any, kind: type[Any]) -> bool:
    if isinstance(value, bool):
        return kind in (bool, object)
    if kind is float:
        return isinstance(value, int | float)
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that cannot be asked
        return True


def _in_mapping(value: Mapping[Any, Any], arguments: tuple[Any, ...], where: str) -> str:
    if len(arguments) != 2:
        return ""
    found = (
        mismatch(key, arguments[0], f"key {key!r} of {where}") or mismatch(item, arguments[1], f"{where}[{key!r}]")
        for key, item in value.items()
    )
    return next(filter(None, found), "")


def _in_tuple(value: tuple[Any, ...], arguments: tuple[Any, ...], where: str) -> str:
    if arguments[-1] is Ellipsis:
        arguments = arguments[:1] * len(value)
    if len(value) != len(arguments):
        return f"{where} has {len(value)} items, not {len(arguments)}."
    each = (
        mismatch(item, hint, f"{where}[{at}]") for at, (item, hint) in enumerate(zip(value, arguments, strict=True))
    )
    return next(filter(None, each), "")


def _in_collection(value: Any, arguments: tuple[Any, ...], where: str) -> str:
    return next(filter(None, (mismatch(item, arguments[0], f"{where}[{at}]") for at, item in enumerate(value))), "")


_INSIDE: tuple[tuple[Any, Callable[[Any, tuple[Any, ...], str], str]], ...] = (
    (Mapping, _in_mapping),
    (tuple, _in_tuple),
    ((list, set, frozenset), _in_collection),
)


def _not(value: Any, hint: Any, where: str) -> str:
    name = hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint).replace("typing.", "")
    remedy = (
        f" To give the text, quote it: -p '{where}=\"{value}\"'." if hint is str and type(value) in (int, float) else ""
    )
    return f"{where} is {value!r}, not {name}.{remedy}"
