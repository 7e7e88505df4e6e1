"""The graph of a flow or of an execution, drawn: text, Mermaid, DOT. The state is written beside the name, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from laminar.engine.addresses import layers_of
from laminar.engine.ledger import Ledger
from laminar.inspection.layers import layer_row
from laminar.model.graph import Graph
from laminar.model.words import done

_FILL = {
    "finished": "#c8e6c9",
    "running": "#b2ebf2",
    "failed": "#ffcdd2",
    "interrupted": "#ffe0b2",
    "skipped": "#eeeeee",
    "waiting": "#ffffff",
}
"""State -> the colour that it fills its node with; black text is read on each."""


@dataclass(frozen=True)
class GraphLayer:
    """A layer in a graph.

    Attributes:
        needs: The layers that it depends on.
        foreach: `Layer.attribute` that it is cut by.
        state: Where it stands; empty where no execution is looked at.
        splits: How many; None where that is not known.
        finished_splits: Of them.
    """

    name: str
    needs: Sequence[str] = ()
    foreach: Sequence[str] = ()
    state: str = ""
    splits: int | None = None
    finished_splits: int = 0


@dataclass(frozen=True)
class GraphFacts:
    """A graph, its layers in a topological order; of an execution, where one is looked at."""

    flow: str
    execution: str
    layers: Sequence[GraphLayer]


def of_flow(graph: Graph) -> GraphFacts:
    """The graph that a flow has by its code."""
    layers = []
    for node in graph:
        foreach = node.configuration.foreach
        cut = [f"{each.layer.__name__}.{each.attribute}" for each in foreach.parameters] if foreach else []
        layers.append(GraphLayer(node.name, node.dependencies, cut))
    return GraphFacts(graph.flow, "", layers)


def of_execution(ledger: Ledger) -> GraphFacts:
    """The graph that an execution had when it was last launched, and where each layer stands."""
    layers = []
    for name, needs in layers_of(ledger).items():
        row, plan = layer_row(ledger, name), ledger.plan(name)
        cut = [f"{axis.layer}.{axis.attribute}" for axis in plan.grid.axes] if plan and plan.grid else []
        layers.append(GraphLayer(name, needs, cut, row.state, row.splits, row.finished_splits))
    return GraphFacts(ledger.flow, ledger.execution, layers)


def mermaid(graph: GraphFacts) -> str:
    """A Mermaid flowchart (mermaid.js.org), as GitHub shows it in Markdown."""
    ids = {layer.name: f"n{number}" for number, layer in enumerate(graph.layers)}
    lines = ["flowchart TD"]
    lines += [f'  {ids[layer.name]}["{"<br/>".join(_label(layer))}"]' for layer in graph.layers]
    lines += [f"  {ids[first]} --> {ids[second]}" for first, second in edges(graph)]
    for state, fill in _FILL.items():
        members = [ids[layer.name] for layer in graph.layers if layer.state == state]
        if members:
            lines += [f"  classDef {state} fill:{fill},color:#000", f"  class {','.join(members)} {state}"]
    return "\n".join(lines)


def dot(graph: GraphFacts) -> str:
    """A graph for Graphviz."""
    lines = [f'digraph "{graph.flow}" {{', "  node [shape=box];"]
    for layer in graph.layers:
        fill = f', style=filled, fillcolor="{_FILL[layer.state]}"' if layer.state in _FILL else ""
        label = "\\n".join(_label(layer))
        lines.append(f'  "{layer.name}" [label="{label}"{fill}];')
    lines += [f'  "{first}" -> "{second}";' for first, second in edges(graph)]
    return "\n".join([*lines, "}"])


def edges(graph: GraphFacts) -> Iterator[tuple[str, str]]:
    """From each layer to those that depend on it."""
    names = {layer.name for layer in graph.layers}
    return ((need, layer.name) for layer in graph.layers for need in layer.needs if need in names)


def state_of(layer: GraphLayer) -> str:
    """The state of a layer, and of one of several splits, how many are done."""
    several = layer.splits is not None and layer.splits != 1 and layer.state != "skipped"
    return f"{layer.state}, {done(layer.finished_splits, layer.splits or 0)}" if several else layer.state


def _label(layer: GraphLayer) -> list[str]:
    lines = [layer.name]
    if layer.foreach:
        lines.append(f"for each {', '.join(layer.foreach)}")
    if layer.state:
        lines.append(state_of(layer))
    return lines
