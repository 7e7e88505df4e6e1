"""Everything laminar raises on purpose.

    LaminarError                exit code 1
    ├── ExecutionError          1    a layer failed; names it and carries the user's error
    ├── Interrupted             130  the run was stopped by a signal (143 for SIGTERM)
    ├── UsageError              2    what was typed or written cannot be run
    │   ├── TargetError              no such module, attribute or flow
    │   ├── FlowError                the graph is not valid
    │   ├── LayerError               a layer's code broke a rule of laminar
    │   └── SettingsError            laminar.yaml, an option or a variable
    └── InfrastructureError     3    the world did not play along; the same command may work later
        ├── EngineError              no Docker, no image, a daemon that refuses
        ├── SkewError                scheduler and executor process hold different code or versions
        └── StoreError               a datastore that cannot be read or written
            ├── NotFoundError        the key is certainly not there
            └── CorruptError         the key is there and its content is not what was written

Each carries a message (what is wrong, and where), a remedy (what to do) and an exit code. Vendor errors are translated
where the vendor is called; nothing else is caught.
"""

from __future__ import annotations

from collections.abc import Callable


class LaminarError(Exception):
    """Base of all errors that laminar raises on purpose.

    Args:
        message: One sentence that names what is wrong and where.
        remedy: One sentence that says what to do about it.
        details: Text to show before the message, such as the traceback of the user's own code.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class ExecutionError(LaminarError):
    """A layer failed. `execution` is the id of the run, `layer` and `index` name the split."""

    def __init__(
        self,
        message: str,
        *,
        execution: str,
        layer: str,
        index: int = 0,
        attempt: int = 1,
        remedy: str = "",
        details: str = "",
        exit_code: int = 1,
    ) -> None:
        super().__init__(message, remedy=remedy, details=details)
        self.execution = execution
        self.layer = layer
        self.index = index
        self.attempt = attempt
        self.exit_code = exit_code


class Interrupted(LaminarError):  # noqa: N818 - it is what happened, not a mistake
    """The run was stopped; what was committed stays.

    Attributes:
        at_once: By a second signal, so nothing was waited for.
        taken_over: By another scheduler of the execution, which has what runs now.
    """

    def __init__(
        self, message: str, *, signum: int, at_once: bool = False, taken_over: bool = False, remedy: str = ""
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.at_once = at_once
        self.taken_over = taken_over
        self.exit_code = 128 + signum


class UsageError(LaminarError):
    """What was typed or written cannot be run."""

    exit_code = 2


class TargetError(UsageError):
    """A target that names no module, no attribute or no flow."""


class FlowError(UsageError):
    """A flow whose graph is not valid."""


class LayerError(UsageError):
    """A layer's code broke a rule of laminar; raised inside the layer, so it counts as the layer's failure."""

    exit_code = 1


class SettingsError(UsageError):
    """An unknown or wrongly typed setting."""


class InfrastructureError(LaminarError):
    """The world did not play along."""

    exit_code = 3


class EngineError(InfrastructureError):
    """The engine that runs the executor processes is missing or refuses."""


class SkewError(InfrastructureError):
    """The scheduler and the executor process hold different code or versions."""


class StoreError(InfrastructureError):
    """A datastore that cannot be read or written."""


class NotFoundError(StoreError):
    """The key is certainly not in the datastore. Never raised for an error whose cause is unknown."""


class CorruptError(StoreError):
    """What is stored under a key is not what was written there."""


def report(error: LaminarError, shown: Callable[[str], str] = str) -> str:
    """The error as people read it: the user's own traceback, what is wrong and where, what to do.

    Args:
        error: What went wrong.
        shown: What becomes of the lines after the traceback.
    """
    lines = [f"error: {error.message}", *(f"       {line}" for line in error.remedy.splitlines())]
    said = shown("\n".join(lines))
    return f"{error.details}\n\n{said}" if error.details else said
