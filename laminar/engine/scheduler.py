"""The scheduler: decides what runs next and waits for it.

One loop in the calling thread takes messages off a queue: executors report there from threads of their own, signals are put
there, and timers bound the wait. Nothing is polled, no event loop is needed or disturbed, so it works the same from a
script, a notebook and a thread. State changes in the loop only.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from queue import Empty, SimpleQueue
from typing import Any

from laminar.engine.addresses import name_of
from laminar.engine.admission import Admission
from laminar.engine.events import (
    AttemptFailed,
    AttemptStarted,
    Beat,
    Began,
    Ended,
    Event,
    LayerPlanned,
    LayerSkipped,
    Printed,
    SplitDone,
    Warned,
)
from laminar.engine.executor import Executor, Exit, Job, Observer
from laminar.engine.failures import Ending, add_commands, add_others, cause_in_scheduler, done_words, failed
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Commit, Failure, Started
from laminar.engine.lines import Lines
from laminar.engine.logs import LogWriter
from laminar.engine.outcome import Cause, cause_of
from laminar.engine.planning import Planner
from laminar.engine.signals import Signals
from laminar.engine.timers import Timers
from laminar.engine.tries import Split
from laminar.engine.work import Work
from laminar.errors import EngineError, ExecutionError, Interrupted, LaminarError
from laminar.model.graph import Graph, Node
from laminar.model.wire import Task

_BEAT_S = 30.0


@dataclass
class _Running:
    """An attempt that the executor has."""

    split: Split
    log: LogWriter
    since: float
    took: float = 0.0
    job: Job | None = None
    timed_out: bool = False
    released: bool = False
    done: bool = False


@dataclass
class _Layer:
    """Where a layer stands in this run."""

    node: Node
    waits_for: set[str]
    splits: int | None = None
    left: int = 0
    settled: bool = False
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
        inputs: What hooks take; its ledger has the records of the execution.
        executor: Runs the attempts; opened by the caller, who closes it.
        observers: See every event.
        options: How the user wants it.
        epoch: Which schedule or resume of the execution this is, from 1.
    """

    graph: Graph
    task: Mapping[str, Any]
    inputs: Inputs
    executor: Executor
    observers: Sequence[Observer]
    options: Options = field(default_factory=Options)
    epoch: int = 1

    def __post_init__(self) -> None:
        self.ledger = self.inputs.ledger
        self._messages: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._layers = {node.name: _Layer(node, set(node.dependencies)) for node in self.graph}
        self._planner = Planner(self.inputs)
        self._work = Work(self.inputs, self.task, self.epoch)
        self._skipped: set[str] = set()
        self._queue: deque[Iterator[Split]] = deque()
        self._head: Split | None = None
        self._running: dict[tuple[str, int], _Running] = {}
        self._timers: Timers[Split | _Running] = Timers()
        self._admission = Admission(self.executor.capacity(), self.options.max_parallel)
        self._failure: ExecutionError | None = None
        self._ending = Ending()
        self._failed: list[str] = []
        self._lines = Lines(lambda: self._messages.put((self._on_lines,)))
        self._due: deque[_Layer] = deque()
        self._planning = False
        self._signals = 0
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
        store = repr(self.ledger.store)
        self._emit(Began(self._now(), self.graph.flow, self.ledger.execution, layers, self.executor.summary, store))
        for warning in self.executor.warnings:
            self._warn(warning)
        with Signals(self._signal, self.stop):
            try:
                if adopted := self._work.take_up_leftovers(self.executor, self.graph):
                    self._warn(f"adopted {adopted} {'attempt' if adopted == 1 else 'attempts'} of an earlier launch")
                self._due += [layer for layer in self._layers.values() if not layer.waits_for]
                self._plan_due()
                self._fill()
                while self._running or self._timers:
                    self._wait()
                    self._fill()
            except BaseException as error:
                if isinstance(error, Interrupted) and error.taken_over:
                    for running in self._running.values():
                        running.log.give_up()
                else:
                    self._abandon()
                raise
        self._end()

    def stop(self, number: int) -> None:
        """End what runs, and the run, as a signal of that number does; from any thread."""
        self._messages.put((self._on_signal, number))

    def give_way(self, to: str) -> None:
        """Another process schedules this execution now: leave what runs to it; from any thread."""
        self._messages.put((self._on_lost, to))

    # Starting

    def _plan_if_due(self, layer: _Layer) -> None:
        """Decide about a layer and queue its splits, once all that it waits for is settled."""
        if layer.waits_for or layer.settled or layer.left or self._holds(layer.node.name):
            return
        name = layer.node.name
        task = Task(layer=name, **self.task)
        try:
            plan, fresh = self._planner.plan(layer.node, self._skipped, task)
            todo = range(plan.splits) if fresh else self._work.undone(name, plan.splits)
        except (Exception, SystemExit) as error:
            task = task._replace(attempt=self._work.next_attempt(name, 0))
            self._fail(Split(layer.node, task), cause_in_scheduler(error), Exit(exception=error))
            return
        if plan.skipped:
            self._skipped.add(name)
            self._emit(LayerSkipped(self._now(), name, plan.skipped))
            self._settle(layer)
            return
        layer.splits, layer.left = plan.splits, len(todo)
        self._emit(LayerPlanned(self._now(), name, plan.splits, plan.splits - layer.left))
        if todo:
            self._queue.append(self._work.splits(layer.node, plan.splits, todo, fresh=fresh))
        else:
            self._settle(layer)

    def _holds(self, layer: str) -> bool:
        """Whether nothing more of a layer is started."""
        return bool(
            self._stopped or self._layers[layer].failed or (self.options.fail_fast and self._failure is not None)
        )

    def _why_held(self) -> ExecutionError | Interrupted:
        """What the hooks of a split hear that is not started any more."""
        return self._failure or self._interrupted()

    def _fill(self) -> None:
        """Start what is ready and fits, first come first served."""
        while (split := self._next()) is not None and self._admission.admits(split.configuration.container):
            self._head = None
            if warning := self._admission.take(split.configuration.container, split.task.address):
                self._warn(warning)
            self._start(split)

    def _next(self) -> Split | None:
        """The split whose turn it is, its hooks run; it stays at the head until it fits."""
        while self._head is None or self._holds(self._head.task.layer):
            if self._head is not None:
                self._head.end(self._why_held())
            self._head = None
            if not self._queue:
                return None
            split = next(self._queue[0], None)
            if split is None:
                self._queue.popleft()
                continue
            if self._holds(split.task.layer):
                split.end(self._why_held())  # one that was to be tried again has submission hooks open
                self._queue.popleft()  # with all that follow: they are of the same layer
                continue
            try:
                split.prepare(self.inputs)
            except (Exception, SystemExit) as error:
                self._fail(split, cause_in_scheduler(error), Exit(exception=error))
                continue
            self._head = split
        return self._head

    def _start(self, split: Split) -> None:
        task = split.task
        adopted = self._work.is_left(task)
        if not adopted:
            changed = split.configuration is not split.node.configuration
            generation = self.ledger.generation(task.layer)
            self.ledger.put_started(task, Started(split.configuration, split.last, changed, generation))
        show = None
        if self.options.logs:
            show = lambda line: self._lines.add(task, line)  # noqa: E731
        log, seen = self._work.log_of(task, show)
        running = _Running(split, log, self._now())
        running.job = Job(
            task,
            split.configuration,
            running.log.write,
            committed=lambda: self._messages.put((self._on_committed, running)),
            released=lambda: self._messages.put((self._on_released, running)),
            last=split.last,
            seen=seen,
        )
        self._running[split.key] = running
        layer = self._layers[task.layer]
        layer.began = layer.began or running.since  # its turn, not the time it waited for that
        memory = split.configuration.container.memory
        self._emit(AttemptStarted(running.since, task.layer, task.index, task.attempt, memory))
        if split.configuration.timeout:
            self._after(split.configuration.timeout.seconds, running)
        begin = self.executor.adopt if adopted else self.executor.submit
        try:
            begin(running.job, lambda _, exit_: self._messages.put((self._on_exit, running, exit_)))
        except LaminarError:
            raise
        except Exception as error:  # nothing was started: let it be heard of as any other end
            what = EngineError(f"the {self.executor.name} executor cannot start {task.address}: {error}")
            self._messages.put((self._on_exit, running, Exit(error=what)))

    # Waiting

    def _wait(self) -> None:
        """Let the next timer ring if it is due, else take one message."""
        rung = self._timers.pop(self._now())
        if rung is not None:
            self._on_timer(rung)
            return
        wait = min(_BEAT_S, self._timers.wait_s(self._now()))
        try:
            handler, *arguments = self._messages.get(timeout=wait)
        except Empty:
            if wait == _BEAT_S:
                self._emit(Beat(self._now()))
            return
        handler(*arguments)

    def _on_timer(self, what: Split | _Running) -> None:
        if isinstance(what, Split):
            self._queue.appendleft(iter([what]))  # it came before what still waits
        elif what.job is not None and self._running.get(what.split.key) is what:
            what.timed_out = True
            self.executor.cancel(what.job)

    def _on_lines(self) -> None:
        for task, line in self._lines.take():
            self._emit(Printed(self._now(), task.layer, task.index, line))
        if self._lines.lost:
            self._warn(f"{self._lines.lost} lines came too fast to be shown; the logs have them")
            self._lines.lost = 0

    def _signal(self, number: int) -> None:
        """A signal came. The second one does not wait for the loop, which may be in a user's hook."""
        self._signals += 1
        if self._signals > 1:
            self._stopped = number
            raise self._interrupted(at_once=True)
        self.stop(number)

    def _on_signal(self, number: int) -> None:
        if self._stopped:
            return
        self._stopped = number
        for what in self._timers:
            if isinstance(what, Split):
                what.end(self._interrupted())
        self._timers.clear()
        self._cancel_all()
        self._warn(f"stopping {len(self._running)} running; interrupt again to leave at once")

    def _on_lost(self, to: str) -> None:
        raise Interrupted(
            f"execution {self.ledger.execution} of {self.graph.flow} was taken over by {to}.",
            signum=signal.SIGTERM,
            taken_over=True,
        )

    def _on_committed(self, running: _Running) -> None:
        """The process says that it has committed. What waits for that need not wait for the process to end."""
        layer, index = running.split.key
        if self._running.get((layer, index)) is running and (commit := self.ledger.commit(layer, index)) is not None:
            self._split_done(running, commit)

    def _on_released(self, running: _Running) -> None:
        """The attempt only waits for its commit to be durable: another may have its place."""
        if not running.released:
            running.released = True
            self._admission.give_back(running.split.configuration.container)

    def _on_exit(self, running: _Running, exit_: Exit) -> None:
        split, task = running.split, running.split.task
        del self._running[split.key]
        self._timers.drop(running)
        running.took = self._now() - running.since
        running.log.close()
        self._on_lines()  # its last line comes before its end
        self._on_released(running)
        # The marker decides, whatever the exit looked like.
        commit = None if running.done else self.ledger.commit(task.layer, task.index)
        if running.done or commit is not None:
            if commit is not None:
                self._split_done(running, commit)
            if exit_.oom:
                self._warn(f"{task.address} committed, although a process in it was killed for memory")
            elif exit_.code:
                self._warn(f"{task.address} committed, then exited {exit_.code}")
        elif self._stopped:
            split.end(self._interrupted())
        else:
            failure = self.ledger.failure(task.layer, task.index, task.attempt)
            name = self.executor.name
            cause = cause_of(exit_, failure, split.configuration, timed_out=running.timed_out, executor=name)
            self._attempt_failed(running, cause, exit_)

    # Outcomes

    def _split_done(self, running: _Running, commit: Commit) -> None:
        """Its commit was seen; the process may still be on its way out."""
        if running.done:
            return
        running.done = True
        task, layer = running.split.task, self._layers[running.split.task.layer]
        self._splits += 1
        took = self._now() - running.since
        self._emit(SplitDone(self._now(), task.layer, task.index, task.attempt, took, commit.usage))
        if said := running.split.end(None):
            self._warn(f"a hook of {task.address} raised after it was committed: {said}")
        layer.left -= 1
        if not layer.left:
            self._settle(layer)

    def _settle(self, layer: _Layer) -> None:
        """A layer is done or skipped: what waited for it may start."""
        name = layer.node.name
        layer.settled = True
        took = self._now() - layer.began if layer.began else 0.0
        self._slowest = max(self._slowest, (name, took), key=lambda pair: pair[1])
        self._due += [other for other in self._layers.values() if name in other.waits_for]
        for other in self._due:
            other.waits_for.discard(name)
        if not self._planning:
            self._plan_due()

    def _plan_due(self) -> None:
        """Decide about the layers that waited. What that settles adds to them: a chain is walked, not climbed."""
        self._planning = True
        try:
            while self._due:
                self._plan_if_due(self._due.popleft())
        finally:
            self._planning = False

    def _attempt_failed(self, running: _Running, cause: Cause, exit_: Exit) -> None:
        split, task = running.split, running.split.task
        wait = split.failed(cause)
        if wait is None or self._holds(task.layer):
            self._fail(split, cause, exit_, running)
            return
        self._retries += 1
        self._failed_attempt(split, cause, exit_, running, wait)
        split.end_attempt(failed(split.task, cause))
        split.task = Task(layer=task.layer, index=task.index, splits=task.splits, attempt=task.attempt + 1, **self.task)
        self._after(wait, split)

    def _fail(self, split: Split, cause: Cause, exit_: Exit, running: _Running | None = None) -> None:
        """A split has finally failed: nothing more of its layer starts, nor anything downstream."""
        task = split.task
        self._failed_attempt(split, cause, exit_, running)
        self.ledger.put_final(task, self.epoch)
        error = failed(task, cause, running.log.tail if running else (), split.most(cause))
        error.__cause__ = exit_.exception
        self._failed.append(task.address)
        if self._failure is None:
            self._failure = error
            self._ending = Ending(
                exit_code=self._code(exit_),
                seconds=running.took if running else None,
                printed=bool(running and running.log.tail),
                shell=self.executor.apart and running is not None and exit_.error is None,
            )
        self._layers[task.layer].failed = True
        split.end(error)
        for timer in self._timers:
            if isinstance(timer, Split) and self._holds(timer.task.layer):
                timer.end(error)
                self._timers.drop(timer)

    def _failed_attempt(
        self, split: Split, cause: Cause, exit_: Exit, running: _Running | None, retry_s: float | None = None
    ) -> None:
        """Say that an attempt failed, and keep why, where its own process could not."""
        task, took = split.task, running.took if running else None
        what = (cause.words, split.most(cause), retry_s, cause.usage, took, self._code(exit_))
        self._emit(AttemptFailed(self._now(), task.layer, task.index, task.attempt, *what))
        failure = Failure(cause.kind, "", cause.words, cause.remedy, cause.details, usage=cause.usage)
        self.ledger.put_failure(task, failure)

    # Ending

    def _end(self) -> None:
        at = f"{self._failure.layer}/{self._failure.index}" if self._failure else ""
        outcome = "interrupted" if self._stopped else "failed" if self._failure else "done"
        self._emit_end(outcome, at)
        if self._stopped:
            raise self._interrupted()
        if self._failure:
            add_commands(self._failure, self._ending, self._name if self.ledger.store.url else "", self._done_words())
            add_others(self._failure, self._failed[1:])
            raise self._failure

    def _abandon(self) -> None:
        """The scheduler itself is ending: end what runs, and leave."""
        self._cancel_all()
        self._emit_end("interrupted")

    def _emit_end(self, outcome: str, failed_at: str = "") -> None:
        counts = (len(self._layers), self._splits, self._retries)
        # Where the store cannot be reached, nothing is to be asked of it.
        look = f"laminar show {self._name}" if outcome == "done" and self.ledger.store.url else ""
        self._emit(Ended(self._now(), outcome, *counts, *self._slowest, failed_at, len(self._skipped), look))

    def _done_words(self) -> str:
        """How much of the execution need not run again, for who goes on with it."""
        layers = [layer for layer in self._layers.values() if layer.node.name not in self._skipped]
        done = sum((layer.splits or 0) - layer.left for layer in layers)
        unknown = any(layer.splits is None and layer.node.configuration.foreach for layer in layers)
        return done_words(
            done, None if unknown else sum(1 if layer.splits is None else layer.splits for layer in layers)
        )

    def _code(self, exit_: Exit) -> int | None:
        """The exit code of an attempt's process, where it had one of its own."""
        return exit_.code if self.executor.apart else None

    def last_line(self, layer: str, index: int) -> str:
        """What a running split has printed last; empty where it does not run. From any thread."""
        running = self._running.get((layer, index))
        return running.log.last if running else ""

    def _cancel_all(self) -> None:
        for running in self._running.values():
            if running.job is not None:
                self.executor.cancel(running.job)

    def _interrupted(self, *, at_once: bool = False) -> Interrupted:
        return Interrupted(
            f"interrupted: execution {self.ledger.execution} of {self.graph.flow} has stopped; what was committed stays.",
            signum=self._stopped,
            at_once=at_once,
            remedy=f"Go on with it: laminar resume {self._name}{self._done_words()}" if self.ledger.store.url else "",
        )

    @cached_property
    def _name(self) -> str:
        """What commands call the execution."""
        return name_of(self.ledger)

    def _after(self, seconds: float, what: Split | _Running) -> None:
        self._timers.add(self._now() + seconds, what)

    def _now(self) -> float:
        return time.monotonic() - self._zero

    def _warn(self, message: str) -> None:
        self._emit(Warned(self._now(), message))

    def _emit(self, event: Event) -> None:
        for observer in self.observers:
            observer(event)
