"""The executor process: evaluates the one split that it was started for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from laminar import wiring
from laminar.engine import layout, loading
from laminar.engine.evaluate import evaluate, failure_of, words_of
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.errors import SkewError, StoreError
from laminar.model import wire
from laminar.model.wire import Task

if TYPE_CHECKING:
    from laminar.flow import Flow


def evaluate_target(task: Task, base: type[Flow], app_dir: str = ".") -> int:
    """Load the task's flow, a `base`, evaluate its layer, and return the exit code of the process."""
    target = loading.Target.parse(task.target)
    return _evaluate(task, lambda: loading.find(loading.load(target, app_dir), base), app_dir)


def evaluate_program(flow: Flow) -> None:
    """In a process started by `python main.py`: if `flow` is the task's, evaluate its layer and exit."""
    app_dir = loading.adopt(type(flow))
    asked = loading.Target.parse(os.environ.get(wire.variable("target"), ""))
    own = loading.target_of(type(flow), app_dir)
    if asked.module != own.module or asked.attribute not in ("", own.attribute):
        return
    task = wire.parse(wire.take(os.environ))
    sys.exit(_evaluate(task, lambda: flow, app_dir))


def _evaluate(task: Task, find: Callable[[], Flow], app_dir: str) -> int:
    """Evaluate, and record a failure where there is one: exit codes prove nothing."""
    _end_with_scheduler()
    notice = os.environ.pop(wire.NOTICE, "")
    image = os.environ.pop(wire.IMAGE, "")
    store = wiring.datastore(task.datastore)
    name = loading.Target.parse(task.target).attribute.rpartition(".")[2]
    try:
        flow = find()
        name = flow.name
        _run(flow, task, store, app_dir, image)
    except BaseException as error:
        failure = failure_of(error)
        with suppress(StoreError):
            Ledger(store, name, task.execution).put_failure(task, failure)
        print(words_of(failure), file=sys.stderr, flush=True)  # noqa: T201 - the log of this attempt
        return 1 if failure.kind == "user" else getattr(error, "exit_code", 3)
    if notice:
        sys.stdout.flush()
        os.write(1, wire.COMMITTED)
    _leave_threads()
    return 0


def _run(flow: Flow, task: Task, store: Datastore, app_dir: str, image: str) -> None:
    node = flow.node(task.layer)
    ledger = Ledger(store, flow.name, task.execution)
    # Pickles are loaded here whatever the settings say: this is the process that must (docs/adr/0010-protocols.md).
    archive = wiring.archive(store, flow.datastore)
    execution = flow.execution(task.execution, datastore=store, archive=archive)
    committed = evaluate(
        node,
        task,
        ledger.started(task, node.configuration),
        Inputs(ledger, archive, execution),
        code=_check_code(flow, task, store, app_dir, image),
    )
    if not committed:
        print(f"laminar: {task.address} was committed by another attempt already", file=sys.stderr)  # noqa: T201


def _check_code(flow: Flow, task: Task, store: Datastore, app_dir: str, image: str) -> str:
    """The digest of the layer's code, after comparing it with the scheduler's; empty where that sent none.

    Raises:
        SkewError: The code here is not the scheduler's.
    """
    if not task.fingerprint:
        return ""
    from laminar.engine.fingerprint import Code, differing

    code = Code.from_bytes(bytes(store.read(layout.blob(task.fingerprint))))
    others = differing(code, [registration.layer for registration in flow.registry().values()], app_dir)
    if others:
        layers = f"layer {others[0]}" if len(others) == 1 else f"layers {', '.join(others)}"
        here = f"image {image}" if image else "this process"
        raise SkewError(
            f"{here} holds other code than the scheduler for {layers} of {task.target}.",
            remedy="Rebuild the image (laminar build), run with --mount while you edit, "
            "or type --allow-skew to run the code that is in it.",
        )
    return code.layers.get(task.layer, "")


def _leave_threads() -> None:
    """End now, where the layer has left threads running that Python would wait for: its result is committed."""
    import threading

    left = [
        thread.name for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()
    ]
    if left:
        print(f"laminar: the layer left threads running: {', '.join(left)}; they end here", file=sys.stderr)  # noqa: T201
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _end_with_scheduler() -> None:
    """Where the scheduler holds the other end of a pipe: end this process when that end is gone, whatever it is doing."""
    descriptor = os.environ.pop(wire.LIFELINE, "")
    if not descriptor.isdigit():
        return
    import threading

    def watch() -> None:
        with suppress(OSError):
            os.read(int(descriptor), 1)
        os._exit(143)

    threading.Thread(target=watch, name="laminar-lifeline", daemon=True).start()
