"""An execution and its layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from laminar.engine.addresses import Place, layers_of
from laminar.engine.lease import held_s
from laminar.engine.ledger import Commit, Failure, Ledger
from laminar.engine.states import LayerState, epoch_at_work, layer_state, together
from laminar.inspection.artifacts import MOST_READ, artifact
from laminar.inspection.found import Error, ExecutionFacts, LayerRow, Usage


def execution_facts(ledger: Ledger) -> ExecutionFacts:
    """An execution that is there, and where each layer of it stands; its own record may be one that cannot be read."""
    record = ledger.record() or {"target": "", "created": 0.0, "parameters": {}}
    launch: Mapping[str, Any] = ledger.latest_launch() or {}
    engine: Mapping[str, Any] = launch.get("engine", {})
    rows = rows_of(ledger)
    state = together(ledger, (row.state for row in rows))
    return ExecutionFacts(
        flow=ledger.flow,
        execution=ledger.execution,
        address=str(Place(ledger)),
        state=state,
        target=launch.get("target") or record["target"],
        created=record["created"],
        held=bool(epoch_at_work(ledger)),
        duration_s=held_s(ledger),
        launches=ledger.launch_count(),
        executor=launch.get("executor", ""),
        hardened=bool(engine.get("hardened")),
        images=engine.get("images", {}),
        image_names=engine.get("names", {}),
        versions=launch.get("versions", {}),
        parameters=[artifact(name, entry) for name, entry in record["parameters"].items()],
        layers=rows,
    )


def rows_of(ledger: Ledger) -> list[LayerRow]:
    """The layers of an execution, in a topological order."""
    graph = layers_of(ledger)
    rows = {name: layer_row(ledger, name) for name in graph}
    over = {name for name, row in rows.items() if row.state in ("finished", "skipped")}
    return [
        replace(row, waits_for=[other for other in graph[name] if other not in over]) if row.state == "waiting" else row
        for name, row in rows.items()
    ]


def layer_row(ledger: Ledger, name: str, done: Set[int] | None = None) -> LayerRow:
    """Where a layer stands, from listings, and from the records of its splits where these are not too many.

    Args:
        ledger: The execution.
        name: Of the layer.
        done: The splits that are committed, where the caller has listed them.
    """
    done = ledger.committed(name) if done is None else done
    state = layer_state(ledger, name, read=False, done=done)
    plan = ledger.plan(name)
    if plan is None or plan.skipped:
        attempts = len(ledger.tries(name, 0)) if plan is None else 0
        reason = plan.skipped if plan else ""
        return LayerRow(name, str(state), 0 if plan else None, attempts=attempts, skipped=reason, error=_error(state))
    row = LayerRow(name, str(state), plan.splits, len(done), error=_error(state))
    if plan.splits > MOST_READ:
        return replace(row, caught_splits=None)
    commits = {index: commit for index in done if (commit := ledger.commit(name, index)) is not None}
    tried = {index: tries for index in ledger.begun(name) - done if (tries := ledger.tries(name, index))}
    again = {index: ledger.tries(name, index) for index, commit in commits.items() if commit.attempt > 1}
    latest = {index: ledger.failure(name, index, tries[-1]) for index, tries in tried.items()}
    failures = {index: failure for index, failure in latest.items() if failure is not None}
    epoch = epoch_at_work(ledger) if failures else 0
    failed = sum(has_failed(ledger, state, epoch, name, index, tried[index][-1]) for index in failures)
    retrying = len(failures) - failed if epoch else 0
    attempts = len(commits) - len(again) + sum(map(len, again.values())) + sum(map(len, tried.values()))
    caught = sum(commit.caught is not None for commit in commits.values())
    row = replace(row, attempts=attempts, failed_splits=failed, retrying_splits=retrying, caught_splits=caught)
    ended = {(index, commit.attempt): commit for index, commit in commits.items()}
    row = _with_peak(row, {**ended, **{(index, tried[index][-1]): failure for index, failure in failures.items()}})
    return _timed(ledger, row, commits, {**tried, **again})


def has_failed(ledger: Ledger, of_layer: LayerState, epoch: int, layer: str, index: int, attempt: int) -> bool:
    """Whether the latest attempt at a split failed for good; `epoch` is the scheduler at work, if any."""
    return of_layer.failed and (not epoch or ledger.final(layer, index, attempt) == epoch)


def error_of(failure: Failure | Mapping[str, Any]) -> Error:
    """What people are shown of a failure."""
    values = failure._asdict() if isinstance(failure, Failure) else failure
    return Error(values["kind"], values["error"], values["message"], values["remedy"], values["traceback"])


def usage_of(record: Commit | Failure | None) -> Usage | None:
    """What the attempt of a record took, where it says that."""
    return Usage(**record.usage._asdict()) if record and record.usage else None


def _with_peak(row: LayerRow, records: Mapping[tuple[int, int], Commit | Failure]) -> LayerRow:
    """`row` with the highest peak of memory that was measured; `records` are by split and attempt."""
    usages = {at: record.usage for at, record in records.items() if record.usage}
    peaks = {at: usage.memory_peak_mib for at, usage in usages.items() if usage.memory_peak_mib is not None}
    if not peaks:
        return row
    highest = max(peaks, key=peaks.__getitem__)
    return replace(row, memory_peak_mib=peaks[highest], measured=usages[highest].measured, memory_peak_at=highest)


def _error(state: LayerState) -> Error | None:
    return error_of(state.error) if state.error and not state.running else None


def _timed(
    ledger: Ledger, row: LayerRow, commits: Mapping[int, Commit], tried: Mapping[int, Sequence[int]]
) -> LayerRow:
    """`row` with its times: of the splits that were `tried` without a result, or more than once, from the first try on."""
    firsts = (_first_start(ledger, row.name, index, numbers) for index, numbers in tried.items())
    starts = [*(commit.started for commit in commits.values()), *(first for first in firsts if first is not None)]
    if not starts:
        return row
    row = replace(row, started=min(starts))
    if row.state != "finished":
        return row
    finished = max(commit.finished for commit in commits.values())
    ran = ((commit.started, commit.finished) for commit in commits.values())
    return replace(row, finished=finished, duration_s=held_s(ledger, min(starts), finished, ran))


def _first_start(ledger: Ledger, layer: str, index: int, attempts: Iterable[int]) -> float | None:
    """When the first of these attempts was started of which that is recorded."""
    starts = (ledger.start(layer, index, attempt) for attempt in attempts)
    return next((float(each["created"]) for each in starts if each), None)
