"""What failed, as the user is told: an error made of a cause, and of the last lines of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from laminar.engine.commands import Options
from laminar.engine.evaluate import LayerFailed, failure_of
from laminar.engine.outcome import REFUSED, USER, Cause
from laminar.errors import ExecutionError, InfrastructureError, LaminarError
from laminar.model import printable
from laminar.model.wire import Task
from laminar.model.words import clock, plural

_OTHERS = 5


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What is known of how the attempt ended that ends a run.

    Attributes:
        exit_code: Of its process; None where it had none of its own.
        seconds: How long it took; None where it was not even started.
        printed: Whether there is a log to look at.
        shell: Whether there is a place to open a shell in.
    """

    exit_code: int | None = None
    seconds: float | None = None
    printed: bool = False
    shell: bool = False

    @property
    def words(self) -> str:
        """The line that says so; empty for a thread that failed at once, of which there is nothing to say."""
        if self.seconds is None or (self.exit_code is None and self.seconds < 1):
            return ""
        code = "" if self.exit_code is None else f", exit code {self.exit_code}"
        if self.exit_code is not None and self.exit_code < 0:
            code = f" by signal {-self.exit_code}"
        return f"ended    after {clock(self.seconds)}{code}"


def failed(task: Task, cause: Cause, tail: Sequence[str] = (), tries: int = 1) -> ExecutionError:
    """The error of an attempt that failed; `tail` is the end of its log, `tries` the highest number that it can have."""
    lines = _without_end(list(tail), cause.printed)
    log = "\n".join(["last lines of its log", *(f"    {printable.line(line)}" for line in lines)]) if lines else ""
    number = f"{task.attempt} of {tries}" if tries > 1 else str(task.attempt)
    return ExecutionError(
        f"{task.address} failed at attempt {number}: {printable.clean(cause.words)}",
        execution=task.execution,
        layer=task.layer,
        index=task.index,
        attempt=task.attempt,
        remedy=cause.remedy,
        details="\n\n".join(part for part in (printable.clean(cause.details), log) if part),
        exit_code=cause.exit_code,
    )


def add_commands(error: ExecutionError, ending: Ending, execution: str, done: str, options: Options) -> None:
    """Have the error that ends a run say how its attempt ended, and name the commands to type next.

    Args:
        error: What ends it.
        ending: How its attempt ended.
        execution: What commands call the execution; empty where no other process has it.
        done: What need not run again, as `done_words` has it.
        options: What the commands must be given.
    """
    remedy = options.with_name(error.remedy, execution or "EXECUTION")
    lines = [remedy, ending.words]
    if execution:
        address = f"{execution}/{error.layer}/{error.index}"
        lines.append(f"look     {options.command('logs' if ending.printed else 'show', address)}")
        lines.append(f"shell    {options.command('shell', address)}" if ending.shell else "")
        lines.append("" if "--rerun" in remedy else f"go on    {options.command('resume', execution)}{done}")
    error.remedy = "\n".join(filter(None, lines))


def done_words(done: int, splits: int | None) -> str:
    """What need not run again, to be put behind the command that goes on; empty where that is nothing.

    Args:
        done: How many splits are committed.
        splits: Of how many; None where that is not known yet.
    """
    if not done:
        return ""
    count = plural(done, "split") if splits is None else f"{done} of {plural(splits, 'split')}"
    return f"  ({count} {'is' if done == 1 else 'are'} done and will not run again)"


def add_others(error: ExecutionError, addresses: Sequence[str], left: Sequence[str]) -> None:
    """Have the error that ends a run name what else has failed, and what of those layers was `left` undone, in words."""
    lines = [error.remedy]
    if addresses:
        more = f", and {len(addresses) - _OTHERS} more" if len(addresses) > _OTHERS else ""
        lines.append(f"also     {', '.join(addresses[:_OTHERS])}{more} failed")
    if left:
        lines.append(
            f"left     {', '.join(left)} did not run: of a layer that has failed, nothing more starts (see --keep-going)"
        )
    error.remedy = "\n".join(filter(None, lines))


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
    if len(shown) == 1 and kept and lines[kept - 1].endswith(shown[0]):  # it had left its own last line without an end
        lines[kept - 1] = lines[kept - 1].removesuffix(shown[0])
    return lines[:kept]
