"""Where layers and executions stand, from what is recorded: read by anybody, at any time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from laminar.engine.ledger import Failure, Ledger


class LayerState(NamedTuple):
    """Where a layer stands in an execution.

    Attributes:
        finished: All its splits are committed.
        skipped: An entry hook, or a layer that it depends on, decided that it does not run.
        running: A split of it has been started, it is neither finished nor failed, and its scheduler is at work.
        failed: One of its splits has finally failed.
        interrupted: The same, and its scheduler has left.
        error: What failed the latest attempt, or what the layer's Catch let pass.
    """

    finished: bool = False
    skipped: bool = False
    running: bool = False
    failed: bool = False
    interrupted: bool = False
    error: Failure | None = None

    def __str__(self) -> str:
        names = ("finished", "skipped", "failed", "running", "interrupted")
        return next((name for name in names if getattr(self, name)), "waiting")


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
    if plan is not None and plan.skipped:
        return LayerState(skipped=True)
    if done is None:
        done = ledger.committed(layer) if plan else ()
    # Without a plan, what an entry hook did, or a ForEach over what is not there, is recorded of split 0.
    open_splits = [index for index in range(plan.splits if plan else 1) if index not in done]
    commits = [ledger.commit(layer, index) for index in sorted(done)] if read else []
    if not open_splits:
        caught = next((commit.caught for commit in commits if commit and commit.caught), None)
        return LayerState(finished=True, error=Failure(**caught) if caught else None)  # type: ignore[arg-type]
    begun = ledger.begun(layer)
    epoch = epoch_at_work(ledger)
    error, started = None, bool(done)
    for index in open_splits:
        attempts = ledger.tries(layer, index) if index in begun else []
        started = started or bool(attempts)
        found = ledger.failure(layer, index, attempts[-1]) if attempts else None
        error = error or found
        final = ledger.final(layer, index, attempts[-1]) if found else None
        if final is not None and epoch in (0, final):
            return LayerState(failed=True, error=found)
    if error is None and not (plan and started):  # it may have been cut into splits
        return LayerState()
    return LayerState(running=bool(epoch), interrupted=not epoch, error=error)


def execution_state(ledger: Ledger, layers: Iterable[str], *, read: bool = True) -> str:
    """`finished`, `failed`, `running`, `interrupted` or `waiting`: the state of an execution of these layers, read now."""
    return together(ledger, (str(layer_state(ledger, name, read=read)) for name in layers))


def together(ledger: Ledger, layers: Iterable[str]) -> str:
    """The state of an execution whose layers have these."""
    states = set(layers)
    if "failed" in states:
        return "failed"
    if states and states <= {"finished", "skipped"}:
        return "finished"
    if epoch_at_work(ledger):
        return "running"
    return "waiting" if states <= {"waiting"} else "interrupted"


def ended_well(ledger: Ledger) -> bool:
    """Whether the last scheduler recorded that it ended with all layers finished or skipped.

    Then they still are: a result is never taken back, but by a later scheduler, which is the last one from its beginning on.
    """
    from laminar.engine.lease import Holder

    holder = Holder.of(ledger)
    return holder is not None and holder.outcome == "done"


def epoch_at_work(ledger: Ledger) -> int:
    """The epoch of the scheduler that seems to be at work; 0 where none does."""
    from laminar.engine.lease import Holder  # what is finished need not know

    holder = Holder.of(ledger)
    return holder.epoch if holder and holder.seems_alive else 0
