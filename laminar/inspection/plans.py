"""What a schedule or a resume would run, as far as that is known before."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from laminar.engine.ledger import Ledger
from laminar.inspection.layers import layer_row
from laminar.model.graph import Graph, Node
from laminar.model.hooks import ENTRY
from laminar.model.words import age, plural


@dataclass(frozen=True)
class Step:
    """What would become of a layer.

    Attributes:
        status: `done`, `to run`, `skipped`, or `unknown` where that is decided at run time.
        words: The particulars.
        splits: How many; None where that is not known before the layer starts.
        to_run: Of them.
        changed: Whether its code is another than that which made its results; these stay.
    """

    layer: str
    status: str
    words: str
    splits: int | None = None
    to_run: int | None = None
    changed: bool = False


def plan(graph: Graph, ledger: Ledger | None = None, code: Mapping[str, str] | None = None) -> list[Step]:
    """What a schedule of a flow would run; with an execution, what a resume of it would.

    Args:
        graph: The flow's.
        ledger: The execution.
        code: Layer -> digest of its code as it is now.
    """
    steps: dict[str, Step] = {}
    for node in graph:
        step = _known(ledger, node.name, code or {}) if ledger else None
        steps[node.name] = step or _ahead(node, steps)
    return list(steps.values())


def _known(ledger: Ledger, layer: str, code: Mapping[str, str]) -> Step | None:
    """The step of a layer that was planned already."""
    row = layer_row(ledger, layer)
    if row.splits is None:
        return None
    if row.skipped:
        return Step(layer, "skipped", row.skipped, 0, 0)
    changed = _changed(ledger, layer, code)
    note = "its code has changed since, its results stay" if changed else ""
    left = row.splits - row.finished_splits
    if not left:
        when = f"committed {age(time.time() - row.finished)}" if row.finished else plural(row.splits, "split")
        return Step(layer, "done", "; ".join(filter(None, [when, note])), row.splits, 0, changed)
    begun = sum(bool(ledger.tries(layer, index)) for index in ledger.begun(layer) - ledger.committed(layer))
    kinds = [(row.failed_splits, "failed"), (begun - row.failed_splits, "begun"), (left - begun, "never started")]
    words = f"{left} of {plural(row.splits, 'split')}: " + ", ".join(f"{n} {kind}" for n, kind in kinds if n)
    return Step(layer, "to run", "; ".join(filter(None, [words, note])), row.splits, left, changed)


def _ahead(node: Node, before: Mapping[str, Step]) -> Step:
    """The step of a layer that nothing is decided of yet."""
    hooks = [hook.name for hook in node.hooks_of(ENTRY)]
    own = any(hook.own for hook in node.hooks_of(ENTRY))
    waits = [name for name in node.dependencies if before[name].status not in ("done", "skipped")]
    if hooks:
        return Step(node.name, "unknown", f"decided by {' and '.join(hooks)} at run time")
    gone = _first(node.dependencies, before, "skipped")
    if gone and not own:
        return Step(node.name, "skipped", f"{gone}, which it depends on, was skipped", 0, 0)
    if doubtful := _first(node.dependencies, before, "unknown"):
        return Step(node.name, "unknown", f"skipped if {doubtful} is")
    words = [f"waits for {', '.join(waits)}"] if waits else []
    foreach = node.configuration.foreach
    if foreach is None:
        return Step(node.name, "to run", "; ".join(words), 1, 1)
    cut = " and ".join(f"{each.layer.__name__}.{each.attribute}" for each in foreach.parameters)
    return Step(node.name, "to run", "; ".join([f"one split for each of {cut}", *words]))


def _first(names: Sequence[str], before: Mapping[str, Step], status: str) -> str:
    return next((name for name in names if before[name].status == status), "")


def _changed(ledger: Ledger, layer: str, code: Mapping[str, str]) -> bool:
    """Whether the first result of a layer was made by other code than today's, where both are known."""
    done = ledger.committed(layer)
    commit = ledger.commit(layer, min(done)) if done else None
    now = code.get(layer)
    return bool(commit and commit.code and now) and (commit is not None and commit.code != now)
