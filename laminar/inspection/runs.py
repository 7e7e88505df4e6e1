"""All executions of a datastore."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from laminar.engine import addresses
from laminar.engine.addresses import began, layers_of
from laminar.engine.lease import held_s
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.engine.states import ended_well, layer_state, together
from laminar.errors import CorruptError, UsageError
from laminar.model.names import nearest


@dataclass(frozen=True)
class Run:
    """An execution in a list.

    Attributes:
        state: As states are, or `damaged` where a record of it cannot be read.
        created: When it began; 0 where that cannot be read.
        duration_s: How long schedulers had it, as in `ExecutionFacts`.
        layers_done: Finished or skipped.
    """

    flow: str
    execution: str
    state: str
    created: float
    duration_s: float | None
    layers: int
    layers_done: int


def runs(store: Datastore, flow: str = "", limit: int | None = None) -> list[Run]:
    """The executions in a datastore, newest first; what is not among the `limit` newest is not looked into.

    Raises:
        UsageError: No execution is of that flow.
    """
    known = addresses.known(store, flow)
    if flow and not known:
        flows = sorted({ledger.flow for ledger in addresses.known(store)})
        raise UsageError(
            f"flow {flow} has no executions in the datastore {store.url or repr(store)}.",
            remedy=f"Flows there are: {', '.join(flows) or 'none'}.{nearest(flow, flows)}",
        )
    dated = [(created, ledger) for ledger in known if (created := began(ledger)) is not None]
    dated.sort(key=lambda pair: (pair[0], pair[1].execution, pair[1].flow), reverse=True)
    return [_run_or_damaged(ledger, created) for created, ledger in islice(dated, limit)]


def _run_or_damaged(ledger: Ledger, created: float) -> Run:
    """One execution; a damaged record of it does not hide the others."""
    with suppress(CorruptError):
        if created:
            return _run(ledger, created)
    return Run(ledger.flow, ledger.execution, "damaged", created, None, 0, 0)


def _run(ledger: Ledger, created: float) -> Run:
    launch = ledger.latest_launch()
    ended = launch if launch and ended_well(ledger) else None
    graph = layers_of(ledger)
    states = {name: _state(ledger, name, ended) for name in graph}
    state = together(ledger, states.values())
    done = sum(each in ("finished", "skipped") for each in states.values())
    return Run(ledger.flow, ledger.execution, state, created, held_s(ledger), len(graph), done)


def _state(ledger: Ledger, layer: str, ended: Mapping[str, Any] | None) -> str:
    """The state of a layer; of one that the launch that `ended` well had, no split is looked at."""
    plan = ledger.plan(layer) if ended and layer in ended["graph"] else None
    if plan is None:
        return str(layer_state(ledger, layer, read=False))
    return "skipped" if plan.skipped else "finished"
