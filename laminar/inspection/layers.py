"""An execution and its layers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from laminar.engine.addresses import Place, layers_of
from laminar.engine.lease import pauses_s
from laminar.engine.ledger import Commit, Failure, Ledger
from laminar.engine.states import LayerState, layer_state, together
from laminar.inspection.artifacts import MOST_READ, artifact
from laminar.inspection.found import Error, ExecutionFacts, LayerRow, Usage


def execution_facts(ledger: Ledger) -> ExecutionFacts:
    """An execution that is there, and where each layer of it stands; its own record may be one that cannot be read."""
    record = ledger.record() or {"target": "", "created": 0.0, "parameters": {}}
    launch: Mapping[str, Any] = ledger.latest_launch() or {}
    rows = rows_of(ledger)
    state = together(ledger, (row.state for row in rows))
    return ExecutionFacts(
        flow=ledger.flow,
        execution=ledger.execution,
        address=str(Place(ledger)),
        state=state,
        target=launch.get("target") or record["target"],
        created=record["created"],
        duration_s=_duration_s(ledger, record["created"], state, rows),
        launches=ledger.launch_count(),
        executor=launch.get("executor", ""),
        images=launch.get("engine", {}).get("images", {}),
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
        attempts = len(ledger.attempts(name, 0)) if plan is None else 0
        reason = plan.skipped if plan else ""
        return LayerRow(name, str(state), 0 if plan else None, attempts=attempts, skipped=reason, error=_error(state))
    row = LayerRow(name, str(state), plan.splits, len(done), error=_error(state))
    if plan.splits > MOST_READ:
        return row
    commits = {index: commit for index in done if (commit := ledger.commit(name, index)) is not None}
    tried = {index: ledger.attempts(name, index) for index in ledger.begun(name) - done}
    latest = (ledger.failure(name, index, tries[-1]) for index, tries in tried.items() if tries)
    failures = [failure for failure in latest if failure is not None]
    attempts = sum(commit.attempt for commit in commits.values()) + sum(map(len, tried.values()))
    row = _with_peak(replace(row, attempts=attempts, failed_splits=len(failures)), [*commits.values(), *failures])
    return _timed(row, list(commits.values()))


def error_of(failure: Failure | Mapping[str, Any]) -> Error:
    """What people are shown of a failure."""
    values = failure._asdict() if isinstance(failure, Failure) else failure
    return Error(values["kind"], values["error"], values["message"], values["remedy"], values["traceback"])


def usage_of(record: Commit | Failure | None) -> Usage | None:
    """What the attempt of a record took, where it says that."""
    return Usage(**record.usage._asdict()) if record and record.usage else None


def _with_peak(row: LayerRow, records: Sequence[Commit | Failure]) -> LayerRow:
    """`row` with the highest peak of memory that was measured."""
    measured = [record.usage for record in records if record.usage and record.usage.memory_peak_mib is not None]
    if not measured:
        return row
    highest = max(measured, key=lambda usage: usage.memory_peak_mib or 0.0)
    return replace(row, memory_peak_mib=highest.memory_peak_mib, measured=highest.measured)


def _error(state: LayerState) -> Error | None:
    return error_of(state.error) if state.error else None


def _timed(row: LayerRow, commits: Sequence[Commit]) -> LayerRow:
    if not commits:
        return row
    started = min(commit.started for commit in commits)
    finished = max(commit.finished for commit in commits)
    if row.state != "finished":
        return replace(row, started=started)
    return replace(row, started=started, finished=finished, duration_s=max(0.0, finished - started))


def _duration_s(ledger: Ledger, created: float, state: str, rows: Sequence[LayerRow]) -> float | None:
    ends = [row.finished for row in rows if row.finished is not None]
    end = time.time() if state == "running" else max(ends, default=None)
    return None if end is None else max(0.0, end - created - pauses_s(ledger, end))
