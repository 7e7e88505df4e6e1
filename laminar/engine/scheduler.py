"""The scheduler: decides what runs next and waits for it.

One loop in the calling thread takes messages off a queue: executors report there from threads of their own, signals are put
there, and timers bound the wait. Nothing is polled, no event loop is needed or disturbed, so it works the same from a
script, a notebook and a thread. State changes in the loop only.
"""

from __future__ import annotations

import heapq
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from laminar.engine import layout
from laminar.engine.admission import Admission
from laminar.engine.events import (
    AttemptFailed,
    AttemptStarted,
    Beat,
    Began,
    Ended,
    Event,
    LayerPlanned,
    Printed,
    SplitDone,
    Warned,
)
from laminar.engine.executor import Executor, Exit, Job, Observer
from laminar.engine.ledger import Ledger
from laminar.engine.logs import LogWriter
from laminar.engine.outcome import INFRASTRUCTURE, REFUSED, USER, Cause, cause_of
from laminar.engine.signals import Signals
from laminar.errors import ExecutionError, Interrupted
from laminar.model.configuration import Configuration
from laminar.model.graph import Graph, Node
from laminar.model.wire import Task

_BEAT_S = 30.0

Split = tuple[str, int]


@dataclass
class _Attempt:
    """A try at a split: waiting for its turn, then running."""

    task: Task
    configuration: Configuration
    log: LogWriter
    job: Job | None = None
    since: float = 0.0
    timed_out: bool = False
    done: bool = False


@dataclass
class _Tries:
    """What the tries at one split have cost so far."""

    user: int = 0
    infrastructure: int = 0


@dataclass
class _Layer:
    """Where a layer stands in this run."""

    node: Node
    waits_for: set[str]
    left: int = 0
    splits: int = 0
    failed: bool = False
    began: float = 0.0


@dataclass(frozen=True)
class Options:
    """How the user wants the run to go.

    Attributes:
        max_parallel: Attempts at one time, at most; None for what the machine holds.
        fail_fast: Start nothing more once a split has finally failed.
        logs: Whether what layers print is shown as it comes.
    """

    max_parallel: int | None = None
    fail_fast: bool = False
    logs: bool = False


@dataclass
class Scheduler:
    """Runs the layers of one execution that are not done yet.

    Attributes:
        graph: What to run.
        task: What all its tasks have in common; layer, index, splits and attempt are filled in.
        ledger: The records of the execution.
        executor: Runs the attempts; opened by the caller, who closes it.
        observers: See every event.
        options: How the user wants it.
    """

    graph: Graph
    task: dict[str, Any]
    ledger: Ledger
    executor: Executor
    observers: Sequence[Observer]
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        self._messages: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._layers = {node.name: _Layer(node, set(node.dependencies)) for node in self.graph}
        self._ready: deque[_Attempt] = deque()
        self._running: dict[Split, _Attempt] = {}
        self._timers: list[tuple[float, int, _Attempt]] = []
        self._timer_count = 0
        self._tries: dict[Split, _Tries] = {}
        self._admission = Admission(self.executor.capacity(), self.options.max_parallel)
        self._failure: ExecutionError | None = None
        self._stopped = 0
        self._splits = self._retries = 0
        self._slowest = ("", 0.0)
        self._zero = time.monotonic()

    def run(self) -> None:
        """Run to the end.

        Raises:
            ExecutionError: A split has finally failed; what was independent of it has run.
            Interrupted: A signal came; running attempts were ended.
            StoreError: The datastore cannot be reached; running attempts were ended.
        """
        layers = {node.name: node.dependencies for node in self.graph}
        self._emit(
            Began(
                self._now(),
                self.graph.flow,
                self.ledger.execution,
                layers,
                self.executor.summary,
                repr(self.ledger.store),
            )
        )
        for warning in self.executor.warnings:
            self._warn(warning)
        with Signals(lambda number: self._messages.put((self._on_signal, number))):
            try:
                for layer in list(self._layers.values()):
                    self._plan_if_due(layer)
                while self._running or self._ready or self._timers:
                    self._fill()
                    self._wait()
            except BaseException:
                self._abandon()
                raise
        self._end()

    # Starting

    def _plan_if_due(self, layer: _Layer) -> None:
        """Cut a layer into splits and queue them, once all that it waits for is done."""
        if layer.waits_for or layer.splits or self._stopped or (self._failure and self.options.fail_fast):
            return
        name = layer.node.name
        layer.splits = self.ledger.splits(name) or 1
        self.ledger.put_plan(name, layer.splits)
        layer.began = self._now()
        todo = [index for index in range(layer.splits) if self.ledger.commit(name, index) is None]
        layer.left = len(todo)
        self._emit(LayerPlanned(self._now(), name, layer.splits, layer.splits - layer.left))
        for index in todo:
            number = max(self.ledger.attempts(name, index), default=0) + 1
            self._ready.append(self._attempt(layer.node, index, layer.splits, number))
        if not todo:
            self._layer_done(layer)

    def _attempt(self, node: Node, index: int, splits: int, number: int) -> _Attempt:
        task = Task(layer=node.name, index=index, splits=splits, attempt=number, **self.task)
        key = layout.log(self.ledger.flow, self.ledger.execution, node.name, index, number)
        show = None
        if self.options.logs:
            show = lambda line: self._messages.put((self._on_line, task, line))  # noqa: E731
        return _Attempt(task, node.configuration.copy(), LogWriter(self.ledger.store, key, show))

    def _fill(self) -> None:
        """Start what is ready and fits, first come first served."""
        while self._ready and self._admission.admits(self._ready[0].configuration.container):
            attempt = self._ready.popleft()
            if warning := self._admission.take(attempt.configuration.container, attempt.task.address):
                self._warn(warning)
            self._start(attempt)

    def _start(self, attempt: _Attempt) -> None:
        task = attempt.task
        self.ledger.put_started(task, attempt.configuration)
        attempt.since = self._now()
        attempt.job = job = Job(
            task,
            attempt.configuration,
            attempt.log.write,
            committed=lambda: self._messages.put((self._on_committed, job)),
        )
        self._running[task.layer, task.index] = attempt
        self._emit(AttemptStarted(attempt.since, task.layer, task.index, task.attempt))
        if attempt.configuration.timeout:
            self._after(attempt.configuration.timeout.seconds, attempt)
        self.executor.submit(attempt.job, lambda job, exit_: self._messages.put((self._on_exit, job, exit_)))

    # Waiting

    def _wait(self) -> None:
        """Take one message, or let the next timer ring."""
        if not (self._running or self._timers):
            return
        due = self._timers[0][0] if self._timers else None
        wait = _BEAT_S if due is None else max(0.0, min(_BEAT_S, due - self._now()))
        try:
            handler, *arguments = self._messages.get(timeout=wait)
        except Empty:
            if due is not None and due <= self._now():
                self._on_timer(heapq.heappop(self._timers)[2])
            else:
                self._emit(Beat(self._now()))
            return
        handler(*arguments)

    def _on_timer(self, attempt: _Attempt) -> None:
        split = attempt.task.layer, attempt.task.index
        if attempt.job is None:
            if not self._given_up(attempt.task.layer):
                self._ready.append(attempt)
        elif self._running.get(split) is attempt:
            attempt.timed_out = True
            self.executor.cancel(attempt.job)

    def _on_line(self, task: Task, line: str) -> None:
        self._emit(Printed(self._now(), task.layer, task.index, line))

    def _on_signal(self, number: int) -> None:
        if self._stopped:
            raise self._interrupted(at_once=True)
        self._stopped = number
        self._ready.clear()
        self._timers.clear()
        for attempt in self._running.values():
            assert attempt.job is not None
            self.executor.cancel(attempt.job)
        self._warn(f"stopping {len(self._running)} running; interrupt again to leave at once")

    def _on_committed(self, job: Job) -> None:
        """The process says that it has committed. What waits for that need not wait for the process to end."""
        task = job.task
        attempt = self._running.get((task.layer, task.index))
        if attempt and attempt.job is job and self.ledger.commit(task.layer, task.index) is not None:
            self._split_done(attempt)

    def _on_exit(self, job: Job, exit_: Exit) -> None:
        task = job.task
        attempt = self._running.pop((task.layer, task.index))
        self._timers = [timer for timer in self._timers if timer[2] is not attempt]
        heapq.heapify(self._timers)
        attempt.log.close()
        self._admission.give_back(job.configuration.container)
        # The marker decides, whatever the exit looked like.
        if attempt.done or self.ledger.commit(task.layer, task.index) is not None:
            self._split_done(attempt)
            if exit_.oom:
                self._warn(f"{task.address} committed, although a process in it was killed for memory")
            elif exit_.code != 0:
                self._warn(f"{task.address} committed, then exited {exit_.code}")
        elif not self._stopped:
            failure = self.ledger.failure(task.layer, task.index, task.attempt)
            cause = cause_of(
                exit_, failure, job.configuration, timed_out=attempt.timed_out, executor=self.executor.name
            )
            self._split_failed(attempt, cause, exit_)

    # Outcomes

    def _split_done(self, attempt: _Attempt) -> None:
        """Its commit was seen; the process may still be on its way out."""
        if attempt.done:
            return
        attempt.done = True
        task, layer = attempt.task, self._layers[attempt.task.layer]
        self._splits += 1
        self._emit(SplitDone(self._now(), task.layer, task.index, task.attempt, self._now() - attempt.since))
        self._tries.pop((task.layer, task.index), None)
        layer.left -= 1
        if not layer.left:
            self._layer_done(layer)

    def _layer_done(self, layer: _Layer) -> None:
        name = layer.node.name
        self._slowest = max(self._slowest, (name, self._now() - layer.began), key=lambda pair: pair[1])
        for other in self._layers.values():
            if name in other.waits_for:
                other.waits_for.remove(name)
                self._plan_if_due(other)

    def _split_failed(self, attempt: _Attempt, cause: Cause, exit_: Exit) -> None:
        task, retry = attempt.task, attempt.configuration.retry
        tries = self._tries.setdefault((task.layer, task.index), _Tries())
        if cause.kind == USER:
            tries.user += 1
        elif cause.kind == INFRASTRUCTURE:
            tries.infrastructure += 1
        again = (
            cause.kind != REFUSED
            and tries.user < retry.attempts
            and tries.infrastructure <= retry.infrastructure
            and not self._given_up(task.layer)
        )
        wait = retry.wait_s(tries.user + tries.infrastructure, random.random()) if again else None  # noqa: S311
        most = retry.attempts if cause.kind == USER else 1 if cause.kind == REFUSED else retry.infrastructure + 1
        words = cause.words
        self._emit(AttemptFailed(self._now(), task.layer, task.index, task.attempt, words, most, wait))
        if wait is not None:
            self._retries += 1
            node = self._layers[task.layer].node
            self._after(wait, self._attempt(node, task.index, task.splits, task.attempt + 1))
            return
        self._give_up(attempt, cause, exit_)

    def _give_up(self, attempt: _Attempt, cause: Cause, exit_: Exit) -> None:
        """A split has finally failed: nothing more of its layer starts, nor anything downstream."""
        task = attempt.task
        self._layers[task.layer].failed = True
        self._ready = deque(other for other in self._ready if not self._given_up(other.task.layer))
        self._timers = [timer for timer in self._timers if timer[2].job or not self._given_up(timer[2].task.layer)]
        heapq.heapify(self._timers)
        if self._failure is None:
            tail = _without_end(attempt.log.tail, cause.printed)
            log = "\n".join(["last lines of its log", *(f"    {line}" for line in tail)]) if tail else ""
            self._failure = ExecutionError(
                f"{task.address} failed at attempt {task.attempt}: {cause.words}",
                execution=self.ledger.execution,
                layer=task.layer,
                index=task.index,
                attempt=task.attempt,
                remedy=cause.remedy,
                details="\n\n".join(part for part in (cause.details, log) if part),
                exit_code=cause.exit_code,
            )
            self._failure.__cause__ = exit_.exception

    def _given_up(self, layer: str) -> bool:
        return self._layers[layer].failed or (self.options.fail_fast and any(x.failed for x in self._layers.values()))

    # Ending

    def _end(self) -> None:
        at = f"{self._failure.layer}/{self._failure.index}" if self._failure else ""
        outcome = "interrupted" if self._stopped else "failed" if self._failure else "done"
        self._emit(Ended(self._now(), outcome, len(self._layers), self._splits, self._retries, *self._slowest, at))
        if self._stopped:
            raise self._interrupted()
        if self._failure:
            raise self._failure

    def _abandon(self) -> None:
        """The scheduler itself is ending: end what runs, and leave."""
        for attempt in self._running.values():
            if attempt.job:
                self.executor.cancel(attempt.job)
        self._emit(Ended(self._now(), "interrupted", len(self._layers), self._splits, self._retries))

    def _interrupted(self, *, at_once: bool = False) -> Interrupted:
        return Interrupted(
            f"interrupted: execution {self.ledger.execution} of {self.graph.flow} has stopped; what was committed stays.",
            signum=self._stopped,
            at_once=at_once,
        )

    def _after(self, seconds: float, attempt: _Attempt) -> None:
        self._timer_count += 1  # equal times ring in the order they were set
        heapq.heappush(self._timers, (self._now() + seconds, self._timer_count, attempt))

    def _warn(self, message: str) -> None:
        self._emit(Warned(self._now(), message))

    def _now(self) -> float:
        return time.monotonic() - self._zero

    def _emit(self, event: Event) -> None:
        for observer in self.observers:
            observer(event)


def _without_end(lines: list[str], end: str) -> list[str]:
    """The last lines of a log without the traceback that ends it, where that is shown by itself."""
    shown = end.splitlines()
    kept = len(lines)
    while shown and kept and lines[kept - 1] == shown[-1]:
        shown.pop()
        kept -= 1
    return lines[:kept]
