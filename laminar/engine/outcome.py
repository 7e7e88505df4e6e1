"""Why an attempt ended without a commit, and whether another try can help."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from laminar.engine.evaluate import words_of
from laminar.engine.executor import Exit
from laminar.engine.ledger import Failure
from laminar.engine.usage import OUT_OF_MEMORY, Usage
from laminar.errors import InfrastructureError
from laminar.model.configuration import Configuration

USER = "user"
INFRASTRUCTURE = "infrastructure"
REFUSED = "refused"


@dataclass(frozen=True)
class Cause:
    """Why an attempt failed.

    Attributes:
        kind: `user` (the layer's Retry applies), `infrastructure` (a budget of its own), `refused` (no try helps).
        words: One sentence.
        remedy: What to do about it.
        details: The user's traceback.
        printed: What the process printed about it, which ends its log.
        usage: What the attempt took, as far as that is known.
        exit_code: What the command exits with if this ends the run.
    """

    kind: str
    words: str
    remedy: str = ""
    details: str = ""
    exit_code: int = 1
    printed: str = ""
    usage: Usage | None = None


def cause_of(
    exit_: Exit, failure: Failure | None, configuration: Configuration, *, timed_out: bool, executor: str
) -> Cause:
    """The cause of an attempt that left no commit.

    Args:
        exit_: How its process ended.
        failure: What its process recorded, if it could.
        configuration: How it was run.
        timed_out: The scheduler ended it for its timeout.
        executor: Name of the executor, for words.
    """
    if exit_.error is not None:
        return Cause(REFUSED, exit_.error.message, exit_.error.remedy, exit_.error.details, exit_.error.exit_code)
    if timed_out and configuration.timeout:
        return Cause(
            USER,
            f"timed out after {configuration.timeout.seconds:g} s",
            "Raise the layer's Timeout, or give it less to do.",
        )
    if exit_.oom and exit_.code == 128 + signal.SIGKILL:
        return Cause(
            USER,
            f"{OUT_OF_MEMORY} at {configuration.container.memory} MiB",
            "Raise the layer's container.memory.",
            usage=Usage(None, float(configuration.container.memory), "container"),
        )
    if failure is not None:
        exit_code = InfrastructureError.exit_code if failure.kind != USER and failure.error != "LayerError" else 1
        text = f"{failure.error}: {failure.message}" if failure.kind == USER else failure.message
        return Cause(
            failure.kind,
            text.rstrip(": "),
            failure.remedy,
            failure.traceback,
            exit_code,
            words_of(failure),
            failure.usage,
        )
    return _unexplained(exit_, executor)


def _unexplained(exit_: Exit, executor: str) -> Cause:
    what = "container" if executor == "docker" else "process"
    if exit_.vanished or exit_.code is None:
        return Cause(
            INFRASTRUCTURE,
            f"the {what} vanished: it is gone and left no exit state",
            "Something removed it, or the machine went down.",
            exit_code=3,
        )
    if exit_.code == 0:
        return Cause(
            USER,
            "exited 0 without committing",
            "The process ended before laminar was done: look for os._exit, or for a command that does not reach flow().",
        )
    number = -exit_.code if exit_.code < 0 else exit_.code - 128
    if exit_.code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return Cause(
            INFRASTRUCTURE, "killed (SIGKILL), cause unknown", "Something outside laminar ended it.", exit_code=3
        )
    if 0 < number < signal.NSIG:
        name = signal.Signals(number).name if number in list(signal.Signals) else f"signal {number}"
        if name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL"):
            return Cause(USER, f"crashed ({name}), exit code {exit_.code}", "A native library in the layer broke.")
        return Cause(
            INFRASTRUCTURE,
            f"ended by {name}, exit code {exit_.code}",
            "Something outside laminar ended it.",
            exit_code=3,
        )
    return Cause(USER, f"exited {exit_.code} without committing and without saying why", "Its log may say more.")
