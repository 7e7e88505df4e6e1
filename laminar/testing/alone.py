"""One layer without its flow: a test makes the layers that it takes, and everything else is as in an execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from laminar import launch, wiring
from laminar.datastores.memory import Memory
from laminar.engine.inputs import save_parameters
from laminar.engine.ledger import Commit, Ledger, Plan
from laminar.engine.resuming import Resume
from laminar.errors import FlowError, UsageError
from laminar.executors.thread import Thread
from laminar.flow import Flow
from laminar.model.configuration import Configuration
from laminar.model.graph import Graph, Node, Registration, make_node
from laminar.model.grid import Axis, Grid
from laminar.model.layer import Layer, LayerT, Shard
from laminar.model.parameters import given as checked
from laminar.model.wire import Task


def run_layer(
    layer: type[LayerT],
    *inputs: Layer,
    flow: type[Flow] | None = None,
    execution: str = "test",
    **parameters: Any,
) -> LayerT:
    """Run one layer and its hooks, in this process and in memory; nothing else of its flow runs.

    Args:
        layer: The layer's class.
        *inputs: The layers that its call and its hooks take, with the attributes that they read: `A(foo="bar")`, or one that
            the test has called. What such a layer has sharded is a shard. Several of one class are its splits, in order.
        flow: The flow that it is registered to, whose configuration of it (ForEach, Retry, Catch, Timeout), hooks and
            parameters count. Between attempts nothing is waited for. Where none is given, the layer is registered bare.
        execution: What the layer reads as `self.execution.id`.
        **parameters: What the execution is given.

    Returns:
        The layer as one that depends on it reads it, with what it saved, its `state`, `splits` and `configuration`.

    Raises:
        ExecutionError: The layer failed; its own error is the cause.
        UsageError: It takes another layer than those given, or cannot be run.
    """
    splits: dict[str, list[Layer]] = {}
    for given in inputs:
        splits.setdefault(given.name, []).append(given)
    node = _node(layer, inputs, flow)
    _check(node, splits)
    others = {name: Node(name, type(of[0]), Configuration(), {}) for name, of in splits.items()}
    alone = _alone(flow or Flow, Graph(flow.__name__ if flow else "Alone", {**others, layer.__name__: node}))
    ledger = Ledger(alone.store(), alone.name, execution)
    ledger.create("", save_parameters(wiring.archive(ledger.store), checked(alone.parameters(), parameters or {})))
    for name, instances in splits.items():
        cut = bool(flow and flow.registry()[name].configuration.foreach) or len(instances) > 1
        _commit(ledger, name, instances, cut)
    settings = launch.settings_of(alone, {"progress": "quiet"})
    launch.schedule(alone, execution=execution, settings=settings, resume=Resume(execution=execution, flow=alone.name))
    return alone.execution(execution).layer(layer)


def _node(layer: type[Layer], inputs: Sequence[Layer], flow: type[Flow] | None) -> Node:
    """The layer as the flow has it, or registered bare beside the inputs."""
    name = layer.__name__
    try:
        if flow is None:
            registry = {kind.__name__: Registration(kind, Configuration()) for kind in (layer, *map(type, inputs))}
            node = make_node("Alone", name, registry)
        else:
            registry = flow.registry()
            if name not in registry or registry[name].layer is not layer:
                raise FlowError(f"layer {name} is not registered to flow {flow.__name__}.")
            node = make_node(flow.__name__, name, registry, flow, flow.parameters())
    except FlowError as error:
        if flow is not None:
            raise
        remedy = f"Pass each layer that {name} takes, such as A(foo=...), or the flow: run_layer({name}, flow=...)."
        raise FlowError(error.message, remedy=remedy) from None
    configuration = node.configuration.copy()
    configuration.retry.delay = 0
    return Node(node.name, node.layer, configuration, node.inputs, node.hooks)


def _check(node: Node, splits: Mapping[str, object]) -> None:
    missing = [name for name in node.dependencies if name not in splits]
    unknown = [name for name in splits if name not in node.dependencies]
    if missing:
        raise UsageError(
            f"layer {node.name} takes {missing[0]}, which run_layer was not given.",
            remedy=f"Pass {missing[0]}(...) with the attributes that {node.name} reads.",
        )
    if unknown:
        raise UsageError(f"layer {node.name} takes no {unknown[0]}.", remedy="Take it out, or annotate a parameter.")


def _alone(base: type[Flow], graph: Graph) -> Flow:
    """A flow of these layers only, with the hooks and the parameters of `base`."""

    class Alone(base):  # type: ignore[valid-type, misc]
        __init__ = Flow.__init__

        def graph(self) -> Graph:
            return graph

        def node(self, layer: str) -> Node:
            return graph.node(layer)

        @classmethod
        def registry(cls) -> dict[str, Registration]:
            return {node.name: Registration(node.layer, node.configuration) for node in graph}

    Alone.__name__ = graph.flow
    flow: Flow = Alone(datastore=Memory(), executor=Thread())
    return flow


def _commit(ledger: Ledger, layer: str, instances: Sequence[Layer], cut: bool) -> None:
    """Record what the test made as results; `cut` says whether the layer is read as one that a ForEach cut."""
    archive, count = wiring.archive(ledger.store), len(instances)
    ledger.put_plan(layer, Plan(count, Grid([Axis.of(layer, "", [count])]) if cut else None))
    for index, instance in enumerate(instances):
        values = {name: value for name, value in vars(instance).items() if not name.startswith("_")}
        artifacts = {
            name: archive.save_items(value) if isinstance(value, Shard) else archive.save(value)
            for name, value in values.items()
        }
        task = Task(layer=layer, index=index, splits=count, target="", execution=ledger.execution, datastore="")
        ledger.put_commit(task, Commit(attempt=1, artifacts=artifacts))
