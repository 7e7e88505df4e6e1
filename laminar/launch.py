"""Scheduling a flow, as a list of steps."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from laminar import wiring
from laminar.engine import faults, fingerprint, program, targets
from laminar.engine.evaluate import LayerFailed, evaluate, failure_of
from laminar.engine.executor import Executor, Job, Launch, Observer, Put
from laminar.engine.inputs import Inputs, save_parameters
from laminar.engine.ledger import Ledger, Started
from laminar.engine.resuming import Resume
from laminar.engine.scheduler import Options, Scheduler
from laminar.engine.signals import Signals
from laminar.engine.telling import tell, tell_error
from laminar.engine.tenure import Closing, Held
from laminar.errors import Interrupted, LaminarError, SettingsError, TargetError
from laminar.model.graph import Graph
from laminar.model.names import execution_id, new_execution_id
from laminar.model.parameters import given
from laminar.settings import Settings, misspelled, resolve
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
    as_program: bool = False,
    resume: Resume | None = None,
) -> str:
    """Run a flow to its end.

    Args:
        flow: What to run.
        execution: Id of the execution; a new one where None.
        parameters: What layers that take `Parameters` read.
        settings: All settings; those of the environment and `laminar.yaml` where None.
        observers: See every event, besides the view that the settings name.
        as_program: Whether the caller may be the program itself, `python main.py`.
        resume: Go on with the execution of that id, and with its parameters, instead of beginning one.

    Returns:
        The execution's id.

    Raises:
        LaminarError: As `Flow.__call__` does.
    """
    if as_program:
        _report_errors()
        if not resume:  # else the command that runs the program again has said so
            _name_misspelled()
    faults.arm_scheduler(os.environ)
    graph = flow.graph()
    values = {} if resume else given(flow.parameters(), parameters or {})
    settings = settings or settings_of(flow)
    options = _options(settings)
    app_dir = program.adopt(type(flow))
    if settings.source("app_dir") != "default":
        app_dir = settings["app_dir"]
    identity = execution_id(execution) if execution is not None else new_execution_id()
    store = wiring.chosen_datastore(settings)
    store.check()
    ledger = Ledger(store, flow.name, identity)
    executor = wiring.executor(settings)
    remote = executor.name != "thread"
    target = _target(flow, app_dir, remote=remote)
    with ExitStack() as stack:
        held = stack.enter_context(Held(ledger))
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
        stack.push(Closing(executor, held))
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


def _target(flow: Flow, app_dir: str, *, remote: bool) -> str:
    """What other processes load; for this one alone it need not exist."""
    try:
        return str(targets.target_of(type(flow), app_dir))
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
        tell(f"warning: {layers} other code than when the results were committed, which stay; to replace them: {again}")


def _interrupted(number: int) -> NoReturn:
    raise Interrupted("interrupted before anything was started.", signum=number)


def settings_of(flow: Flow, flags: Mapping[str, Any] | None = None, file: str | None = None) -> Settings:
    """The settings for a flow: flags, what its code passes, the environment, the file."""
    code = {
        "datastore": flow.datastore,
        "executor": flow.executor,
        "max_parallel": flow.scheduler and flow.scheduler.max_parallel,
        "fail_fast": flow.scheduler and flow.scheduler.fail_fast,
        "keep_going": flow.scheduler and flow.scheduler.keep_going,
        **{name: getattr(flow.executor, name, None) or None for name in ("image", "mount", "hardened")},
    }
    if flow.executor is not None and flags and flags.get("executor") == flow.executor.name:
        flags = {**flags, "executor": None}  # the flag names what the code passes, with all that it says
    return resolve(flags, code, file=file)


def _options(settings: Settings) -> Options:
    """How the run is to go; what is typed stands above what is usual.

    Raises:
        SettingsError: In two ways at a time.
    """
    either = ("fail_fast", "keep_going")
    wanted = [name for name in either if settings[name]]
    if len(wanted) > 1:
        typed = [name for name in either if settings.source(name) == "flag"]
        if len(typed) != 1:
            said = " and ".join(f"{name} ({settings.source(name)})" for name in either)
            raise SettingsError(f"{said} exclude each other.", remedy="Take one of them out.")
        wanted = typed
    return Options(settings["max_parallel"], "fail_fast" in wanted, "keep_going" in wanted, settings["logs"])


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
        "program": program.command(),
        "pid": os.getpid(),
    }


@cache
def _name_misspelled() -> None:
    """Say, once, which variables may have been meant as settings."""
    for words in misspelled(os.environ):
        tell(f"warning: {words}")


def _report_errors() -> None:
    """Let an uncaught error of laminar end `python main.py` as it ends the command: in words, with its exit code."""
    if sys.excepthook is not sys.__excepthook__ or hasattr(sys, "ps1"):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, LaminarError):
            sys.__excepthook__(kind, error, trace)
            return
        tell_error(error)
        raise SystemExit(error.exit_code)

    sys.excepthook = hook
