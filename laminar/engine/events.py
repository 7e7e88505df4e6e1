"""What happens in a run, as observers see it. `at` is seconds since the run began, on a clock that does not jump."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from laminar.engine.usage import Usage


@dataclass(frozen=True)
class Event:
    """Something that happened."""

    at: float


@dataclass(frozen=True)
class Began(Event):
    """The run has begun.

    Attributes:
        layers: Layer -> the layers it waits for, in a topological order.
        engine: What runs the layers, in words.
        datastore: Where the results go, in words.
    """

    flow: str
    execution: str
    layers: Mapping[str, Sequence[str]]
    engine: str
    datastore: str


@dataclass(frozen=True)
class LayerPlanned(Event):
    """A layer was cut into splits, of which `done` were committed before this launch."""

    layer: str
    splits: int
    done: int = 0


@dataclass(frozen=True)
class LayerSkipped(Event):
    """A layer does not run. `reason` says who decided that."""

    layer: str
    reason: str


@dataclass(frozen=True)
class AttemptStarted(Event):
    """An attempt was handed to the executor. `memory` is what it asks for, in MiB."""

    layer: str
    index: int
    attempt: int
    memory: int


@dataclass(frozen=True)
class AttemptFailed(Event):
    """An attempt ended without a commit.

    Attributes:
        cause: In words.
        retry_s: Seconds until the next try; None where there is none.
        tries: The highest number that an attempt can have, for what failed.
        usage: What it took; None where that is not known.
        seconds: How long it took; None where it was not even started.
        exit_code: Of its process; None where there is none.
    """

    layer: str
    index: int
    attempt: int
    cause: str
    tries: int
    retry_s: float | None = None
    usage: Usage | None = None
    seconds: float | None = None
    exit_code: int | None = None


@dataclass(frozen=True)
class SplitDone(Event):
    """A split was committed. `seconds` is how long its last attempt took, `usage` what it took of the machine, if known."""

    layer: str
    index: int
    attempt: int
    seconds: float
    usage: Usage | None = None


@dataclass(frozen=True)
class Warned(Event):
    """Something that the user should know, and that stops nothing."""

    message: str


@dataclass(frozen=True)
class Printed(Event):
    """A layer printed a line."""

    layer: str
    index: int
    line: str


@dataclass(frozen=True)
class Beat(Event):
    """Nothing has happened for a while; the run is alive."""


@dataclass(frozen=True)
class Ended(Event):
    """The run has ended.

    Attributes:
        outcome: `done`, `failed` or `interrupted`.
        layers: How many the flow has.
        splits: How many were committed in this run.
        retries: How many attempts failed and were followed by another.
        slowest: The layer that took longest.
        failed_at: The split that failed first.
        skipped: How many of the layers did not run.
        look: The command to type next; empty where the results are in this process only.
    """

    outcome: str
    layers: int
    splits: int
    retries: int
    slowest: str = ""
    slowest_s: float = 0.0
    failed_at: str = ""
    skipped: int = 0
    look: str = ""
