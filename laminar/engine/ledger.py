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
from functools import cached_property
from typing import Any, NamedTuple

from laminar.engine import layout, records
from laminar.engine.artifacts import Entry
from laminar.engine.ports import Datastore
from laminar.engine.usage import Usage
from laminar.errors import NotFoundError, StoreError, UsageError
from laminar.model.configuration import Configuration
from laminar.model.grid import Grid
from laminar.model.names import nearest
from laminar.model.wire import Task


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


class Plan(NamedTuple):
    """How a layer was cut into splits.

    Attributes:
        splits: How many.
        grid: Which elements each gets, where a ForEach cut it.
        skipped: Why the layer does not run; empty where it does.
    """

    splits: int
    grid: Grid | None = None
    skipped: str = ""


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


class Ledger:
    """The records of one execution of one flow."""

    def __init__(self, store: Datastore, flow: str, execution: str) -> None:
        self.store = store
        self.flow = flow
        self.execution = execution
        self._plans: dict[str, Plan] = {}
        self._launch = 0

    # What the scheduler writes.

    def create(self, target: str, parameters: Mapping[str, Entry]) -> None:
        """Begin the execution.

        Raises:
            UsageError: There is one of that id.
        """
        document = {"flow": self.flow, "target": target, "parameters": dict(parameters), "created": time.time()}
        key = layout.execution_record(self.flow, self.execution)
        if not records.create(self.store, key, "execution", document):
            raise self._exists()

    def check_absent(self) -> None:
        """Raise `UsageError` where there is an execution of that id: nothing is set up for one that cannot begin.

        Also where parts of one are left, which something wrote after it was removed: a new one would take them for its own.
        """
        if self.record() is not None:
            raise self._exists()
        place = layout.execution(self.flow, self.execution)
        if any(True for _ in self.store.children(place)):
            raise UsageError(
                f"parts of an execution {self.execution!r} of flow {self.flow} are left, which was removed.",
                remedy=f"Give another --execution id, or remove {self.store.place(place)}",
            )

    @property
    def is_there(self) -> bool:
        """Whether the execution is, from one look: somebody may have removed it since it began."""
        try:
            self.store.read(layout.execution_record(self.flow, self.execution))
        except NotFoundError:
            return False
        return True

    def removed(self) -> StoreError:
        """What ends a run whose execution was removed."""
        return StoreError(
            f"execution {self.execution} of {self.flow} was removed while it ran.",
            remedy="What it had committed is gone, too. Schedule the flow again.",
        )

    def check_present(self) -> None:
        """Raise `UsageError` where there is no execution of that id to go on with."""
        if self.record() is None:
            known = [ledger.execution for ledger in executions(self.store, self.flow)]
            there = f"The latest: {', '.join(known[-3:])}." if known else "It has none there."
            raise UsageError(
                f"flow {self.flow} has no execution {self.execution!r} in the datastore {self.store.url or self.store!r}.",
                remedy=there + nearest(self.execution, known),
            )

    def _exists(self) -> UsageError:
        return UsageError(
            f"flow {self.flow} has an execution {self.execution!r} already.",
            remedy="Give another --execution id, or none for a new one.",
        )

    def launch(self, facts: Mapping[str, Any]) -> None:
        """Record a schedule or resume: what is run, where, by which versions."""
        taken = list(self.store.children(layout.launches(self.flow, self.execution)))
        number = len(taken) + 1
        document = {**facts, "created": time.time()}
        while not records.create(self.store, layout.launch(self.flow, self.execution, number), "launch", document):
            number += 1
        self._launch = number

    def recompute(self, layers: Sequence[str]) -> None:
        """Open a generation: results of these layers no longer count, and stay. By the holder of the lease only."""
        number = max(self._numbers(), default=1) + 1
        records.create(
            self.store, layout.generation(self.flow, self.execution, number), "generation", {"layers": list(layers)}
        )
        self._plans.clear()
        self.__dict__.pop("_generations", None)

    def put_plan(self, layer: str, plan: Plan) -> bool:
        """Record how a layer was cut into splits; false where that is recorded already."""
        document = {"splits": plan.splits, "grid": plan.grid and plan.grid.to_json(), "skipped": plan.skipped}
        return records.create(self.store, self._plan_key(layer), "plan", document)

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
        document = {name: value for name, value in _document(commit).items() if name != "checksum"}
        return key, records.encode("commit", {**document, "splits": task.splits})

    def put_failure(self, task: Task, failure: Failure) -> None:
        """Record why an attempt failed."""
        key = layout.failure(self.flow, self.execution, task.layer, task.index, task.attempt)
        records.create(self.store, key, "failure", {**_document(failure), "at": time.time()}, durable=False)

    def put_final(self, task: Task, epoch: int) -> None:
        """Record that no try follows an attempt in the launch of that epoch."""
        key = layout.final(self.flow, self.execution, task.layer, task.index, task.attempt)
        records.create(self.store, key, "final", {"epoch": epoch}, durable=False)

    # What everybody reads.

    def generation(self, layer: str) -> int:
        """Which computation of a layer counts: 1, and one more for each time that it was to be computed again."""
        return self._generations.get(layer, 1)

    @cached_property
    def _generations(self) -> dict[str, int]:
        """Layer -> its generation, as of the first time that this is asked."""
        found: dict[str, int] = {}
        for number in self._numbers():
            key = layout.generation(self.flow, self.execution, number)
            document = records.load(self.store, key, "generation") or {"layers": []}
            found |= dict.fromkeys(document["layers"], number)
        return found

    def _numbers(self) -> list[int]:
        names = self.store.children(layout.generations(self.flow, self.execution))
        return layout.numbers(names)

    def _plan_key(self, layer: str) -> str:
        return layout.plan(self.flow, self.execution, layer, self.generation(layer))

    def record(self) -> dict[str, Any] | None:
        """What the execution was given (`target`, `parameters`, `created`); None where there is no such execution."""
        return records.load(self.store, layout.execution_record(self.flow, self.execution), "execution")

    def launches(self) -> list[dict[str, Any]]:
        """Each schedule or resume, oldest first."""
        names = self.store.children(layout.launches(self.flow, self.execution))
        found = (
            records.load(self.store, layout.launch(self.flow, self.execution, n), "launch")
            for n in layout.numbers(names)
        )
        return [launch for launch in found if launch is not None]

    def latest_launch(self) -> dict[str, Any] | None:
        """The last schedule or resume; None before the first."""
        names = self.store.children(layout.launches(self.flow, self.execution))
        return self.launch_at(max(layout.numbers(names), default=0))

    def launch_at(self, number: int) -> dict[str, Any] | None:
        """The schedule or resume of that number, from 1; None where there is none."""
        return records.load(self.store, layout.launch(self.flow, self.execution, number), "launch")

    def launch_of(self, layer: str, index: int, attempt: int) -> dict[str, Any] | None:
        """The schedule or resume that started an attempt; the last one, where that is not known."""
        return self.launch_at(self.start(layer, index, attempt).get("launch", 0)) or self.latest_launch()

    def launch_count(self) -> int:
        """How often it was scheduled or resumed."""
        return len(layout.numbers(self.store.children(layout.launches(self.flow, self.execution))))

    def plan(self, layer: str) -> Plan | None:
        """How a layer was cut into splits; None before that. Read once, since it never changes."""
        if layer in self._plans:
            return self._plans[layer]
        document = records.load(self.store, self._plan_key(layer), "plan")
        if document is None:
            return None
        grid = document["grid"]
        plan = Plan(document["splits"], None if grid is None else Grid.from_json(grid), document["skipped"])
        return self._plans.setdefault(layer, plan)

    def commit(self, layer: str, index: int, generation: int | None = None) -> Commit | None:
        """The result of a split, in the generation that counts or in another one; None before it has one."""
        key = layout.commit(self.flow, self.execution, layer, index, generation or self.generation(layer))
        document = records.load(self.store, key, "commit")
        if document is None:
            return None
        document["checksum"] = document["sha256"]
        return Commit(**_values(document, Commit._fields))

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
        return None if document is None else Failure(**_values(document, Failure._fields))

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
    """What is written of it: what it took only where that is known."""
    document = record._asdict()
    if record.usage is None:
        del document["usage"]
    else:
        document["usage"] = record.usage._asdict()
    return document


def _values(document: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """What is read: records of an older laminar have no usage."""
    usage = document.get("usage")
    known = usage and Usage(**{name: usage[name] for name in Usage._fields})
    return {**{name: document[name] for name in fields if name != "usage"}, "usage": known}


def executions(store: Datastore, flow: str) -> list[Ledger]:
    """The executions of a flow, oldest first."""
    ledgers = [Ledger(store, flow, name) for name in store.children(layout.flow(flow))]
    dated = [(record["created"], ledger) for ledger in ledgers if (record := ledger.record())]
    return [ledger for _, ledger in sorted(dated, key=lambda pair: (pair[0], pair[1].execution))]
