"""The records of one execution, and the commit protocol.

Truth lives in the datastore. A split is done when its COMMIT is there: one record, put if absent, that names every
artifact by digest and carries its own checksum. It is written by the process that evaluated the split, after all that it
names is durable; the first one wins and it never changes. Readers follow only COMMIT -> blobs. Everything else recorded
here (plan, started, failure, log) explains what happened; none of it can make a split done.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from laminar.engine import layout, records
from laminar.engine.artifacts import Entry
from laminar.engine.history import History, Plan, ids
from laminar.engine.ports import Datastore
from laminar.engine.usage import Usage
from laminar.errors import NotFoundError
from laminar.model.configuration import Configuration
from laminar.model.wire import Task

__all__ = ["Commit", "Failure", "Ledger", "Plan", "Started", "executions"]


class Commit(NamedTuple):
    """The result of a split.

    Attributes:
        attempt: The attempt that made it.
        artifacts: Name -> entry, as `laminar.engine.artifacts` reads it.
        inputs: Layer -> checksum of the COMMIT that was read.
        code: Digest of the layer's code; empty where it was not compared.
        started: When the scheduler started the attempt, in seconds since 1970; in a thread, when that began.
        finished: When it committed.
        versions: Versions of Python and laminar that wrote it.
        caught: The error that the layer's Catch let pass.
        usage: What the attempt took; None where that was not measured.
        checksum: The record's own, by which later splits say what they read; set when it is read.
    """

    attempt: int
    artifacts: Mapping[str, Entry]
    inputs: Mapping[str, str] = {}
    code: str = ""
    started: float = 0.0
    finished: float = 0.0
    versions: Mapping[str, str] = {}
    caught: Mapping[str, str] | None = None
    usage: Usage | None = None
    checksum: str = ""


class Failure(NamedTuple):
    """Why an attempt failed, as its own process recorded it.

    Attributes:
        kind: `user` for the layer's own code, `refused` for what no further try can mend, `infrastructure` else.
        error: Type of the exception.
        message: What it said.
        remedy: What to do, where laminar knows.
        traceback: The user's own frames.
        at: When that was recorded, in seconds since 1970; set when it is read.
        usage: What the attempt took; None where that was not measured.
    """

    kind: str
    error: str
    message: str
    remedy: str = ""
    traceback: str = ""
    at: float = 0.0
    usage: Usage | None = None


class Started(NamedTuple):
    """How an attempt was started.

    Attributes:
        configuration: How it is run.
        last: Whether no try follows if it fails in user code.
        changed: Whether hooks made the configuration another than the registered one.
        generation: Of the layer; an attempt of an older one has nothing to commit.
        at: When that was recorded, in seconds since 1970; set when it is read, 0 where no record was.
    """

    configuration: Configuration
    last: bool = True
    changed: bool = False
    generation: int = 1
    at: float = 0.0


RecordT = TypeVar("RecordT", Commit, Failure)


class Ledger(History):
    """The records of one execution of one flow: those of `History`, and what each attempt at a split came to."""

    # What the scheduler writes.

    def put_started(self, task: Task, started: Started) -> None:
        """Record that an attempt is about to start. Losing it to a power cut loses nothing: the attempt is gone too."""
        key = layout.started(self.flow, self.execution, task.layer, task.index, task.attempt)
        document = {
            "configuration": started.configuration.to_json() if started.changed else None,
            "last": started.last,
            "generation": started.generation,
            "launch": self._launch,
            "created": time.time(),
        }
        records.create(self.store, key, "started", document, durable=False)

    # What the executor process writes.

    def put_commit(self, task: Task, commit: Commit, generation: int = 1) -> bool:
        """Make `commit` the result of its split; false where another attempt's is already (then nothing has changed)."""
        return self.store.create(*self._commit(task, commit, generation))

    def put_commits(self, commits: Sequence[tuple[Task, Commit, int]]) -> None:
        """`put_commit` for several, with their generations, at once."""
        self.store.create_all([self._commit(*commit) for commit in commits])

    def _commit(self, task: Task, commit: Commit, generation: int) -> tuple[str, bytes]:
        """Where a COMMIT is, and its record."""
        key = layout.commit(self.flow, self.execution, task.layer, task.index, generation)
        return key, records.encode("commit", {**_document(commit), "splits": task.splits})

    def put_failure(self, task: Task, failure: Failure) -> None:
        """Record why an attempt failed."""
        key = layout.failure(self.flow, self.execution, task.layer, task.index, task.attempt)
        records.create(self.store, key, "failure", {**_document(failure), "at": time.time()}, durable=False)

    def put_final(self, task: Task, epoch: int) -> None:
        """Record that no try follows an attempt in the launch of that epoch."""
        key = layout.final(self.flow, self.execution, task.layer, task.index, task.attempt)
        records.create(self.store, key, "final", {"epoch": epoch}, durable=False)

    # What everybody reads.

    def launch_of(self, layer: str, index: int, attempt: int) -> dict[str, Any] | None:
        """The schedule or resume that started an attempt; the last one, where that is not known."""
        return self.launch_at(self.start(layer, index, attempt).get("launch", 0)) or self.latest_launch()

    def commit(self, layer: str, index: int, generation: int | None = None) -> Commit | None:
        """The result of a split, in the generation that counts or in another one; None before it has one."""
        key = layout.commit(self.flow, self.execution, layer, index, generation or self.generation(layer))
        document = records.load(self.store, key, "commit")
        if document is None:
            return None
        document["checksum"] = document["sha256"]
        return _record(Commit, document)

    def committed(self, layer: str) -> set[int]:
        """The splits of a layer that have a result, from listings alone."""
        key = layout.commit(self.flow, self.execution, layer, 0, self.generation(layer))
        name = key.rpartition("/")[2]
        return set(layout.numbers(self.store.holding(layout.layer(self.flow, self.execution, layer), name)))

    def begun(self, layer: str) -> set[int]:
        """The splits of a layer of which anything is recorded, from one listing."""
        names = self.store.children(layout.layer(self.flow, self.execution, layer))
        return set(layout.numbers(names))

    def attempts(self, layer: str, index: int) -> list[int]:
        """Numbers of the attempts at a split, in order."""
        names = self.store.children(layout.split(self.flow, self.execution, layer, index))
        return layout.numbers(names)

    def tries(self, layer: str, index: int) -> list[int]:
        """Those of the attempts that belong to the generation that counts: `--rerun` begins with none."""
        attempts, generation = self.attempts(layer, index), self.generation(layer)
        if generation == 1:
            return attempts
        # What no record was kept of is not known to be older.
        return [each for each in attempts if self.start(layer, index, each).get("generation", generation) == generation]

    def start(self, layer: str, index: int, attempt: int) -> dict[str, Any]:
        """What was recorded when an attempt was started (`created`, `configuration`); empty where nothing was."""
        key = layout.started(self.flow, self.execution, layer, index, attempt)
        return records.load(self.store, key, "started") or {}

    def failure(self, layer: str, index: int, attempt: int) -> Failure | None:
        """Why an attempt failed, where its process could say so."""
        key = layout.failure(self.flow, self.execution, layer, index, attempt)
        document = records.load(self.store, key, "failure")
        return None if document is None else _record(Failure, document)

    def started(self, task: Task, registered: Configuration) -> Started:
        """How an attempt was started; as `registered`, where no scheduler started it."""
        key = layout.started(self.flow, self.execution, task.layer, task.index, task.attempt)
        document = records.load(self.store, key, "started")
        if document is None:
            return Started(registered, generation=self.generation(task.layer))
        changed = document["configuration"]
        configuration = registered if changed is None else registered.with_json(changed)
        last, generation, at = document["last"], document["generation"], document["created"]
        return Started(configuration, last, changed is not None, generation, at)

    def final(self, layer: str, index: int, attempt: int) -> int | None:
        """The epoch of the launch in which no try followed an attempt; None where it is not known to be the last."""
        key = layout.final(self.flow, self.execution, layer, index, attempt)
        document = records.load(self.store, key, "final")
        return None if document is None else int(document["epoch"])

    def log(self, layer: str, index: int, attempt: int) -> bytes:
        """What an attempt printed."""
        with suppress(NotFoundError):
            return bytes(self.store.read(layout.log(self.flow, self.execution, layer, index, attempt)))
        return b""


def _document(record: Commit | Failure) -> dict[str, Any]:
    """What is written of it: what it took only where that is known, and its checksum nowhere in it."""
    document = record._asdict()
    document.pop("checksum", None)
    if (usage := document.pop("usage")) is not None:
        document["usage"] = usage._asdict()
    return document


def _record(kind: type[RecordT], document: dict[str, Any]) -> RecordT:
    """What is read: records of an older laminar have no usage."""
    usage = document.get("usage")
    document["usage"] = usage and Usage(*[usage[name] for name in Usage._fields])
    return kind._make([document[name] for name in kind._fields])


def executions(store: Datastore, flow: str) -> list[Ledger]:
    """The executions of a flow, oldest first."""
    return [Ledger(store, flow, name) for name in ids(store, flow)]
