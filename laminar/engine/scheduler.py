"""The scheduler: decides what runs next and waits for it.

One loop in the calling thread takes messages off a queue: executors report there from threads of their own, signals are put
there, and timers bound the wait. Nothing is polled, no event loop is needed or disturbed, so it works the same from a
script, a notebook and a thread. State changes in the loop only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from laminar.engine.admission import Admission
from laminar.engine.agenda import Agenda
from laminar.engine.events import (
    AttemptFailed,
    AttemptStarted,
    Beat,
    Began,
    Event,
    Printed,
    SplitDone,
    Warned,
)
from laminar.engine.executor import Executor, Exit, Job, Observer
from laminar.engine.failures import Ending, cause_in_scheduler, failed
from laminar.engine.foresight import Foresight
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Commit, Failure, Started
from laminar.engine.lines import Lines
from laminar.engine.logs import LogWriter
from laminar.engine.outcome import Cause, cause_of
from laminar.engine.signals import Signals
from laminar.engine.tally import Tally
from laminar.engine.timers import Timers
from laminar.engine.tries import Split
from laminar.engine.work import Work
from laminar.errors import EngineError, Interrupted, LaminarError
from laminar.model.graph import Graph
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


@dataclass(frozen=True)
class Options:
    """How the user wants the run to go.

    Attributes:
        max_parallel: Attempts at one time, at most; None for what the machine holds.
        fail_fast: Start nothing more once a split has finally failed.
        keep_going: Start the other splits of a layer, too, when one of them has finally failed.
        logs: Whether what layers print is shown as it comes.
    """

    max_parallel: int | None = None
    fail_fast: bool = False
    keep_going: bool = False
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
        self._work = Work(self.inputs, self.task, self.epoch)
        self._agenda = Agenda(self.graph, self.inputs, self.task, self._work, self)
        self._foresight = Foresight(self.executor, self._agenda, self._work, self.task, self)
        self._tally = Tally(self.ledger, self._agenda.layers.values())
        self._running: dict[tuple[str, int], _Running] = {}
        self._timers: Timers[Split | _Running] = Timers()
        self._admission = Admission(self.executor.capacity(), self.options.max_parallel)
        self._lines = Lines(lambda: self._messages.put((self._on_lines,)))
        self._signals = 0
        self._stopped = 0
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
        self.tell(Began, self.graph.flow, self.ledger.execution, layers, self.executor.summary, store)
        for warning in self.executor.warnings:
            self._warn(warning)
        with Signals(self._signal, self.stop):
            try:
                if adopted := self._work.take_up_leftovers(self.executor, self.graph):
                    self._warn(f"adopted {adopted} {'attempt' if adopted == 1 else 'attempts'} of an earlier launch")
                self._agenda.begin()
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

    def last_line(self, layer: str, index: int) -> str:
        """What a running split has printed last; empty where it does not run. From any thread."""
        running = self._running.get((layer, index))
        return running.log.last if running else ""

    # For the agenda

    def held(self, layer: str) -> LaminarError | None:
        """Why nothing more of a layer is started; None where it may be."""
        failure = self._tally.failure
        failed = self._agenda.layers[layer].failed and not self.options.keep_going
        if self._stopped or failed or (self.options.fail_fast and failure is not None):
            return failure or self._interrupted()
        return None

    def fail(self, split: Split, error: Exception | SystemExit) -> None:
        """A layer cannot be planned, or a split not be prepared: it has finally failed."""
        self._fail(split, cause_in_scheduler(error), Exit(exception=error))

    def tell(self, kind: Callable[..., Event], *members: Any) -> None:
        """Let the observers know of an event that happens now."""
        event = kind(self._now(), *members)
        for observer in self.observers:
            observer(event)

    # Starting

    def _fill(self) -> None:
        """Start what is ready and fits, first come first served."""
        while (split := self._agenda.next()) is not None and self._admission.admits(split.configuration.container):
            self._agenda.take(split)
            if warning := self._admission.take(split.configuration.container, split.task.address):
                self._warn(warning)
            self._start(split)
        self._foresight.look(layer for (layer, _), running in self._running.items() if not running.done)

    def _start(self, split: Split) -> None:
        task = split.task
        adopted = self._work.is_left(task)
        if not self.ledger.is_there:
            raise self.ledger.removed()
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
        self.tell(AttemptStarted, task.layer, task.index, task.attempt, split.configuration.container.memory)
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
        now = self._now()
        rung = self._timers.pop(now)
        if rung is not None:
            self._on_timer(rung)
            return
        wait = min(_BEAT_S, self._timers.wait_s(now))
        try:
            handler, *arguments = self._messages.get(timeout=wait)
        except Empty:
            if wait == _BEAT_S:
                self.tell(Beat)
            return
        handler(*arguments)

    def _on_timer(self, what: Split | _Running) -> None:
        if isinstance(what, Split):
            self._agenda.again(what)
        elif what.job is not None and self._running.get(what.split.key) is what:
            what.timed_out = True
            self.executor.cancel(what.job)

    def _on_lines(self) -> None:
        for task, line in self._lines.take():
            self.tell(Printed, task.layer, task.index, line)
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
        stopping = sum(not running.done for running in self._running.values())  # the others are on their way out
        self._warn(f"stopping {stopping} running; interrupt again to leave at once")

    def _on_lost(self, to: str) -> None:
        raise self._tally.taken_over(to)

    def _on_committed(self, running: _Running) -> None:
        """The process says that it has committed. What waits for that need not wait for the process to end."""
        layer, index = running.split.key
        if self._running.get((layer, index)) is running and (commit := self.ledger.commit(layer, index)) is not None:
            self._split_done(running, commit)

    def _on_released(self, running: _Running) -> None:
        """The attempt only waits for its commit to be durable: another may have its place, and its time is stopped."""
        if not running.released:
            running.released = True
            self._timers.drop(running)
            self._admission.give_back(running.split.configuration.container)

    def _on_exit(self, running: _Running, exit_: Exit) -> None:
        split, task = running.split, running.split.task
        del self._running[split.key]
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
            elif exit_.code and not self._stopped:  # else it was told to end
                self._warn(f"{task.address} committed, then exited {exit_.code}")
            return
        self._agenda.ended(split)
        if self._stopped:
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
        split, task = running.split, running.split.task
        error = commit.caught
        caught = {"type": error["error"], "message": error["message"]} if error else None
        self._tally.splits += 1
        self._tally.caught += caught is not None
        self.tell(SplitDone, task.layer, task.index, task.attempt, self._now() - running.since, commit.usage, caught)
        if said := split.end(None):
            self._warn(f"a hook of {task.address} raised after it was committed: {said}")
        self._agenda.done(split)

    def _attempt_failed(self, running: _Running, cause: Cause, exit_: Exit) -> None:
        split, task = running.split, running.split.task
        wait = split.failed(cause)
        if wait is None or self.held(task.layer):
            self._fail(split, cause, exit_, running)
            return
        self._tally.retries += 1
        self._failed_attempt(split, cause, exit_, running, wait)
        split.end_attempt(failed(split.task, cause))
        split.task = Task(layer=task.layer, index=task.index, splits=task.splits, attempt=task.attempt + 1, **self.task)
        self._after(wait, split)

    def _fail(self, split: Split, cause: Cause, exit_: Exit, running: _Running | None = None) -> None:
        """A split has finally failed: nothing downstream starts, nor more of its layer unless the user wants that."""
        task = split.task
        self._failed_attempt(split, cause, exit_, running)
        self.ledger.put_final(task, self.epoch)
        error = failed(task, cause, running.log.tail if running else (), split.most(cause))
        error.__cause__ = exit_.exception
        ending = Ending(
            exit_code=self._code(exit_),
            seconds=running.took if running else None,
            printed=bool(running and running.log.tail),
            shell=self.executor.apart and running is not None and exit_.error is None,
        )
        self._tally.failed(error, ending)
        self._agenda.layers[task.layer].failed = True
        split.end(error)
        for timer in self._timers:
            if isinstance(timer, Split) and self.held(timer.task.layer):
                timer.end(error)
                self._timers.drop(timer)
                self._warn(f"{timer.task.address} is not tried again: {task.address} has failed")

    def _failed_attempt(
        self, split: Split, cause: Cause, exit_: Exit, running: _Running | None, retry_s: float | None = None
    ) -> None:
        """Say that an attempt failed, and keep why, where its own process could not."""
        task, took = split.task, running.took if running else None
        what = (cause.words, split.most(cause), retry_s, cause.usage, took, self._code(exit_))
        self.tell(AttemptFailed, task.layer, task.index, task.attempt, *what)
        failure = Failure(cause.kind, "", cause.words, cause.remedy, cause.details, usage=cause.usage)
        self.ledger.put_failure(task, failure)

    # Ending

    def _end(self) -> None:
        failure = self._tally.failure
        if not self.ledger.is_there:
            self.tell(self._tally.ended, "interrupted")
            raise self.ledger.removed()
        self.tell(self._tally.ended, "interrupted" if self._stopped else "failed" if failure else "done")
        if self._stopped:
            raise self._interrupted()
        if error := self._tally.error():
            raise error

    def _abandon(self) -> None:
        """The scheduler itself is ending: end what runs, and leave."""
        self._cancel_all()
        for running in self._running.values():
            if not running.done:
                self._agenda.ended(running.split)
        self.tell(self._tally.ended, "interrupted")

    def _code(self, exit_: Exit) -> int | None:
        """The exit code of an attempt's process, where it had one of its own."""
        return exit_.code if self.executor.apart else None

    def _cancel_all(self) -> None:
        for running in self._running.values():
            if running.job is not None:
                self.executor.cancel(running.job)

    def _interrupted(self, *, at_once: bool = False) -> Interrupted:
        return self._tally.interrupted(self._stopped, at_once=at_once)

    def _after(self, seconds: float, what: Split | _Running) -> None:
        self._timers.add(self._now() + seconds, what)

    def _now(self) -> float:
        return time.monotonic() - self._zero

    def _warn(self, message: str) -> None:
        self.tell(Warned, message)
