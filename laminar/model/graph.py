"""The graph of a flow: its layers, and the edges that their annotations draw."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from laminar.errors import FlowError
from laminar.model.configuration import Configuration, ForEach
from laminar.model.hooks import ENTRY, Hook, defined_in
from laminar.model.layer import RESERVED, Layer
from laminar.model.names import class_name, nearest
from laminar.model.parameters import Parameters


class Registration(NamedTuple):
    """A layer class as one flow has it."""

    layer: type[Layer]
    configuration: Configuration


class Node(NamedTuple):
    """A layer in the graph.

    Attributes:
        inputs: Parameter of `__call__` -> the layer class, or the `Parameters` class, that it takes.
        hooks: The flow's hooks and the layer's, in the order in which they run.
    """

    name: str
    layer: type[Layer]
    configuration: Configuration
    inputs: Mapping[str, type[Layer] | type[Parameters]]
    hooks: Sequence[Hook] = ()

    def hooks_of(self, kind: str) -> list[Hook]:
        """The hooks of one kind."""
        return [hook for hook in self.hooks if hook.kind == kind]

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Names of the layers that must have finished before this one starts, each once, in order."""
        kinds = list(self.inputs.values())
        for hook in self.hooks:
            # A flow's hook that takes a layer runs for that layer, too, which does not wait for itself.
            kinds += [kind for kind in hook.inputs.values() if hook.own or kind is not self.layer]
        return tuple(dict.fromkeys(kind.__name__ for kind in kinds if issubclass(kind, Layer)))


class Graph:
    """The checked graph of a flow; `nodes` are in a topological order."""

    def __init__(self, flow: str, nodes: Mapping[str, Node]) -> None:
        self.flow = flow
        self.nodes = nodes

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def node(self, name: str) -> Node:
        """The node of that name.

        Raises:
            FlowError: The flow has no such layer.
        """
        if name not in self.nodes:
            raise FlowError(
                f"flow {self.flow} has no layer {name!r}.",
                remedy=f"Its layers are: {', '.join(self.nodes)}.{nearest(name, list(self.nodes))}",
            )
        return self.nodes[name]


def build(
    flow: str,
    registry: Mapping[str, Registration],
    owner: type[Any] = object,
    declared: type[Parameters] = Parameters,
) -> Graph:
    """The graph of the registered layers.

    Args:
        flow: Name of the flow.
        registry: Its layers, by name.
        owner: Its class, which may have hooks.
        declared: The class of its parameters.

    Raises:
        FlowError: No layers, or names, annotations and configurations that cannot be run, or a cycle; all of them are
            named in one message.
    """
    class_name(flow)
    if not registry:
        raise FlowError(
            f"flow {flow} has no layers.", remedy=f"Register one: put @{flow}.register over a subclass of Layer."
        )
    problems: list[FlowError] = []
    nodes = {}
    for name in registry:
        try:
            nodes[name] = make_node(flow, name, registry, owner, declared)
        except FlowError as error:
            problems.append(error)
    if problems:
        raise problems[0] if len(problems) == 1 else _together(flow, problems)
    try:
        order = tuple(TopologicalSorter({name: node.dependencies for name, node in nodes.items()}).static_order())
    except CycleError as error:
        # graphlib gives each node before the one that needs it: a cycle reads better the way the annotations point.
        path = " -> ".join(reversed(error.args[1]))
        raise FlowError(
            f"flow {flow} has a cycle: {path} (each needs the next).",
            remedy="Take one of these layers out of what the other's __call__ or hooks take; "
            "a flow's hooks count for each layer.",
        ) from None
    return Graph(flow, {name: nodes[name] for name in order})


def _together(flow: str, problems: list[FlowError]) -> FlowError:
    each = (f"- {problem.message}\n  {problem.remedy}" for problem in problems)
    return FlowError(f"flow {flow} cannot be run, for {len(problems)} reasons:", remedy="\n".join(each))


def make_node(
    flow: str,
    name: str,
    registry: Mapping[str, Registration],
    owner: type[Any] = object,
    declared: type[Parameters] = Parameters,
) -> Node:
    """The node of one layer, with its annotations resolved; the other layers are not looked into.

    Args:
        flow: As `build` has it, like the others.
        name: Of the layer.
        registry: As above.
        owner: As above.
        declared: As above.

    Raises:
        FlowError: As `build` does.
    """
    registration = registry[class_name(name)]
    where = f"layer {name} of flow {flow}"
    taken = sorted(RESERVED & vars(registration.layer).keys())
    if taken:
        raise FlowError(f"{where} defines {taken[0]!r}, a name that laminar uses itself.", remedy="Rename it.")
    if registration.layer.__call__ is Layer.__call__:
        raise FlowError(f"{where} has no __call__.", remedy=f"Define __call__(self) in class {name}: it is the step.")
    if _runs_later(registration.layer.__call__):
        raise FlowError(
            f"__call__ of {where} is async or yields.", remedy="Write it as a plain function: def __call__."
        )
    registration.configuration.check(where)
    inputs = _inputs(registration.layer.__call__, where, registry)
    _check_foreach(registration.configuration.foreach, inputs, where)
    hooks = [
        *_hooks(owner, where, registry, own=False),
        *_hooks(registration.layer, where, registry, own=True),
    ]
    for function, taken_by in [(name, inputs), *((hook.name, hook.inputs) for hook in hooks)]:
        _check_parameters(function, taken_by, declared, where)
    return Node(name, registration.layer, registration.configuration, inputs, hooks)


def _hooks(owner: type[Any], where: str, registry: Mapping[str, Registration], *, own: bool) -> Iterator[Hook]:
    for kind, name, function in defined_in(owner):
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise FlowError(f"hook {name} is async.", remedy="Write it as a plain function, or one that yields.")
        if kind == ENTRY and inspect.isgeneratorfunction(function):
            raise FlowError(f"entry hook {name} yields.", remedy="Let it return True or False.")
        spot = f"hook {name}, for {where}" if own else f"hook {name} of flow {where.rsplit(' ', 1)[-1]}"
        yield Hook(kind, name, function, _inputs(function, spot, registry), own)


def _runs_later(function: Callable[..., Any]) -> bool:
    """Whether calling a function does not run it yet."""
    function = inspect.unwrap(function)
    return any(
        test(function)
        for test in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    )


def _check_foreach(foreach: ForEach | None, inputs: Mapping[str, type[Any]], where: str) -> None:
    for parameter in foreach.parameters if foreach else ():
        if parameter.layer not in inputs.values():
            raise FlowError(
                f"{where} iterates over {parameter.layer.__name__}.{parameter.attribute}, which is not one of its inputs.",
                remedy=f"Take {parameter.layer.__name__} as a parameter of __call__.",
            )


def _check_parameters(function: str, inputs: Mapping[str, type[Any]], declared: type[Parameters], where: str) -> None:
    for parameter, kind in inputs.items():
        if issubclass(kind, Parameters) and not issubclass(declared, kind):
            flow = where.rsplit(" ", 1)[-1]
            raise FlowError(
                f"parameter {parameter!r} of {function} takes {kind.__name__}, which is not registered to {flow}.",
                remedy=f"Put @{flow}.register over class {kind.__name__}.",
            )


def _inputs(
    function: Callable[..., Any], where: str, registry: Mapping[str, Registration]
) -> dict[str, type[Layer] | type[Parameters]]:
    inputs: dict[str, type[Layer] | type[Parameters]] = {}
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters:
        raise FlowError(f"{function.__qualname__} of {where} takes no self.", remedy="Make self its first parameter.")
    for parameter in parameters[1:]:
        spot = f"parameter {parameter.name!r} of {where}"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise FlowError(
                f"{spot} is {parameter.kind.description}.",
                remedy="Name each layer that is needed as a parameter of its own.",
            )
        if parameter.annotation is parameter.empty:
            raise FlowError(
                f"{spot} has no annotation.",
                remedy=f"Annotate it with the layer it takes: {parameter.name}: SomeLayer.",
            )
        inputs[parameter.name] = _resolve(parameter.annotation, function, spot, registry)
    return inputs


def _resolve(
    annotation: Any, function: Callable[..., Any], spot: str, registry: Mapping[str, Registration]
) -> type[Layer] | type[Parameters]:
    kind = _evaluate(annotation, function, registry) if isinstance(annotation, str) else annotation
    known = list(registry)
    if kind is None:
        raise FlowError(
            f"{spot} is annotated with {annotation!r}, which is not defined.",
            remedy=f"Registered layers are: {', '.join(known)}.{nearest(annotation, known)}",
        )
    if not isinstance(kind, type) or not issubclass(kind, Layer | Parameters):
        shown = getattr(kind, "__name__", repr(kind))
        raise FlowError(
            f"{spot} is annotated with {shown}, which is not a layer.",
            remedy="Annotate it with a layer of the flow, or with Parameters for the execution's parameters.",
        )
    if issubclass(kind, Parameters):
        return kind
    registered = registry.get(kind.__name__)
    if registered is None or registered.layer is not kind:
        flow = spot.rsplit(" ", 1)[-1]
        other = " (another class of that name is)" if registered else ""
        raise FlowError(
            f"{spot} takes layer {kind.__name__}, which is not registered to {flow}{other}.",
            remedy=f"Put @{flow}.register over class {kind.__name__}.",
        )
    return kind


def _evaluate(annotation: str, function: Callable[..., Any], registry: Mapping[str, Registration]) -> Any:
    """What a string annotation names: an object of its module, or, for classes local to a function, a registered layer."""
    function = inspect.unwrap(function)
    by_name: dict[str, Any] = {name: registration.layer for name, registration in registry.items()}
    module: dict[str, Any] = getattr(function, "__globals__", {})
    if "<locals>" not in function.__qualname__:
        by_name = {name: layer for name, layer in by_name.items() if name not in module}
    kind: Any = annotation
    try:
        while isinstance(kind, str):  # twice, for a quoted name under `from __future__ import annotations`
            kind = eval(kind, module, by_name)  # noqa: S307 - the user's own annotation, as typing does
    except Exception:  # whatever evaluating it raises, it names no layer
        return None
    return kind
