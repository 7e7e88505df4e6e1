"""Before a layer starts: whether it runs, and into how many splits it is cut. Decided once and recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from laminar.engine.accessor import items_of
from laminar.engine.evaluate import Attempt
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Plan
from laminar.errors import LayerError
from laminar.model.configuration import Parameter
from laminar.model.graph import Node
from laminar.model.grid import Axis, Grid
from laminar.model.hooks import ENTRY
from laminar.model.layer import bind
from laminar.model.wire import Task

_COLLECTIONS = ("list", "tuple", "set", "frozenset", "dict", "ndarray")


@dataclass(frozen=True)
class Planner:
    """Plans layers.

    Attributes:
        inputs: What entry hooks take.
    """

    inputs: Inputs

    def plan(self, node: Node, skipped: Collection[str], task: Task) -> tuple[Plan, bool]:
        """The plan of a layer, and whether it was made just now; an earlier launch's stands.

        Args:
            node: The layer.
            skipped: The layers of the flow that do not run.
            task: What entry hooks see as theirs.

        Raises:
            LayerError: The ForEach iterates over something that is not there.
            Exception: An entry hook raised it.
        """
        ledger = self.inputs.ledger
        known = ledger.plan(node.name)
        if known is not None:
            return known, False
        reason = self._why_skipped(node, skipped, task)
        if reason:
            plan = Plan(0, skipped=reason)
        elif node.configuration.foreach:
            grid = Grid([self._axis(parameter, node.name) for parameter in node.configuration.foreach.parameters])
            plan = Plan(grid.size, grid)
        else:
            plan = Plan(1)
        if ledger.put_plan(node.name, plan):
            return plan, True
        return ledger.plan(node.name) or plan, False  # another scheduler was quicker

    def hint(self, node: Node) -> str:
        """What the author of a ForEach may have overlooked: a collection that was saved as one value is one element."""
        for parameter in node.configuration.foreach.parameters if node.configuration.foreach else ():
            name, attribute = parameter.layer.__name__, parameter.attribute
            commit = self.inputs.ledger.commit(name, parameter.index or 0)
            entry = commit.artifacts.get(attribute) if commit else None
            if entry and "pages" not in entry and entry["type"] in _COLLECTIONS:
                return (
                    f"{node.name} takes {name}.{attribute}, a {entry['type']}, as one element; "
                    f"for a split for each item, save it by self.shard({attribute}=...)"
                )
        return ""

    def _why_skipped(self, node: Node, skipped: Collection[str], task: Task) -> str:
        for parameter in node.configuration.foreach.parameters if node.configuration.foreach else ():
            if parameter.layer.__name__ in skipped:
                return f"{parameter.layer.__name__}, which it iterates over, was skipped"
        hooks = node.hooks_of(ENTRY)
        for hook in hooks:
            layer = bind(node.layer, Attempt(task, node.configuration, self.inputs))
            answer = hook.function(layer, **self.inputs.arguments(hook.inputs, {}))
            if not answer:
                return f"{hook.name} returned {answer!r}"
        if not any(hook.own for hook in hooks):
            gone = [name for name in node.dependencies if name in skipped]
            if gone:
                return f"{gone[0]}, which it depends on, was skipped"
        return ""

    def _axis(self, parameter: Parameter, layer: str) -> Axis:
        name, attribute = parameter.layer.__name__, parameter.attribute
        first = parameter.index or 0
        return Axis.of(name, attribute, self._counts(parameter, layer), first)

    def _counts(self, parameter: Parameter, layer: str) -> Iterator[int]:
        """How many items each split saved, in one pass over their COMMITs."""
        ledger, name = self.inputs.ledger, parameter.layer.__name__
        plan = ledger.plan(name)
        splits = range(plan.splits if plan else 0)
        if parameter.index is not None:
            if parameter.index not in splits:
                raise LayerError(
                    f"layer {layer} iterates over split {parameter.index} of {name}, which has {len(splits)}.",
                    remedy="Correct the index of its layers.Parameter; None means all splits.",
                )
            splits = splits[parameter.index : parameter.index + 1]
        for split in splits:
            commit = ledger.commit(name, split)
            artifacts = commit.artifacts if commit else {}
            if parameter.attribute not in artifacts:
                where = f"{name}/{split}" if len(splits) > 1 else name
                raise LayerError(
                    f"layer {layer} iterates over {name}.{parameter.attribute}, which {where} did not set.",
                    remedy=f"{where} set: {', '.join(sorted(artifacts)) or 'nothing'}.",
                )
            yield items_of(artifacts[parameter.attribute])
