"""What a report says, gathered once: all that follows is only its form."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from laminar.engine.addresses import Place
from laminar.engine.commands import Options
from laminar.engine.ledger import Ledger
from laminar.inspection.artifacts import MOST_READ, artifacts_of
from laminar.inspection.found import Artifact, Error, ExecutionFacts, LayerRow, SplitRow, Try, Usage
from laminar.inspection.graphs import GraphFacts, of_execution
from laminar.inspection.launches import LaunchFacts, launches_of
from laminar.inspection.layers import execution_facts, usage_of
from laminar.inspection.snapshot import Damage, Snapshot
from laminar.inspection.splits import layer_facts, tries_of

MOST_FAILURES = 50
"""Different failures that are told with traceback and log."""

LOG_LINES = 30
LOG_BYTES = 8_000
"""How much of the end of a log is shown."""

MOST_PREVIEWS = 40_000
"""Previews of single splits in a report; a layer has those of all its splits, or of none."""


@dataclass(frozen=True)
class LayerPart:
    """A layer in a report.

    Attributes:
        row: Where it stands.
        configuration: As registered.
        axes: Of a ForEach: `Layer.attribute`, and how many elements.
        artifacts: Of all its splits together.
        splits: By index; at most `MOST_READ`, those first that are not finished.
        more_splits: How many are left out.
        tries: Split -> its attempts, where there is more to tell than its row does.
        usages: What each of `splits` took in its latest attempt; None where that is not known.
        advice: What to change in the layer's request, in sentences.
        previews: Artifact -> its preview in each of `splits`, None where one has none; empty where these would be too many.
    """

    row: LayerRow
    configuration: Mapping[str, Any] | None
    axes: Sequence[tuple[str, int]]
    artifacts: Sequence[Artifact]
    splits: Sequence[SplitRow]
    more_splits: int
    tries: Mapping[int, Sequence[Try]]
    usages: Sequence[Usage | None]
    advice: Sequence[str]
    previews: Mapping[str, Sequence[str | None]]


@dataclass(frozen=True)
class Failed:
    """What failed in one way: the same layer, and the same error but for numbers in it.

    Attributes:
        layer: Its name.
        splits: Which, by index.
        error: Of the first.
        attempt: The attempt of the first that failed so, the last one.
        log: The end of what that printed.
    """

    layer: str
    splits: Sequence[int]
    error: Error
    attempt: int
    log: str = ""


@dataclass(frozen=True)
class Contents:
    """All that a report says.

    Attributes:
        made: When it was gathered, in seconds since 1970.
        retried: Failures of attempts that another followed.
        caught: Errors that a Catch let pass.
    """

    made: float
    facts: ExecutionFacts
    graph: GraphFacts
    launches: Sequence[LaunchFacts]
    layers: Sequence[LayerPart]
    failures: Sequence[Failed]
    retried: Sequence[Failed]
    caught: Sequence[Failed]
    damaged: Sequence[Damage]
    options: Options


def gather(ledger: Ledger) -> Contents:
    """Look at an execution. What of it cannot be read is listed, and hides nothing else."""
    seen = Snapshot(ledger)
    made = time.time()
    facts = execution_facts(seen)
    room = MOST_PREVIEWS
    layers = []
    for row in facts.layers:
        part = _layer(seen, row, room)
        room -= sum(map(len, part.previews.values()))
        layers.append(part)
    graph = of_execution(seen)
    launches = launches_of(seen)
    hidden = _hidden(seen.damaged)
    layers = [_marked(part, hidden.get(part.row.name, set())) for part in layers]
    states = {part.row.name: part.row.state for part in layers}
    return Contents(
        made=made,
        facts=replace(facts, address=str(Place(ledger)), layers=[part.row for part in layers]),
        graph=replace(graph, layers=[replace(each, state=states.get(each.name, each.state)) for each in graph.layers]),
        launches=launches,
        layers=layers,
        failures=[_with_log(seen, each) for each in _failures(layers)[:MOST_FAILURES]],
        retried=_retried(layers)[:MOST_FAILURES],
        caught=_caught(layers)[:MOST_FAILURES],
        damaged=seen.damaged,
        options=ledger.store.options,
    )


def _layer(ledger: Ledger, row: LayerRow, room: int) -> LayerPart:
    found = layer_facts(ledger, row.name, MOST_READ)
    splits = sorted(found.splits, key=lambda split: split.index)
    plan = ledger.plan(row.name)
    axes = [(f"{axis.layer}.{axis.attribute}", axis.size) for axis in plan.grid.axes] if plan and plan.grid else []
    tries = {
        split.index: tries_of(ledger, row.name, split.index, split.state)
        for split in splits
        if split.attempt is not None and (split.attempt > 1 or split.state != "finished")
    }
    return LayerPart(
        row=row,
        configuration=found.configuration,
        axes=axes,
        artifacts=found.artifacts,
        splits=splits,
        more_splits=found.more_splits,
        tries=tries,
        usages=[_usage(ledger, row.name, split, tries.get(split.index)) for split in splits],
        advice=found.advice,
        previews=_previews(ledger, row.name, splits, found.artifacts, room),
    )


def _usage(ledger: Ledger, layer: str, split: SplitRow, tries: Sequence[Try] | None) -> Usage | None:
    if split.state == "finished":
        return usage_of(ledger.commit(layer, split.index))
    return tries[-1].usage if tries and not tries[-1].replaced else None


def _previews(
    ledger: Ledger, layer: str, splits: Sequence[SplitRow], artifacts: Sequence[Artifact], room: int
) -> dict[str, list[str | None]]:
    if len(splits) == 1 or len(splits) * len(artifacts) > room:
        return {}
    previews: dict[str, list[str | None]] = {each.name: [None] * len(splits) for each in artifacts}
    for number, split in enumerate(splits):
        commit = ledger.commit(layer, split.index) if split.state == "finished" else None
        for each in artifacts_of(commit.artifacts) if commit else ():
            previews[each.name][number] = each.preview if each.items is None else f"{each.items} items"
    return previews


def _hidden(damaged: Iterable[Damage]) -> dict[str, set[int | None]]:
    """Layer -> its splits whose result cannot be read; None among them where it is not known how many it has."""
    hidden: dict[str, set[int | None]] = {}
    for each in damaged:
        if each.layer and each.hides_result:
            hidden.setdefault(each.layer, set()).add(each.index)
    return hidden


def _marked(part: LayerPart, hidden: set[int | None]) -> LayerPart:
    if not hidden:
        return part
    splits = [replace(each, state="damaged") if each.index in hidden else each for each in part.splits]
    return replace(part, row=replace(part.row, state="damaged"), splits=splits)


def _failures(layers: Sequence[LayerPart]) -> list[Failed]:
    """What has failed, and is not being tried again."""
    found = [
        (part.row.name, split.index, split.error, split.attempt or 1)
        for part in layers
        for split in part.splits
        if split.error and split.state not in ("finished", "retrying", "damaged")
    ]
    return _alike(found)


def _retried(layers: Sequence[LayerPart]) -> list[Failed]:
    found = [
        (part.row.name, split.index, each.error, each.attempt)
        for part in layers
        for split in part.splits
        for each in _followed(split, part.tries.get(split.index, ()))
        if each.error
    ]
    return _alike(found)


def _followed(split: SplitRow, tries: Sequence[Try]) -> Sequence[Try]:
    """The attempts that another follows, or is about to."""
    counting = [each for each in tries if not each.replaced]
    return counting if split.state == "retrying" else counting[:-1]


def _caught(layers: Sequence[LayerPart]) -> list[Failed]:
    found = [
        (part.row.name, split.index, split.error, split.attempt or 1)
        for part in layers
        for split in part.splits
        if split.error and split.state == "finished"
    ]
    return _alike(found)


def _alike(found: Iterable[tuple[str, int, Error, int]]) -> list[Failed]:
    """Those that differ in numbers only, together; in the order of the first of each."""
    groups: dict[tuple[str, str, str], Failed] = {}
    members: dict[tuple[str, str, str], dict[int, None]] = {}
    for layer, index, error, attempt in found:
        key = (layer, error.type, re.sub(r"\d+", "0", error.message))
        groups.setdefault(key, Failed(layer, [], error, attempt))
        members.setdefault(key, {})[index] = None
    return [replace(each, splits=list(members[key])) for key, each in groups.items()]


def _with_log(ledger: Ledger, failed: Failed) -> Failed:
    data = ledger.log(failed.layer, failed.splits[0], failed.attempt)[-LOG_BYTES:]
    # A process prints its traceback, too; here that stands by itself.
    log = printed(data).removesuffix(failed.error.traceback.rstrip() or "\0").rstrip()
    return replace(failed, log="\n".join(log.split("\n")[-LOG_LINES:]))


_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
"""What terminals take for commands: ECMA-48 control sequences, operating system commands, single ones."""


def printed(data: bytes) -> str:
    """What was printed, as it stood on a terminal in the end: without colours, each line as it was last overwritten."""
    text = _ESCAPES.sub("", data.decode(errors="replace")).replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")).rstrip()
