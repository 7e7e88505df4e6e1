"""What happens in a run, as observers see it. `at` is seconds since the run began, on a clock that does not jump."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from laminar.engine.usage import Usage


class Began(NamedTuple):
    """The run has begun.

    Attributes:
        layers: Layer -> the layers it waits for, in a topological order.
        engine: What runs the layers, in words.
        datastore: Where the results go, in words.
    """

    at: float
    flow: str
    execution: str
    layers: Mapping[str, Sequence[str]]
    engine: str
    datastore: str


class LayerPlanned(NamedTuple):
    """A layer was cut into splits, of which `done` were committed before this launch."""

    at: float
    layer: str
    splits: int
    done: int = 0


class LayerSkipped(NamedTuple):
    """A layer does not run. `reason` says who decided that."""

    at: float
    layer: str
    reason: str


class AttemptStarted(NamedTuple):
    """An attempt was handed to the executor. `memory` is what it asks for, in MiB."""

    at: float
    layer: str
    index: int  # type: ignore[assignment]  # the tuple's own is not missed
    attempt: int
    memory: int


class AttemptFailed(NamedTuple):
    """An attempt ended without a commit.

    Attributes:
        cause: In words.
        retry_s: Seconds until the next try; None where there is none.
        tries: The highest number that an attempt can have, for what failed.
        usage: What it took; None where that is not known.
        seconds: How long it took; None where it was not even started.
        exit_code: Of its process; None where there is none.
    """

    at: float
    layer: str
    index: int  # type: ignore[assignment]  # the tuple's own is not missed
    attempt: int
    cause: str
    tries: int
    retry_s: float | None = None
    usage: Usage | None = None
    seconds: float | None = None
    exit_code: int | None = None


class SplitDone(NamedTuple):
    """A split was committed.

    Attributes:
        seconds: How long its last attempt took.
        usage: What that took of the machine; None where that is not known.
        caught: `type` and `message` of the error that the layer's Catch let pass; None where there was none.
    """

    at: float
    layer: str
    index: int  # type: ignore[assignment]  # the tuple's own is not missed
    attempt: int
    seconds: float
    usage: Usage | None = None
    caught: Mapping[str, str] | None = None


class Warned(NamedTuple):
    """Something that the user should know, and that stops nothing."""

    at: float
    message: str


class Printed(NamedTuple):
    """A layer printed a line."""

    at: float
    layer: str
    index: int  # type: ignore[assignment]  # the tuple's own is not missed
    line: str


class Beat(NamedTuple):
    """Nothing has happened for a while; the run is alive."""

    at: float


class Ended(NamedTuple):
    """The run has ended.

    Attributes:
        outcome: `done`, `failed` or `interrupted`.
        layers: How many the flow has.
        splits: How many were committed in this run.
        retries: How many attempts failed and were followed by another.
        slowest: The layer that took longest, whether it was done or not.
        failed_at: The split that failed first.
        skipped: How many of the layers did not run.
        look: The command to type next; empty where the results are in this process only.
        caught: How many of the splits finished although they raised an error, which a Catch let pass.
    """

    at: float
    outcome: str
    layers: int
    splits: int
    retries: int
    slowest: str = ""
    slowest_s: float = 0.0
    failed_at: str = ""
    skipped: int = 0
    look: str = ""
    caught: int = 0


Event = (
    Began | LayerPlanned | LayerSkipped | AttemptStarted | AttemptFailed | SplitDone | Warned | Printed | Beat | Ended
)
"""Something that happened."""
