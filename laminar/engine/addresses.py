"""From an address to the records it means: which execution of which flow, and whether there is such a layer and split."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from laminar.engine import layout, targets
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.errors import CorruptError, UsageError
from laminar.model.address import LATEST, Address
from laminar.model.names import nearest

_SHOWN = 10
"""Candidates that an error lists, at most."""


@dataclass(frozen=True)
class Place:
    """An execution, a layer of it or a split, that is certainly there.

    As text, it is its address: with the flow where another one has an execution of that id.

    Attributes:
        ledger: The records of the execution.
        layer: Name of the layer; empty for the whole execution.
        index: Which split; None for the whole layer.
    """

    ledger: Ledger
    layer: str = ""
    index: int | None = None

    def __str__(self) -> str:
        ledger = self.ledger
        others = (each for each in ledger.store.children(layout.RUNS) if each != ledger.flow)
        shared = any(ledger.execution in ledger.store.children(layout.flow(each)) for each in others)
        return str(Address(ledger.execution, ledger.flow if shared else "", self.layer, self.index))


def resolve(store: Datastore, text: str) -> Place:
    """What an address means in a datastore.

    Raises:
        UsageError: It is none, nothing has it, or more than one execution; the candidates are named.
    """
    address = Address.parse(text)
    ledger = find(store, address)
    if address.layer:
        _check_layer(ledger, address.layer)
    if address.index is not None:
        _check_index(ledger, address.layer, address.index)
    return Place(ledger, address.layer, address.index)


def find(store: Datastore, address: Address) -> Ledger:
    """The execution of an address.

    Raises:
        UsageError: As `resolve` does.
    """
    there = known(store, address.flow)
    if address.execution == LATEST:
        dated = [(created, ledger) for ledger in there if (created := began(ledger)) is not None]
        if dated:
            return max(dated, key=lambda pair: (pair[0], pair[1].execution))[1]
        raise _unknown(store, address, there)
    exact = [ledger for ledger in there if ledger.execution == address.execution]
    matching = exact or [ledger for ledger in there if ledger.execution.startswith(address.execution)]
    # Not read before: there may be thousands. What has no record never began.
    begun = [ledger for ledger in matching if began(ledger) is not None]
    if len(begun) == 1:
        return begun[0]
    raise _ambiguous(address, begun) if begun else _unknown(store, address, there)


def names_execution(store: Datastore, text: str, app_dir: str = ".") -> bool:
    """Whether `text` is an address rather than a target, where a command takes both: `FLOW:ID` looks like `module:Flow`.

    An id that is there wins over a module of that name, and a module over the beginning of an id.
    """
    first, colon, _ = text.partition(":")
    if first.endswith(".py"):
        return False
    if colon:
        return any(ledger.flow == first for ledger in known(store))
    there = {ledger.execution for ledger in known(store)}
    if text == LATEST or "/" in text or text in there or not text.replace(".", "_").isidentifier():
        return True
    return not targets.exists(targets.Target(text), app_dir) and any(each.startswith(text) for each in there)


def check_exists(store: Datastore, text: str, app_dir: str = ".") -> None:
    """Raise `UsageError` where `text`, which is no address, is no module either, and may have been meant as an id."""
    if ":" in text or text.endswith(".py") or targets.exists(targets.Target(text), app_dir):
        return
    there = known(store)
    hint = nearest(text, [LATEST, *(ledger.execution for ledger in there)])
    latest = f" The latest executions are: {', '.join(_latest(there))}." if there else ""
    raise UsageError(
        f"there is no module {text!r} to import in {os.path.abspath(app_dir)}, and no execution {text!r} in the datastore "
        f"{store.url or repr(store)}.",
        remedy=f"Type module:attribute (main:HelloFlow), or an execution.{latest}{hint}",
    )


def known(store: Datastore, flow: str = "") -> list[Ledger]:
    """All executions in a datastore, or those of one flow, in no order, from listings alone: some may have no record.

    Raises:
        UsageError: The datastore is something else.
    """
    flows = sorted(store.children(layout.RUNS))
    if not flows:
        check_ours(store)
    return [
        Ledger(store, name, execution)
        for name in flows
        if flow in ("", name)
        for execution in store.children(layout.flow(name))
    ]


def check_ours(store: Datastore) -> None:
    """Raise `UsageError` where the datastore holds things, and none of laminar's."""
    names = set(store.children(""))
    if names and not names & layout.TOP:
        raise UsageError(
            f"{store.url or repr(store)} is not a datastore of laminar: it holds {', '.join(sorted(names)[:3])}.",
            remedy="Name the datastore with --datastore, or go to the directory that has it (.laminar).",
        )


def began(ledger: Ledger) -> float | None:
    """When an execution began; None where it never did, 0 where its record is damaged, which hides no other."""
    try:
        record = ledger.record()
    except CorruptError:
        return 0.0
    return record["created"] if record else None


def name_of(ledger: Ledger) -> str:
    """What to type for an execution: its id, and the flow before it where another flow has one of that id."""
    flows = ledger.store.children(layout.RUNS)
    others = (Ledger(ledger.store, flow, ledger.execution) for flow in flows if flow != ledger.flow)
    shared = any(other.record() is not None for other in others)
    return f"{ledger.flow}:{ledger.execution}" if shared else ledger.execution


def target_of(ledger: Ledger) -> str:
    """The target that an execution was launched from last.

    Raises:
        UsageError: No other process can load it.
    """
    target: str = (ledger.latest_launch() or ledger.record() or {"target": ""})["target"]
    if not target:
        raise UsageError(
            f"flow {ledger.flow} is in a notebook, or local to a function, where no command finds it.",
            remedy=f"Go on with it there: flow.execution({ledger.execution!r}).resume()",
        )
    return target


def layers_of(ledger: Ledger) -> dict[str, Sequence[str]]:
    """The layers of an execution and what each depends on, as of the latest launch, in a topological order.

    The flow's code is not needed. Layers that a later version of it dropped come last, without what they depended on.
    """
    launch = ledger.latest_launch() or {"graph": {}}
    graph: dict[str, Sequence[str]] = dict(launch["graph"])
    for name in sorted(ledger.store.children(layout.layers(ledger.flow, ledger.execution))):
        graph.setdefault(name, ())
    return graph


def _check_layer(ledger: Ledger, layer: str) -> None:
    layers = list(layers_of(ledger))
    if layer not in layers:
        raise UsageError(
            f"execution {ledger.execution} of {ledger.flow} has no layer {layer!r}.",
            remedy=f"Its layers are: {', '.join(layers) or 'none yet'}.{nearest(layer, layers)}",
        )


def _check_index(ledger: Ledger, layer: str, index: int) -> None:
    plan = ledger.plan(layer)
    if plan is not None and index < plan.splits:
        return
    if plan is None and index in ledger.begun(layer):
        return  # where an entry hook failed: there is a record of that
    name = f"layer {layer} of execution {ledger.execution}"
    if plan is None:
        look = ledger.store.options.command("show", str(Place(ledger)))
        raise UsageError(f"{name} has no splits yet.", remedy=f"Look at it: {look}")
    if plan.skipped:
        raise UsageError(f"{name} was skipped: {plan.skipped}.", remedy="It has no splits.")
    many = f"{plan.splits} splits: 0 to {plan.splits - 1}" if plan.splits > 1 else f"{plan.splits} split"
    raise UsageError(
        f"{name} has no split {index}.", remedy=f"It has {many}." if plan.splits != 1 else "It has one split: 0."
    )


def _ambiguous(address: Address, found: Sequence[Ledger]) -> UsageError:
    places = sorted(f"{ledger.flow}:{ledger.execution}" for ledger in found)
    listed = "\n".join(f"  {place}" for place in places[:_SHOWN])
    more = f"\n  … and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    if len({ledger.execution for ledger in found}) == 1:
        return UsageError(
            f"{len(found)} flows have an execution {found[0].execution!r}.", remedy=f"Name the flow, too:\n{listed}"
        )
    return UsageError(
        f"{len(found)} executions begin with {address.execution!r}.", remedy=f"Type more of the id:\n{listed}{more}"
    )


def _unknown(store: Datastore, address: Address, there: Sequence[Ledger]) -> UsageError:
    place = store.url or repr(store)
    flows = sorted(store.children(layout.RUNS))
    if not flows:
        return UsageError(
            f"there are no executions in the datastore {place}.",
            remedy="Name the datastore with --datastore, go to the directory that has it (.laminar), or schedule a flow.",
        )
    if address.flow and address.flow not in flows:
        return UsageError(
            f"flow {address.flow} has no executions in the datastore {place}.",
            remedy=f"Flows there are: {', '.join(flows[:_SHOWN])}.{nearest(address.flow, flows)}",
        )
    whose = f"flow {address.flow} has no execution" if address.flow else "there is no execution"
    others = {ledger.flow for ledger in known(store) if ledger.execution == address.execution}
    ids = sorted({ledger.execution for ledger in there})
    if address.flow and others:
        remedy = f"Another flow has: {sorted(others)[0]}:{address.execution}"
    else:
        hint = nearest(address.execution, [LATEST, *ids]) or "."
        remedy = f"The latest are: {', '.join(_latest(there))}{hint if hint == '.' else '.' + hint}"
    return UsageError(f"{whose} {address.execution!r} in the datastore {place}.", remedy=remedy)


def _latest(there: Sequence[Ledger]) -> list[str]:
    """What to type for the three executions that began last."""
    dated = sorted(((began(ledger) or 0.0, ledger.execution, ledger.flow) for ledger in there), reverse=True)
    flows = Counter(execution for created, execution, _ in dated if created)
    return [
        f"{flow}:{execution}" if flows[execution] > 1 else execution
        for created, execution, flow in dated[:3]
        if created
    ]
