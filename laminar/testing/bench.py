"""A launch for the executor suite: submits attempts at real layers, and keeps what comes back."""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from laminar import wiring
from laminar.engine.evaluate import LayerFailed, evaluate, failure_of
from laminar.engine.executor import Executor, Exit, Job, Launch, Put
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Ledger, Plan, Started
from laminar.engine.ports import Datastore
from laminar.engine.targets import target_of
from laminar.model.configuration import Configuration
from laminar.model.names import new_execution_id
from laminar.model.wire import Task
from laminar.testing.sample import PartsFlow


class Bench:
    """An executor, opened when it is first used for a launch of `PartsFlow`, and everything that it reports.

    Args:
        executor: What the user made; a copy of it is opened, as the scheduler does.
        store: The datastore of the launch.
        app_dir: An empty project directory.
        timeout_s: How long a report may take.
    """

    def __init__(self, executor: Executor, store: Datastore, app_dir: Path, timeout_s: float) -> None:
        self.ledger = Ledger(store, PartsFlow.__name__, new_execution_id())
        self.archive = wiring.archive(store)
        self.counts: Counter[str] = Counter()
        self.logs: dict[Job, bytearray] = {}
        self.notices: list[bool] = []
        self._executor = copy.copy(executor)
        self._open = False
        self._store = store
        self._app_dir = str(app_dir)
        self._timeout_s = timeout_s
        self._graph = PartsFlow(datastore=store).graph()
        self._target = str(target_of(PartsFlow, self._app_dir))
        self._reports: SimpleQueue[tuple[Job, Exit]] = SimpleQueue()
        self._exits: dict[Job, Exit] = {}
        self._hanging: dict[Job, threading.Event] = {}

    @property
    def executor(self) -> Executor:
        """The executor. It is opened in the test, not before: one that takes over `sys.stdout` must find the test's."""
        if not self._open:
            self._executor.open(
                Launch(
                    flow=PartsFlow.__name__,
                    execution=self.ledger.execution,
                    target=self._target,
                    app_dir=self._app_dir,
                    datastore=self._store,
                    containers={node.name: node.configuration.container for node in self._graph},
                    evaluate=self._evaluate,
                    failed=self.ledger.put_failure,
                    commit=self.ledger.put_commits if self._store.grouped else None,
                )
            )
            self._open = True
            self.ledger.create(self._target, {})
        return self._executor

    def task(self, layer: str, attempt: int = 1, index: int = 0, splits: int = 1) -> Task:
        """An attempt at a layer."""
        return Task(
            layer=layer,
            index=index,
            splits=splits,
            attempt=attempt,
            target=self._target,
            execution=self.ledger.execution,
            datastore=self.executor.datastore(self._store),
        )

    def configuration(self, layer: str) -> Configuration:
        """How a layer is registered."""
        return self._graph.node(layer).configuration.copy()

    def expect(self, *layers: str) -> None:
        """Say that first attempts at these layers are probably next, as the scheduler does."""
        self.executor.expect({self.task(layer): self.configuration(layer) for layer in layers})

    def submit(self, layer: str, attempt: int = 1, index: int = 0, splits: int = 1) -> Job:
        """Start an attempt at a layer, as the scheduler does."""
        task = self.task(layer, attempt, index, splits)
        configuration = self.configuration(layer)
        self.ledger.put_plan(layer, Plan(splits))
        self.ledger.put_started(task, Started(configuration))
        log, hanging = bytearray(), threading.Event()

        def take(data: bytes) -> None:
            log.extend(data)
            if b"hanging" in log[:100]:
                hanging.set()

        job = Job(task, configuration, take, lambda: self.notices.append(self.committed(layer, index)))
        self.logs[job], self._hanging[job] = log, hanging
        self.executor.submit(job, lambda *report: self._reports.put(report))
        return job

    def exit_of(self, job: Job) -> Exit:
        """How a job ended, once it has."""
        while job not in self._exits:
            self._take(timeout=self._timeout_s)
        return self._exits[job]

    def wait_until_it_hangs(self, job: Job) -> None:
        """Return when the layer `Hangs` of that job runs."""
        assert self._hanging[job].wait(self._timeout_s), f"no log within {self._timeout_s} s: {self.logs[job]!r}"

    def run(self, layer: str) -> Exit:
        """Submit a layer and wait for it."""
        return self.exit_of(self.submit(layer))

    def close(self) -> None:
        """Close the executor; what it had still to report is then in `counts`."""
        if self._open:
            self._open = False
            self._executor.close()
        while not self._reports.empty():
            self._take(timeout=0)

    def committed(self, layer: str, index: int = 0) -> bool:
        """Whether the completion marker is there."""
        return self.ledger.commit(layer, index) is not None

    def value(self, layer: str, name: str) -> object:
        """An artifact."""
        commit = self.ledger.commit(layer, 0)
        assert commit is not None
        return self.archive.load(commit.artifacts[name], name, layer)

    def _take(self, timeout: float) -> None:
        job, exit_ = self._reports.get(timeout=timeout)
        self.counts[job.task.address] += 1
        self._exits[job] = exit_

    def _evaluate(self, job: Job, may_commit: Callable[[], bool], put: Put | None) -> bool:
        """What `laminar.launch` gives to executors that evaluate in this process."""
        task = job.task
        execution = PartsFlow(datastore=self._store).execution(task.execution)
        inputs = Inputs(self.ledger, self.archive, execution)
        try:
            started = Started(job.configuration, job.last)
            return evaluate(self._graph.node(task.layer), task, started, inputs, may_commit=may_commit, put=put)
        except LayerFailed as error:
            self.ledger.put_failure(task, failure_of(error))
            raise
