"""`laminar shell`: from an address to a process in the place of an attempt, which only looks."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from laminar import wiring
from laminar.engine.addresses import Place, find, resolve, target_of
from laminar.engine.executor import Launch, Visit
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.engine.telling import tell
from laminar.errors import UsageError
from laminar.inspection.layers import rows_of
from laminar.inspection.splits import layer_facts
from laminar.model import wire
from laminar.model.address import Address
from laminar.model.configuration import Configuration
from laminar.model.wire import Task
from laminar.settings import EXECUTORS, Settings

if TYPE_CHECKING:
    from laminar.flow import Flow

_SHOWN = 5
"""Splits that an error lists, at most."""


@dataclass(frozen=True)
class Split:
    """One split of an execution, and an attempt at it.

    Attributes:
        ledger: The records of the execution.
        layer: Name of the layer.
        index: Which split.
        splits: Of how many.
        attempt: Which try; None where there was none.
        launch: The record of the launch that started it; of the latest, where none did.
    """

    ledger: Ledger
    layer: str
    index: int
    splits: int
    attempt: int | None
    launch: Mapping[str, Any]


def split_at(store: Datastore, address: str, attempt: int | None = None) -> Split:
    """The split that an address means, and the attempt of that number, or the latest.

    Raises:
        UsageError: It is no address, nothing has it, it means more than one split, or there was no such attempt.
    """
    typed = Address.parse(address)
    ledger = find(store, typed)
    if not typed.layer:
        raise _no_layer(ledger, address)
    place = resolve(store, str(Address(ledger.execution, ledger.flow, typed.layer)))
    plan = ledger.plan(place.layer)
    # A layer that was never planned has one split, if no ForEach is to cut it.
    index = 0 if plan is None and not typed.index else _planned(store, place, typed.index)
    attempts = ledger.attempts(place.layer, index)
    if attempt is not None and attempt not in attempts:
        known = f"There was: {', '.join(map(str, attempts))}." if attempts else "It was never started."
        raise UsageError(
            f"{replace(place, index=index)} has no attempt {attempt}.", remedy=f"{known} Leave --attempt out."
        )
    chosen = attempt or (attempts[-1] if attempts else None)
    launch = ledger.launch_of(place.layer, index, chosen) if chosen else ledger.latest_launch()
    if launch is None:
        raise UsageError(
            f"execution {ledger.execution} of {ledger.flow} was recorded and never launched.",
            remedy=f"Go on with it: {store.options.command('resume', str(Place(ledger)))}",
        )
    return Split(ledger, place.layer, index, plan.splits if plan else 1, chosen, launch)


def look(flow: Flow, split: Split, settings: Settings, argv: Sequence[str] = (), code: str | None = None) -> int:
    """Run a process in the place of the split's attempt, with this process's terminal, and return its exit code.

    Args:
        flow: Today's.
        split: Where.
        settings: All settings; the executor, and what is to be used in place of what the attempt had.
        argv: What to run; a Python prompt where it is empty.
        code: Python to run in place of the prompt.

    Raises:
        EngineError: The image is gone, or the engine.
        UsageError: This executor opens no shells, or the layer was never cut into splits.
    """
    node = flow.node(split.layer)
    if split.ledger.plan(split.layer) is None and node.configuration.foreach:
        over = ", ".join(dict.fromkeys(each.layer.__name__ for each in node.configuration.foreach.parameters))
        raise UsageError(
            f"layer {split.layer} of execution {split.ledger.execution} is not cut into splits before {over} has finished.",
            remedy=f"Look at it: {split.ledger.store.options.command('show', str(Place(split.ledger)))}",
        )
    if settings["executor"] == split.launch["executor"] and settings["executor"] not in EXECUTORS:
        raise UsageError(
            f"{Place(split.ledger)} was run by the executor {settings['executor']!r}, which flow {flow.name} does not pass.",
            remedy="Open a shell on this machine: --executor process.",
        )
    store = wiring.only_read(split.ledger.store)
    executor = wiring.executor(settings)
    configuration = _configuration(split, node.configuration)
    target = target_of(split.ledger)
    executor.open(
        Launch(
            flow.name,
            split.ledger.execution,
            target,
            settings["app_dir"],
            store,
            {},
            _evaluates_nothing,
            _evaluates_nothing,
        )
    )
    with closing(executor), _interrupts_are_theirs():
        task = Task(
            target=target,
            execution=split.ledger.execution,
            layer=split.layer,
            index=split.index,
            splits=split.splits,
            attempt=split.attempt or 1,
            datastore=executor.datastore(store),
            fingerprint=split.launch["fingerprint"] if split.attempt else "",
        )
        return executor.shell(
            Visit(
                task,
                configuration,
                argv or wire.prompt_argv(code),
                own=not argv,
                terminal=code is None and _has_terminal(),
                facts=_facts(split, configuration, settings, executor.name),
            )
        )


def check_terminal() -> None:
    """Raise `UsageError` where there is no terminal for a prompt."""
    if not _has_terminal():
        raise UsageError(
            "a prompt needs a terminal, and standard input and output are not both one.",
            remedy="Say what to run: --command 'print(layer.index)', or a program: -- env",
        )


def _no_layer(ledger: Ledger, typed: str) -> UsageError:
    rows = sorted(rows_of(ledger), key=lambda row: row.state != "failed")
    listed = "\n".join(f"  {Place(ledger, row.name)}  {row.state}" for row in rows)
    return UsageError(
        f"{typed} is an execution; a shell is opened where one split ran.", remedy=f"Name a layer:\n{listed}"
    )


def _planned(store: Datastore, place: Place, index: int | None) -> int:
    """The index of a split that there is.

    Raises:
        UsageError: There is none such, or none was named and there is not just one.
    """
    plan = place.ledger.plan(place.layer)
    if index is not None or plan is None or plan.skipped:
        ledger = place.ledger
        resolve(store, str(Address(ledger.execution, ledger.flow, place.layer, index or 0)))  # says why there is none
        return index or 0
    if plan.splits == 1:
        return 0
    rows = layer_facts(place.ledger, place.layer, _SHOWN).splits
    listed = "\n".join(
        f"  {replace(place, index=row.index)}  {row.state}{f': {row.error.words}' if row.error else ''}" for row in rows
    )
    more = f"\n  and {plan.splits - len(rows)} more" if plan.splits > len(rows) else ""
    raise UsageError(
        f"{place} has {plan.splits} splits.", remedy=f"Name one:\n{listed}{more}" if rows else "There is none to open."
    )


def _configuration(split: Split, registered: Configuration) -> Configuration:
    """How the attempt was run; today's where there was none. The paths of secrets are today's: no record has them."""
    recorded = None
    if split.attempt is not None:
        started = split.ledger.start(split.layer, split.index, split.attempt)
        recorded = started.get("configuration") or split.launch.get("configurations", {}).get(split.layer)
    if recorded is None:
        return registered.copy()
    found = registered.with_json(recorded)
    known = registered.container.secrets
    for name in [name for name in found.container.secrets if name not in known]:
        tell(f"warning: secret {name} is left out: a hook named its file, which no record has")
    found.container.secrets = {name: path for name, path in known.items() if name in found.container.secrets}
    return found


def _facts(split: Split, configuration: Configuration, settings: Settings, executor: str) -> dict[str, Any]:
    """What is to be as the executor had it for the attempt: all but what was never so, and what was typed."""
    if split.attempt is None or split.launch["executor"] != executor:
        return {}
    facts = dict(split.launch["engine"])
    usual = split.launch.get("configurations", {}).get(split.layer, {}).get("container", {}).get("image")
    if settings.source("images") == "flag":
        return {}
    if configuration.container.image != usual:  # by a hook: the id was never recorded
        facts |= {"images": {}, "names": {}}
    if settings.source("mount") == "flag":
        facts["mounts"] = {split.layer: settings["mount"]}
    return facts


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


@contextmanager
def _interrupts_are_theirs() -> Iterator[None]:
    """Ctrl-C is for what runs in the terminal; a handler, unlike ignoring, is not inherited."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _evaluates_nothing(*_: object) -> NoReturn:
    raise AssertionError("a shell evaluates nothing")
