"""Where layers and executions stand, from what is recorded: read by anybody, at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from laminar.engine.ledger import Failure, Ledger


@dataclass(frozen=True)
class LayerState:
    """Where a layer stands in an execution.

    Attributes:
        finished: All its splits are committed.
        skipped: An entry hook, or a layer that it depends on, decided that it does not run.
        running: It has started, and is neither finished nor failed.
        failed: The latest attempt at one of its splits failed.
        error: What failed that attempt, or what the layer's Catch let pass.
    """

    finished: bool = False
    skipped: bool = False
    running: bool = False
    failed: bool = False
    error: Failure | None = None

    def __str__(self) -> str:
        return next((name for name in ("finished", "skipped", "failed", "running") if getattr(self, name)), "waiting")


def layer_state(ledger: Ledger, layer: str, *, read: bool = True, done: Collection[int] | None = None) -> LayerState:
    """The state of a layer, read now.

    Args:
        ledger: The records of the execution.
        layer: Name of the layer.
        read: Whether every COMMIT is read: for the error that a Catch let pass, and so that a damaged one is met. Listings
            tell the rest.
        done: The splits that are committed, where the caller has listed them.
    """
    plan = ledger.plan(layer)
    if plan is None:
        error = ledger.failure(layer, 0, 1)  # an entry hook, or a ForEach over what is not there
        return LayerState(failed=error is not None, error=error)
    if plan.skipped:
        return LayerState(skipped=True)
    done = ledger.committed(layer) if done is None else done
    commits = [ledger.commit(layer, index) for index in sorted(done)] if read else []
    open_splits = [index for index in range(plan.splits) if index not in done]
    if not open_splits:
        caught = next((commit.caught for commit in commits if commit and commit.caught), None)
        return LayerState(finished=True, error=Failure(**caught) if caught else None)  # type: ignore[arg-type]
    begun = ledger.begun(layer)
    for index in open_splits:
        attempts = ledger.attempts(layer, index) if index in begun else []
        error = ledger.failure(layer, index, attempts[-1]) if attempts else None
        if error is not None:
            return LayerState(failed=True, error=error)
    return LayerState(running=True)


def execution_state(ledger: Ledger, layers: Iterable[str], *, read: bool = True) -> str:
    """`finished`, `failed`, `running` or `waiting`: the state of an execution of these layers, read now."""
    return together(ledger, [str(layer_state(ledger, name, read=read)) for name in layers])


def together(ledger: Ledger, layers: Iterable[str]) -> str:  # noqa: ARG001 - who schedules it will be asked
    """The state of an execution whose layers have these."""
    states = set(layers)
    if "failed" in states:
        return "failed"
    if states <= {"finished", "skipped"} and states:
        return "finished"
    return "waiting" if states <= {"waiting"} else "running"
