"""Hooks: methods of layers and flows that run around a layer's evaluation.

Execution hooks run in the executor process, around `__call__`. Submission hooks run in the scheduler, once per split before
its first attempt; retry hooks before each further attempt; entry hooks, once per layer, decide whether it runs. A hook that
yields does its second half when what it surrounds has ended. Hooks of a flow run for every layer; their `self` is the layer.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from laminar.errors import LayerError

EXECUTION = "execution"
SUBMISSION = "submission"
RETRY = "retry"
ENTRY = "entry"

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "_laminar_hook"


def execution(function: Function) -> Function:
    """Run around `__call__`, in the executor process.

    What it assigns to `self` before its `yield` is context: there for the call, not saved. What it assigns after is saved.
    """
    return _marked(function, EXECUTION)


def submission(function: Function) -> Function:
    """Run in the scheduler, once per split before its first attempt; changes to `self.configuration` apply to it."""
    return _marked(function, SUBMISSION)


def retry(function: Function) -> Function:
    """Run in the scheduler before each further attempt; changes to `self.configuration` apply to it and those after."""
    return _marked(function, RETRY)


def entry(function: Function) -> Function:
    """Decide in the scheduler, once per layer, whether the layer runs: return True or False."""
    return _marked(function, ENTRY)


def _marked(function: Function, kind: str) -> Function:
    setattr(function, _MARK, kind)
    return function


class Hook(NamedTuple):
    """A hook of one layer in one flow.

    Attributes:
        kind: `execution`, `submission`, `retry` or `entry`.
        name: Where it is defined: `Class.method`.
        function: Takes the layer, then what its annotations name.
        inputs: Parameter -> the layer or `Parameters` class that it takes.
        own: Whether it is the layer's, not the flow's.
    """

    kind: str
    name: str
    function: Callable[..., Any]
    inputs: Mapping[str, type[Any]]
    own: bool


def defined_in(owner: type[Any]) -> Iterator[tuple[str, str, Callable[..., Any]]]:
    """`(kind, Class.method, function)` of the hooks of a class, inherited ones first, each class's in their order.

    A method that overrides a hook takes its place; one that is no hook removes it.
    """
    found: dict[str, tuple[str, str, Callable[..., Any]]] = {}
    for base in reversed(owner.__mro__):
        for name, value in vars(base).items():
            kind = getattr(value, _MARK, None) if callable(value) else None
            if kind is not None:
                found[name] = (kind, f"{base.__name__}.{name}", value)
            else:
                found.pop(name, None)
    return iter(found.values())


class Opened:
    """Hooks around something: opened in order, closed in reverse with what went wrong in between, which they cannot hide.

    Args:
        hooks: What to open.
        arguments: Makes the arguments of a hook.
        layer: What hooks get as `self`.
    """

    def __init__(self, hooks: Sequence[Hook], arguments: Callable[[Hook], Mapping[str, Any]], layer: Any) -> None:
        self._hooks = hooks
        self._arguments = arguments
        self._layer = layer
        self._generators: list[tuple[Hook, Generator[Any, Any, Any]]] = []

    def __enter__(self) -> Opened:
        try:
            for hook in self._hooks:
                self._open(hook)
        except BaseException as error:
            self._close(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(error)

    def close(self) -> None:
        """What they surround has ended well."""
        self._close(None)

    def _open(self, hook: Hook) -> None:
        result = hook.function(self._layer, **self._arguments(hook))
        if not inspect.isgenerator(result):
            return
        try:
            next(result)
        except StopIteration:
            return
        self._generators.append((hook, result))

    def _close(self, error: BaseException | None) -> None:
        """Run all second halves, whatever one of them raises; what came first is what is raised in the end."""
        first = error
        while self._generators:
            hook, generator = self._generators.pop()
            try:
                if first is None:
                    next(generator)
                else:
                    generator.throw(first)
            except StopIteration:
                continue
            except BaseException as raised:
                first = first or raised
                continue
            with suppress(Exception):  # one that yields again here, too: the others are closed all the same
                generator.close()
            first = first or LayerError(
                f"hook {hook.name} of layer {self._layer.name} yields twice.", remedy="Let it yield once."
            )
        if first is not None and error is None:
            raise first
