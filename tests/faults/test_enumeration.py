"""Every fault point, each with every action, in the scheduler and in executor processes; after it the execution is resumed.

The layers run in processes, which is all of laminar but the container. The schedulers are forked from one process that
has laminar loaded: there are some hundred.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from laminar.engine import layout
from laminar.engine.faults import STAGES
from tests.faults.invariants import Calls, commits, committed, nobody_left, unchanged, verify

FLOW = """
from laminar import Flow, Layer, Parameters, layers

def called(layer):
    with open("calls", "a") as file:
        file.write(f"{layer.name} {layer.index} {layer.attempt}\\n")

class F(Flow): ...

@F.register(retry=layers.Retry(delay=0, jitter=0, infrastructure=1))
class Parts(Layer):
    def __call__(self, parameters: Parameters) -> None:
        called(self)
        self.shard(parts=(parameters.text * times for times in (1, 2)))

@F.register(
    foreach=layers.ForEach(parameters=[layers.Parameter(layer=Parts, attribute="parts")]),
    retry=layers.Retry(attempts=2, delay=0, jitter=0, infrastructure=1),
)
class Each(Layer):
    def __call__(self, parts: Parts, parameters: Parameters) -> None:
        called(self)
        print("index", self.index, flush=True)
        if self.index == 1 and self.attempt <= parameters.fails:
            raise ValueError("not yet")
        self.twice = parts.parts * 2

@F.register(retry=layers.Retry(delay=0, jitter=0, infrastructure=1))
class Join(Layer):
    def __call__(self, each: Each) -> None:
        called(self)
        self.sizes = [len(text) for text in each.twice]
"""

# Reads one launch a line, runs each in a fork of itself, answers with how that ended.
LAUNCHER = """
import json, os, sys, traceback
import laminar.launch, laminar.execution, laminar.settings, laminar.wiring
import laminar.executors.process, laminar.executors.thread

def run(folder, environ, code):
    os.chdir(folder)
    os.environ.update(environ)
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.path.insert(0, folder)
    try:
        exec(code, {})
    except laminar.errors.LaminarError as error:
        print(laminar.errors.report(error), file=sys.stderr)
        return error.exit_code
    return 0

for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            code = run(*json.loads(line))
        except BaseException:
            traceback.print_exc()
            code = 99
        sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""

SCHEDULE = "import main; main.F()(execution='one', text='x' * 2000, fails={fails})"
RESUME = "import main; main.F().execution('one').resume()"
SIZES = [4000, 8000]

EXECUTOR = ("blob", "commit", "failure")
SCHEDULER = tuple(kind for kind in layout.KINDS if kind not in ("commit", "image", "generation", "stop"))
"""`image` needs containers, `generation` a rerun, `stop` somebody who asks: they have tests of their own."""

CASES = [
    *(f"scheduler@{kind}.{stage}:kill" for kind in SCHEDULER for stage in STAGES),
    *(f"scheduler@{kind}.in:full" for kind in SCHEDULER),
    *(f"scheduler@{kind}.after:full" for kind in ("execution", "launch", "lease", "plan")),
    *(f"scheduler@{kind}.in:raise" for kind in ("launch", "lease", "plan", "started", "log", "beats")),
    *(f"scheduler@{kind}.after#{n}:kill" for kind in ("plan", "started", "failure") for n in (2, 3)),
    *(f"executor@{kind}.{stage}:{action}" for kind in EXECUTOR for stage in STAGES for action in ("kill", "full")),
    *(f"executor@{kind}.in:raise" for kind in EXECUTOR),
    *(f"{address}@{kind}:kill" for address in ("Parts/0/1", "Each/0/1") for kind in ("blob.in", "commit.in")),
    *(f"{who}.in:delay=0.3" for who in ("scheduler@lease", "scheduler@log", "executor@blob", "executor@commit")),
]

IN_THREADS = [
    *(f"commit.{stage}#{n}:kill" for stage in STAGES for n in (1, 2, 3, 4)),
    *(f"commit.{stage}#{n}:{action}" for stage in STAGES for n in (1, 2, 3) for action in ("full", "raise")),
]
"""There the scheduler's own process commits, several splits at a time where they end together."""


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., int]]:
    """Runs a launch to its end, in a process of its own; returns its exit code."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LAMINAR_")}
    command = [sys.executable, "-c", LAUNCHER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(folder: Path, code: str, **environ: str) -> int:
            settings = {"LAMINAR_EXECUTOR": "process", "LAMINAR_PROGRESS": "plain"}
            print(json.dumps([str(folder), {**settings, **environ}, code]), file=process.stdin, flush=True)
            return int(process.stdout.readline())

        yield run
        process.stdin.close()


@pytest.mark.parametrize("fault", CASES)
def test_execution_survives(tmp_path: Path, launch: Callable[..., int], fault: str) -> None:
    survives(tmp_path, launch, fault)


@pytest.mark.parametrize("fault", IN_THREADS)
def test_execution_in_threads_survives(tmp_path: Path, launch: Callable[..., int], fault: str) -> None:
    survives(tmp_path, launch, fault, LAMINAR_EXECUTOR="thread")


def survives(tmp_path: Path, launch: Callable[..., int], fault: str, **environ: str) -> None:
    (tmp_path / "main.py").write_text(FLOW)
    store, calls = tmp_path / ".laminar", Calls(tmp_path)
    before: dict[str, bytes] = {}
    schedule = SCHEDULE.format(fails=2 if "final" in fault else 1)  # the second time is the last in one launch
    code = launch(tmp_path, schedule, LAMINAR_FAULT=fault, **environ)
    launches = 1
    while launches < 2 or (code and launches < 4):
        verify(store)
        unchanged(before, store)
        before, made, done = commits(store), calls.made(), committed(store)
        begun = (store / "runs/F/one/execution.json").exists()
        code = launch(tmp_path, RESUME if begun else schedule, **environ)
        launches += 1
        assert not {(layer, index) for layer, index, _ in calls.made() - made} & done
    assert code == 0, (tmp_path / "said").read_text()
    nobody_left(tmp_path)
    verify(store)
    unchanged(before, store)
    calls.were_due()
    assert values(tmp_path) == SIZES
    assert committed(store) == {("Parts", 0), ("Each", 0), ("Each", 1), ("Join", 0)}


def values(folder: Path) -> Any:
    from laminar import wiring
    from laminar.datastores import Local
    from laminar.engine.ledger import Ledger

    store = Local(folder / ".laminar")
    commit = Ledger(store, "F", "one").commit("Join", 0)
    assert commit is not None
    return wiring.archive(store).load(commit.artifacts["sizes"], "sizes", "Join")


def test_all_points_are_walked() -> None:
    walked = {fault.rpartition("@")[2].partition(".")[0] for fault in CASES}
    assert walked == set(layout.KINDS) - {"image", "generation", "stop"}
