"""What was found, as plain data: the members are those of the JSON that the commands print.

Times are seconds since 1970 here and ISO 8601 in JSON; `…_s` are seconds. None is what is not known, or not yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Error:
    """Why an attempt failed, or what a Catch let pass.

    Attributes:
        kind: `user`, `refused` or `infrastructure`.
        type: Type of the exception; empty where it was none.
        message: What was wrong.
        remedy: What to do, where laminar knows.
        traceback: The user's own frames.
    """

    kind: str
    type: str
    message: str
    remedy: str
    traceback: str

    @property
    def words(self) -> str:
        """In one line."""
        text = f"{self.type}: {self.message}" if self.kind == "user" and self.type else self.message or self.type
        return text.partition("\n")[0].rstrip(": ")


@dataclass(frozen=True)
class Usage:
    """What an attempt took.

    Attributes:
        cpu_s: Seconds of processor time, of all cores together; None where that is unknown.
        memory_peak_mib: The most memory at one time, in MiB; None where that is unknown.
        measured: Of what: the attempt's `container`, or its `process` and the children of that.
    """

    cpu_s: float | None
    memory_peak_mib: float | None
    measured: str


@dataclass(frozen=True)
class Artifact:
    """An artifact, without its value.

    Attributes:
        type: Type of the value; `shard` for one saved item by item.
        size: Bytes; None of a shard, and where a protocol of the user's keeps it.
        preview: What it looked like.
        codec: How it was written.
        items: Of a shard.
        splits: How many splits of the layer set it.
        layer: Which layer; empty where it is the one that is shown.
    """

    name: str
    type: str
    size: int | None
    preview: str
    codec: str
    items: int | None = None
    splits: int = 1
    layer: str = ""


@dataclass(frozen=True)
class LayerRow:
    """A layer in an execution.

    Attributes:
        splits: How many; None before that is known.
        finished_splits: Of them.
        failed_splits: Of them: finally, for this launch.
        retrying_splits: Of them: the latest try failed, and another follows.
        caught_splits: Of those that are finished: their error was let pass by the layer's Catch; None where there are too
            many splits to read.
        attempts: Tries of all its splits; None where there are too many splits to read.
        started: When its first split was, for the first time.
        finished: When its last split did, where all have.
        duration_s: From `started` to `finished`, without the time in which no scheduler had the execution.
        skipped: Why it does not run.
        waits_for: What it depends on that is neither finished nor skipped.
        error: The first of its open splits that failed; None while it runs, and may try again.
        memory_peak_mib: The highest of its splits, each by its latest attempt; None where none was measured, or there are
            too many to read.
        measured: Of what that is, as in `Usage`; empty where it is None.
        memory_peak_at: The split and the attempt that it was measured of.
    """

    name: str
    state: str
    splits: int | None = None
    finished_splits: int = 0
    failed_splits: int = 0
    retrying_splits: int = 0
    caught_splits: int | None = 0
    attempts: int | None = None
    started: float | None = None
    finished: float | None = None
    duration_s: float | None = None
    skipped: str = ""
    waits_for: Sequence[str] = ()
    error: Error | None = None
    memory_peak_mib: float | None = None
    measured: str = ""
    memory_peak_at: tuple[int, int] | None = None


@dataclass(frozen=True)
class ExecutionFacts:
    """An execution.

    Attributes:
        address: To copy into other commands; with the flow where another flow has an execution of that id.
        held: Whether a scheduler is at work; it may be, on other layers, where one has failed.
        duration_s: How long schedulers had it: not the time in which it waited to be resumed.
        launches: How often it was scheduled or resumed; what follows is of the latest.
        hardened: Whether its containers were.
        images: Layer -> id of its image.
        image_names: Layer -> what that was called.
    """

    flow: str
    execution: str
    address: str
    state: str
    target: str
    created: float
    held: bool
    duration_s: float | None
    launches: int
    executor: str
    hardened: bool
    images: Mapping[str, str]
    image_names: Mapping[str, str]
    versions: Mapping[str, str]
    parameters: Sequence[Artifact]
    layers: Sequence[LayerRow]

    @property
    def layers_by_image(self) -> dict[tuple[str, str], list[str]]:
        """What an image was called, and its id -> its layers."""
        found: dict[tuple[str, str], list[str]] = {}
        for layer, image in self.images.items():
            found.setdefault((self.image_names.get(layer, ""), image), []).append(layer)
        return found


@dataclass(frozen=True)
class SplitRow:
    """A split in a layer; `attempt` is the latest, or the one that committed."""

    index: int
    state: str
    attempt: int | None = None
    started: float | None = None
    finished: float | None = None
    duration_s: float | None = None
    error: Error | None = None


@dataclass(frozen=True)
class LayerFacts:
    """A layer: itself, its configuration as registered, and its splits: those that failed or run first, up to a limit.

    Attributes:
        advice: What to change in its request, in sentences.
    """

    flow: str
    execution: str
    address: str
    layer: LayerRow
    configuration: Mapping[str, Any] | None
    artifacts: Sequence[Artifact]
    splits: Sequence[SplitRow]
    more_splits: int
    advice: Sequence[str] = ()


@dataclass(frozen=True)
class Try:
    """An attempt at a split.

    Attributes:
        state: `finished`, `failed`, or `running`: it left neither a result nor a failure.
        configuration: What was asked for; None where no record has it.
        image: Id of the image it ran in, or its name; empty where it ran in none.
        log_bytes: Length of its log.
        usage: What it took; None where that is not known: of a thread, and where the process was killed.
        advice: What to change in its request, in sentences.
        replaced: Whether the layer was computed again since, by `--rerun`: what it came to does not count.
    """

    attempt: int
    state: str
    started: float | None
    finished: float | None
    duration_s: float | None
    image: str
    log_bytes: int
    error: Error | None = None
    configuration: Mapping[str, Any] | None = None
    usage: Usage | None = None
    advice: Sequence[str] = ()
    replaced: bool = False


@dataclass(frozen=True)
class SplitFacts:
    """A split: its attempts, and where it has a result, what that was made of and what it holds.

    Attributes:
        elements: `Layer.attribute` -> which split and item of it stands for it, where a ForEach cut the layer.
        inputs: Layer -> checksum of the COMMIT that was read; of several, a digest of theirs.
        caught: The error that the layer's Catch let pass.
    """

    flow: str
    execution: str
    address: str
    layer: str
    index: int
    state: str
    attempts: Sequence[Try]
    elements: Mapping[str, Sequence[int]] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    code: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    caught: Error | None = None
    artifacts: Sequence[Artifact] = ()
