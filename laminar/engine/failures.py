"""What failed, as the user is told: an error made of a cause, and of the last lines of the log."""

from __future__ import annotations

from collections.abc import Sequence

from laminar.engine.evaluate import LayerFailed, failure_of
from laminar.engine.outcome import REFUSED, USER, Cause
from laminar.errors import ExecutionError, InfrastructureError, LaminarError
from laminar.model.wire import Task

_OTHERS = 5


def failed(task: Task, cause: Cause, tail: Sequence[str] = ()) -> ExecutionError:
    """The error of an attempt that failed; `tail` is the end of its log."""
    lines = _without_end(list(tail), cause.printed)
    log = "\n".join(["last lines of its log", *(f"    {line}" for line in lines)]) if lines else ""
    return ExecutionError(
        f"{task.address} failed at attempt {task.attempt}: {cause.words}",
        execution=task.execution,
        layer=task.layer,
        index=task.index,
        attempt=task.attempt,
        remedy=cause.remedy,
        details="\n\n".join(part for part in (cause.details, log) if part),
        exit_code=cause.exit_code,
    )


def add_commands(error: ExecutionError, execution: str, *, printed: bool) -> None:
    """Have the error that ends a run name the commands to type next.

    Args:
        error: What ends it.
        execution: What commands call the execution.
        printed: Whether there is a log to look at.
    """
    look = f"laminar {'logs' if printed else 'show'} {execution}/{error.layer}/{error.index}"
    remedy = error.remedy.replace("EXECUTION", execution)  # which those did not know who wrote it
    lines = [remedy, f"look     {look}"]
    if "--rerun" not in remedy:
        lines.append(f"go on    laminar resume {execution}")
    error.remedy = "\n".join(filter(None, lines))


def add_others(error: ExecutionError, addresses: Sequence[str]) -> None:
    """Have the error that ends a run name what else has failed."""
    if addresses:
        more = f", and {len(addresses) - _OTHERS} more" if len(addresses) > _OTHERS else ""
        error.remedy = f"{error.remedy}\nalso     {', '.join(addresses[:_OTHERS])}{more} failed".lstrip("\n")


def cause_in_scheduler(error: Exception | SystemExit) -> Cause:
    """The cause of a failure in the scheduler itself: of a hook, or of a ForEach that cannot be cut."""
    failed = LayerFailed()
    failed.__cause__ = error
    # What laminar itself says of a configuration or the datastore is no exception of the user's code.
    failure = failure_of(error if isinstance(error, LaminarError) else failed)
    words = f"{failure.error}: {failure.message}" if failure.kind == USER else failure.message
    exit_code = error.exit_code if isinstance(error, InfrastructureError) else 1
    return Cause(USER if failure.kind == USER else REFUSED, words, failure.remedy, failure.traceback, exit_code)


def _without_end(lines: list[str], end: str) -> list[str]:
    """The last lines of a log without the traceback that ends it, where that is shown by itself."""
    shown = end.splitlines()
    kept = len(lines)
    while shown and kept and lines[kept - 1] == shown[-1]:
        shown.pop()
        kept -= 1
    return lines[:kept]
