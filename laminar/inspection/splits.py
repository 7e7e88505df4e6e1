"""The splits of a layer, and the attempts at one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from laminar.engine.addresses import Place
from laminar.engine.ledger import Ledger
from laminar.engine.states import LayerState, epoch_at_work, layer_state
from laminar.inspection.artifacts import artifacts_in, artifacts_of
from laminar.inspection.found import LayerFacts, LayerRow, SplitFacts, SplitRow, Try, Usage
from laminar.inspection.layers import error_of, has_failed, layer_row, usage_of
from laminar.inspection.requests import advice, was_killed
from laminar.model.grid import Grid

_FIRST = ("failed", "retrying", "interrupted", "running", "waiting", "finished")
"""States in the order in which people ask for them."""


def layer_facts(ledger: Ledger, layer: str, limit: int | None = None) -> LayerFacts:
    """A layer and its splits; at most `limit` of them, those that are not finished first."""
    done = ledger.committed(layer)
    row = layer_row(ledger, layer, done)
    state = layer_state(ledger, layer, read=False, done=done)
    begun = ledger.begun(layer) - done
    count = row.splits if row.splits is not None else max(begun, default=-1) + 1
    epoch = epoch_at_work(ledger) if begun else 0
    states = {
        index: _open_state(ledger, layer, index, state, epoch) if index in begun else "waiting"
        for index in range(count)
        if index not in done
    }
    order = sorted(states, key=lambda index: (_FIRST.index(states[index]), index))
    shown = [*order, *sorted(done)][:limit]
    registered = _registered(ledger, layer)
    splits = [_split_row(ledger, layer, index, states.get(index, "finished")) for index in shown]
    return LayerFacts(
        flow=ledger.flow,
        execution=ledger.execution,
        address=str(Place(ledger, layer)),
        layer=row,
        configuration=registered,
        artifacts=artifacts_in(ledger, layer, done),
        splits=splits,
        more_splits=len(states) + len(done) - len(shown),
        advice=_advice(ledger, row, splits, registered),
    )


def split_facts(ledger: Ledger, layer: str, index: int) -> SplitFacts:
    """A split and its attempts."""
    commit = ledger.commit(layer, index)
    address = str(Place(ledger, layer, index))
    plan = ledger.plan(layer)
    elements = _elements(plan.grid if plan else None, index)
    if commit is not None:
        state = "finished"
    elif ledger.tries(layer, index):
        state = _open_state(ledger, layer, index, layer_state(ledger, layer, read=False), epoch_at_work(ledger))
    else:
        state = "waiting"
    tries = tries_of(ledger, layer, index, state)
    if commit is None:
        return SplitFacts(ledger.flow, ledger.execution, address, layer, index, state, tries, elements)
    return SplitFacts(
        ledger.flow,
        ledger.execution,
        address,
        layer,
        index,
        state,
        tries,
        elements,
        inputs=commit.inputs,
        commit=commit.checksum,
        code=commit.code,
        versions=commit.versions,
        caught=error_of(commit.caught) if commit.caught else None,
        artifacts=artifacts_of(commit.artifacts),
    )


def tries_of(ledger: Ledger, layer: str, index: int, state: str) -> list[Try]:
    """The attempts at a split that is in that state."""
    return [_try(ledger, layer, index, number, state) for number in ledger.attempts(layer, index)]


def _open_state(ledger: Ledger, layer: str, index: int, of_layer: LayerState, epoch: int) -> str:
    """The state of a split of which anything is recorded and that has no result; `epoch` is at work, if any."""
    attempts = ledger.tries(layer, index)
    if not attempts:
        return "waiting"
    if str(of_layer) not in ("failed", "running"):
        return str(of_layer)
    if ledger.failure(layer, index, attempts[-1]) is None:
        return "running" if epoch else "interrupted"
    return "failed" if has_failed(ledger, of_layer, epoch, layer, index, attempts[-1]) else "retrying"


def _split_row(ledger: Ledger, layer: str, index: int, state: str) -> SplitRow:
    commit = ledger.commit(layer, index) if state == "finished" else None
    if commit is not None:
        took = max(0.0, commit.finished - commit.started)
        caught = error_of(commit.caught) if commit.caught else None
        return SplitRow(index, state, commit.attempt, commit.started, commit.finished, took, caught)
    attempts = ledger.tries(layer, index)
    if not attempts:
        return SplitRow(index, state)
    failure = ledger.failure(layer, index, attempts[-1])
    started = ledger.start(layer, index, attempts[-1]).get("created")
    spent = None if failure is None or started is None else max(0.0, failure.at - started)
    return SplitRow(index, state, attempts[-1], started, None, spent, error_of(failure) if failure else None)


def _try(ledger: Ledger, layer: str, index: int, number: int, state: str) -> Try:
    start, counts = ledger.start(layer, index, number), ledger.generation(layer)
    launch: Mapping[str, Any] = ledger.launch_of(layer, index, number) or {}
    generation = start.get("generation", counts)
    commit = ledger.commit(layer, index, generation)
    if generation != counts:
        state = "lost"  # of what the split is now, this says nothing
    started, failure = start.get("created"), ledger.failure(layer, index, number)
    configuration = _asked(layer, start, launch)
    image = launch.get("engine", {}).get("images", {}).get(layer, "")
    how, finished = "failed" if failure else state if state != "finished" else "lost", failure.at if failure else None
    if commit is not None and commit.attempt == number:
        how, started, finished = "finished", commit.started, commit.finished
    took = max(0.0, finished - started) if finished is not None and started is not None else None
    usage = usage_of(commit if how == "finished" else failure)
    error = error_of(failure) if failure and how == "failed" else None
    return Try(
        attempt=number,
        state=how,
        started=started,
        finished=finished,
        duration_s=took,
        image=image,
        log_bytes=len(ledger.log(layer, index, number)),
        error=error,
        configuration=configuration,
        usage=usage,
        advice=advice(configuration, usage, took, [error]),
        replaced=generation != counts,
    )


def _advice(
    ledger: Ledger, row: LayerRow, splits: Sequence[SplitRow], registered: Mapping[str, Any] | None
) -> list[str]:
    """What to change in the layer's request; nothing where the attempts that would say so asked for different amounts."""
    killed = [split for split in splits if split.state != "finished" and was_killed(split.error)]
    ends = [(split.index, split.attempt) for split in killed if split.attempt is not None]
    asked = {
        end: configuration
        for end in [*filter(None, [row.memory_peak_at]), *ends]
        if (configuration := _asked(row.name, ledger.start(row.name, *end), ledger.launch_of(row.name, *end) or {}))
    }
    if len({_memory(each) for each in asked.values()}) != 1:
        return []
    (index, attempt), configuration = next(iter(asked.items()))
    usage = Usage(None, row.memory_peak_mib, row.measured)
    said = advice(configuration, usage, errors=[split.error for split in killed])
    # The layer is shown with its own request: of another, whose it is must be said.
    if registered and _memory(registered) != _memory(configuration):
        return [f"split {index} at attempt {attempt} {sentence}" for sentence in said]
    return said


def _memory(configuration: Mapping[str, Any]) -> float:
    asked: float = configuration["container"]["memory"]
    return asked


def _asked(layer: str, start: Mapping[str, Any], launch: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an attempt asked for: hooks may have changed what its layer was registered with."""
    found: Mapping[str, Any] | None = start.get("configuration") or launch.get("configurations", {}).get(layer)
    return found


def _registered(ledger: Ledger, layer: str) -> Mapping[str, Any] | None:
    """The layer's configuration as the latest launch had it; hooks may have changed it for single attempts."""
    found: Mapping[str, Any] | None = (ledger.latest_launch() or {}).get("configurations", {}).get(layer)
    return found


def _elements(grid: Grid | None, index: int) -> dict[str, tuple[int, int]]:
    if grid is None or index >= grid.size:
        return {}
    return {f"{axis.layer}.{axis.attribute}": element for axis, element in grid.at(index)}
