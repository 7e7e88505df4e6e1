"""Scheduling a flow, as a list of steps."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from laminar import wiring
from laminar.engine import faults, fingerprint, loading
from laminar.engine.evaluate import LayerFailed, evaluate, failure_of
from laminar.engine.executor import Executor, Job, Launch, Observer, Put
from laminar.engine.inputs import Inputs, save_parameters
from laminar.engine.lease import Lease
from laminar.engine.ledger import Ledger, Started
from laminar.engine.scheduler import Options, Scheduler
from laminar.engine.signals import Signals
from laminar.errors import ExecutionError, Interrupted, LaminarError, TargetError, report
from laminar.model.graph import Graph
from laminar.model.names import execution_id, new_execution_id
from laminar.model.parameters import given
from laminar.model.resuming import Resume
from laminar.settings import Settings, resolve
from laminar.version import VERSIONS

if TYPE_CHECKING:
    from laminar.engine.fingerprint import Code
    from laminar.flow import Flow


def schedule(
    flow: Flow,
    *,
    execution: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
    observers: Sequence[Observer] = (),
    program: bool = False,
    resume: Resume | None = None,
) -> str:
    """Run a flow to its end.

    Args:
        flow: What to run.
        execution: Id of the execution; a new one where None.
        parameters: What layers that take `Parameters` read.
        settings: All settings; those of the environment and `laminar.yaml` where None.
        observers: See every event, besides the view that the settings name.
        program: Whether the caller may be the program itself, `python main.py`.
        resume: Go on with the execution of that id, and with its parameters, instead of beginning one.

    Returns:
        The execution's id.

    Raises:
        LaminarError: As `Flow.__call__` does.
    """
    if program:
        _report_errors()
    faults.arm_scheduler(os.environ)
    graph = flow.graph()
    values = {} if resume else given(flow.parameters(), parameters or {})
    settings = settings or settings_of(flow)
    app_dir = loading.adopt(type(flow))
    if settings.source("app_dir") != "default":
        app_dir = settings["app_dir"]
    identity = execution_id(execution) if execution is not None else new_execution_id()
    store = wiring.datastore(settings["datastore"])
    store.check()
    ledger = Ledger(store, flow.name, identity)
    executor = wiring.executor(settings)
    remote = executor.name != "thread"
    target = _target(flow, app_dir, remote=remote)
    with ExitStack() as stack:
        held = stack.enter_context(_Held(ledger))
        if resume:
            again = _again(graph, ledger, resume)
            with Signals(_interrupted):
                held.take(by_force=resume.takeover)
            ledger.check_present()  # again, now that nobody else may remove it
        else:
            ledger.check_absent()
        archive = wiring.archive(store, flow.datastore, pickle=settings["pickle"])
        inputs = Inputs(ledger, archive, flow.execution(identity, datastore=store, archive=archive), flow.parameters())
        code = fingerprint.of_flow([node.layer for node in graph], app_dir)
        with Signals(_interrupted):
            executor.open(_launch(flow, graph, inputs, target, app_dir, code))
        stack.push(_Closing(executor, held))
        digest = fingerprint.publish(code, store) if remote else ""
        if resume:
            if again:  # not before it is known that they can be computed
                ledger.recompute(again)
            _name_changed(graph, ledger, code)
        else:
            ledger.create(target, save_parameters(archive, values))
            held.take()
        ledger.launch(_facts(graph, executor, digest, target))
        views = [*wiring.observers(settings, lambda layer, index: scheduler.last_line(layer, index)), *observers]
        for view in views:
            stack.callback(view.close)
        task = {
            "target": target,
            "execution": identity,
            "datastore": executor.datastore(store),
            "fingerprint": "" if settings["allow_skew"] else digest,
        }
        options = Options(settings["max_parallel"], settings["fail_fast"], settings["logs"])
        scheduler = Scheduler(graph, task, inputs, executor, views, options, held.lease.epoch)
        held.attach(scheduler)
        scheduler.run()
    return identity


def _again(graph: Graph, ledger: Ledger, resume: Resume) -> list[str]:
    """The layers that are computed again, in the order of the graph.

    Raises:
        FlowError: The flow has no such layer.
        UsageError: There is no such execution.
    """
    ledger.check_present()
    again = {graph.node(name).name for name in resume.rerun}
    for node in graph:  # in a topological order
        if again.intersection(node.dependencies):
            again.add(node.name)
    return [node.name for node in graph if node.name in again]


class _Held:
    """The lease, once it is taken; given back when all else is done, with how the run ended."""

    lease: Lease

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._scheduler: Scheduler | None = None
        self._untold: deque[Callable[[Scheduler], None]] = deque()

    def take(self, *, by_force: bool = False) -> None:
        """Take it, and keep it from now on: images may have to be pulled or made before there is a scheduler."""
        self.lease = Lease.take(self._ledger, by_force=by_force, say=_say)
        self.lease.keep(
            lambda: self._tell(lambda scheduler: scheduler.stop(signal.SIGTERM)),
            lambda to: self._tell(lambda scheduler: scheduler.give_way(to)),
        )

    @property
    def lost(self) -> bool:
        """Whether another process has it, also where this one has not heard of that yet."""
        return hasattr(self, "lease") and self.lease.lost

    def attach(self, scheduler: Scheduler) -> None:
        """Have it hear of what happens to the lease, and of what has happened."""
        self._scheduler = scheduler
        self._deliver()

    def _tell(self, what: Callable[[Scheduler], None]) -> None:
        self._untold.append(what)
        self._deliver()

    def _deliver(self) -> None:
        with suppress(IndexError):  # each is told once, by whichever thread comes first
            while self._scheduler is not None:
                self._untold.popleft()(self._scheduler)

    def __enter__(self) -> _Held:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if hasattr(self, "lease"):
            outcome = "done" if error is None else "failed" if isinstance(error, ExecutionError) else "interrupted"
            self.lease.release(outcome)


def _target(flow: Flow, app_dir: str, *, remote: bool) -> str:
    """What other processes load; for this one alone it need not exist."""
    try:
        return str(loading.target_of(type(flow), app_dir))
    except TargetError:
        if remote:
            raise
        return ""


def _name_changed(graph: Graph, ledger: Ledger, code: Code) -> None:
    """Say which committed layers have other code today: their results stay."""
    changed = []
    for node in graph:
        commit = ledger.commit(node.name, 0)
        if commit and commit.code and code.layers[node.name] != commit.code:
            changed.append(node.name)
    if changed:
        layers = f"layer {changed[0]} has" if len(changed) == 1 else f"layers {', '.join(changed)} have"
        again = " ".join(f"--rerun {name}" for name in changed)
        _say(f"warning: {layers} other code than when the results were committed, which stay; to replace them: {again}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def _interrupted(number: int) -> NoReturn:
    raise Interrupted("interrupted before anything was started.", signum=number)


class _Closing:
    """Closes the executor, unless the user leaves at once: then what was asked to end is not waited for.

    Nor does one remove anything that another scheduler has taken over meanwhile, and may have adopted.
    """

    def __init__(self, executor: Executor, held: _Held) -> None:
        self._executor = executor
        self._held = held

    def __enter__(self) -> None:
        """Nothing: the executor is open."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if (isinstance(error, Interrupted) and error.taken_over) or self._held.lost:
            self._executor.leave()
            return
        if isinstance(error, Interrupted) and error.at_once:
            self._executor.abandon()
            return
        try:
            self._executor.close()
        except LaminarError as left:  # how the run ended stands by now
            print(f"warning: {left.message} {left.remedy}", file=sys.stderr)  # noqa: T201


def settings_of(flow: Flow, flags: Mapping[str, Any] | None = None, file: str | None = None) -> Settings:
    """The settings for a flow: flags, what its code passes, the environment, the file."""
    code = {
        "datastore": flow.datastore,
        "executor": flow.executor,
        "max_parallel": flow.scheduler and flow.scheduler.max_parallel,
        "fail_fast": flow.scheduler and flow.scheduler.fail_fast,
        **{name: getattr(flow.executor, name, None) or None for name in ("image", "mount", "hardened")},
    }
    if flow.executor is not None and flags and flags.get("executor") == flow.executor.name:
        flags = {**flags, "executor": None}  # the flag names what the code passes, with all that it says
    return resolve(flags, code, file=file)


def _launch(flow: Flow, graph: Graph, inputs: Inputs, target: str, app_dir: str, code: Code) -> Launch:
    ledger = inputs.ledger

    def evaluate_here(job: Job, may_commit: Callable[[], bool], put: Put | None) -> bool:
        try:
            node = graph.node(job.task.layer)
            started = Started(job.configuration, job.last, generation=ledger.generation(node.name))
            digest = code.layers[node.name]
            return evaluate(
                node,
                job.task,
                started,
                inputs,
                may_commit=lambda: ledger.is_there and may_commit(),
                put=put,
                code=digest,
            )
        except LayerFailed as error:
            if ledger.is_there:
                ledger.put_failure(job.task, failure_of(error))
            raise

    return Launch(
        flow=flow.name,
        execution=ledger.execution,
        target=target,
        app_dir=app_dir,
        datastore=ledger.store,
        containers={node.name: node.configuration.container for node in graph},
        evaluate=evaluate_here,
        failed=ledger.put_failure,
        commit=ledger.put_commits if ledger.store.grouped else None,
    )


def _facts(graph: Graph, executor: Executor, digest: str, target: str) -> dict[str, Any]:
    """What the record of a launch says."""
    return {
        "target": target,
        "graph": {node.name: list(node.dependencies) for node in graph},
        "configurations": {node.name: node.configuration.to_json() for node in graph},
        "executor": executor.name,
        "engine": executor.facts(),
        "fingerprint": digest,
        "versions": VERSIONS,
        "argv": sys.argv,
        "program": loading.program(),
        "pid": os.getpid(),
    }


def _report_errors() -> None:
    """Let an uncaught error of laminar end `python main.py` as it ends the command: in words, with its exit code."""
    if sys.excepthook is not sys.__excepthook__ or hasattr(sys, "ps1"):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, LaminarError):
            sys.__excepthook__(kind, error, trace)
            return
        print(report(error), file=sys.stderr)  # noqa: T201
        raise SystemExit(error.exit_code)

    sys.excepthook = hook
