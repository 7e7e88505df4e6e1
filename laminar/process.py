"""The executor process: evaluates the one split that it was started for; or has people do so, and keeps nothing."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from laminar import wiring
from laminar.engine import faults, layout, loading, program, targets
from laminar.engine.current import belongs_to
from laminar.engine.evaluate import evaluate, failure_of, words_of
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.engine.termination import Terminated, terminating
from laminar.engine.usage import Meter
from laminar.errors import NotFoundError, SkewError, StoreError
from laminar.model import wire
from laminar.model.wire import Task

if TYPE_CHECKING:
    from laminar.engine.fingerprint import Code
    from laminar.engine.rehearsal import Rehearsal
    from laminar.flow import Flow

_GRACE_S = 5.0


def evaluate_target(task: Task, base: type[Flow], app_dir: str = ".") -> int:
    """Load the task's flow, a `base`, evaluate its layer, and return the exit code of the process."""
    return _evaluate(task, lambda: _find(task.target, base, app_dir), app_dir)


def _find(target: str, base: type[Flow], app_dir: str) -> Flow:
    loaded = loading.load(targets.Target.parse(target), app_dir)
    flow: Flow = loading.find(loaded, base)
    if flow.datastore is None:  # one that is chained to another inherits its datastore, and with it the protocols
        others = (other.datastore for other in loaded.constructed if isinstance(other, base))
        flow.datastore = next((store for store in others if store is not None), None)
    return flow


def evaluate_program(flow: Flow) -> None:
    """In a process started by `python main.py`: if `flow` is the task's, evaluate its layer and exit."""
    app_dir = program.adopt(type(flow))
    asked = targets.Target.parse(os.environ.get(wire.variable("target"), ""))
    own = targets.target_of(type(flow), app_dir)
    if asked.module != own.module or asked.attribute not in ("", own.attribute):
        _evaluate_later()
        return
    task = wire.parse(wire.take(os.environ))
    sys.exit(_evaluate(task, lambda: flow, app_dir))


def _evaluate_later() -> None:
    """If the program ends without having come to the task's flow, let `laminar execute` evaluate it.

    That is so for flows that others chain to: `flow().next(flow=Other())`, in a block that is skipped here.
    """
    atexit.unregister(_execute_instead)
    atexit.register(_execute_instead)


def _execute_instead() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    layer = os.environ.get(wire.variable("layer"))
    if layer is not None:  # else the flow came, and evaluated it
        os.execv(sys.executable, [sys.executable, "-m", "laminar", "execute", "--layer", layer])  # noqa: S606


def _evaluate(task: Task, find: Callable[[], Flow], app_dir: str) -> int:
    """Evaluate, and record a failure where there is one: exit codes prove nothing."""
    _end_with_scheduler()
    belongs_to(task)
    faults.arm_executor(os.environ, task)
    notice = os.environ.pop(wire.NOTICE, "")
    image = os.environ.pop(wire.IMAGE, "")
    meter = Meter(container=bool(image))
    if notice:
        os.dup2(1, 2)  # one pipe to the log: the engine's two would mix lines
    store = wiring.datastore(task.datastore)
    ledger = Ledger(store, targets.Target.parse(task.target).attribute.rpartition(".")[2], task.execution)
    begun = bool(notice)  # what is typed by hand may be for an execution that nobody has scheduled
    try:
        with terminating():
            flow = find()
            ledger = Ledger(store, flow.name, task.execution)
            begun = begun or ledger.is_there
            # An execution that was removed meanwhile must not come back in parts, for another of its id to find.
            _run(flow, task, ledger, app_dir, image, meter, lambda: not begun or ledger.is_there)
    except Terminated:
        os._exit(128 + signal.SIGTERM)  # whatever else runs here was to end, too
    except BaseException as error:
        failure = failure_of(error)._replace(usage=meter.read())
        with suppress(StoreError):
            if not begun or ledger.is_there:
                ledger.put_failure(task, failure)
        print(words_of(failure), file=sys.stderr, flush=True)  # noqa: T201 - the log of this attempt
        return 1 if failure.kind == "user" else getattr(error, "exit_code", 3)
    if notice:
        sys.stdout.flush()
        os.write(1, wire.COMMITTED)
    _leave_threads()
    return 0


@contextmanager
def rehearse(task: Task, base: type[Flow], app_dir: str = ".") -> Iterator[Rehearsal]:
    """Load the task's flow, a `base`, and make its split ready to be called; in the end, nothing that it saved is left."""
    from laminar.engine.fingerprint import differing
    from laminar.engine.rehearsal import Rehearsal

    _end_with_scheduler()
    belongs_to(task)
    with wiring.rehearsed(wiring.datastore(task.datastore)) as store:
        flow = _find(task.target, base, app_dir)
        node = flow.node(task.layer)
        inputs = _inputs(flow, task, Ledger(store, flow.name, task.execution))
        changed = None
        with suppress(NotFoundError):
            code = _code(task, store)
            changed = task.layer in differing(code, [node.layer], app_dir) if code else None
        configuration = inputs.ledger.started(task, node.configuration).configuration
        with closing(Rehearsal(node, task, configuration, inputs, changed)) as rehearsal:
            yield rehearsal


def _inputs(flow: Flow, task: Task, ledger: Ledger) -> Inputs:
    # Pickles are loaded here whatever the settings say: this is the process that must (docs/adr/0010-protocols.md).
    archive = wiring.archive(ledger.store, flow.datastore)
    execution = flow.execution(task.execution, datastore=ledger.store, archive=archive)
    return Inputs(ledger, archive, execution, flow.parameters())


def _run(
    flow: Flow,
    task: Task,
    ledger: Ledger,
    app_dir: str,
    image: str,
    meter: Meter,
    may_commit: Callable[[], bool],
) -> None:
    node = flow.node(task.layer)
    committed = evaluate(
        node,
        task,
        ledger.started(task, node.configuration),
        _inputs(flow, task, ledger),
        may_commit=may_commit,
        code=_check_code(flow, task, ledger.store, app_dir, image),
        meter=meter,
    )
    if not committed:
        print(f"laminar: {task.address} has nothing to commit: another attempt has, or it is gone", file=sys.stderr)  # noqa: T201


def _check_code(flow: Flow, task: Task, store: Datastore, app_dir: str, image: str) -> str:
    """The digest of the layer's code, after comparing it with the scheduler's; empty where that sent none.

    Raises:
        SkewError: The code here is not the scheduler's.
    """
    code = _code(task, store)
    if code is None:
        return ""
    from laminar.engine.fingerprint import differing

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


def _code(task: Task, store: Datastore) -> Code | None:
    """The scheduler's code, where it sent a fingerprint of it."""
    if not task.fingerprint:
        return None
    from laminar.engine.fingerprint import Code

    return Code.from_bytes(bytes(store.read(layout.blob(task.fingerprint))))


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
    """Where the scheduler holds the other end of a pipe: end this process when that end is gone, in the end by force."""
    descriptor = os.environ.pop(wire.LIFELINE, "")
    if not descriptor.isdigit():
        return
    import threading

    def watch() -> None:
        with suppress(OSError):
            os.read(int(descriptor), 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE_S)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="laminar-lifeline", daemon=True).start()
