"""Schedulers that die, and those that go on: nothing that was committed runs again, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

from tests.conftest import wait_until

MAIN = """
from gate import meet
from laminar import Flow, Layer

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None:
        self.value = 1

@F.register
class B(Layer):
    def __call__(self, a: A) -> None:
        print("before", flush=True)
        meet(f"B{self.attempt}")
        print("after", flush=True)
        self.value = a.value + self.attempt

@F.register
class C(Layer):
    def __call__(self, b: B) -> None:
        self.value = b.value
"""

RESUME = """
import json, sys, main
from main import A, B, C, F
execution = F().execution("one")
before = execution.state
options = {"takeover": True} if "takeover" in sys.argv else {}
execution.resume(**options)
values = [execution.layer(layer).value for layer in (A, B, C)]
print(json.dumps([before, values, execution.layer(B).attempt, execution.state]))
"""


@pytest.fixture
def begun(project, gate):
    """An execution whose scheduler waits for B, in its container."""
    project.write("main.py", MAIN)
    project.write("resume.py", RESUME)
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--mount", ".")
    assert gate.wait(running) == "B1"
    return running


HOOKED = """
    @hooks.submission
    def smaller(self):
        self.configuration.container.memory = 100
        yield

    def __call__(self, a: A)"""


def kill(running):
    running.signal(signal.SIGKILL)
    running.process.communicate()


def resumed(project, meanwhile=lambda running: None):
    """What a resume prints, and what it says."""
    running = project.start(sys.executable, "resume.py")
    meanwhile(running)
    result = running.end()
    assert result.code == 0, result.err
    return json.loads(result.out), result.err


def has_adopted(running, said):
    assert running.process.poll() is None, running.end()
    return said.exists() and "adopted 1 attempt of an earlier launch" in said.read_text()


def test_a_container_that_runs_is_adopted(project, engine, gate, begun):
    name = engine.running("B")
    kill(begun)
    assert engine.running("B") == name
    running = project.start("sh", "-c", 'exec "$0" resume.py 2> said', sys.executable)
    said = project.path / "said"
    wait_until(lambda: has_adopted(running, said))
    gate.open()
    assert json.loads(running.end().out) == ["interrupted", [1, 2, 2], 1, "finished"]
    assert project.log("F", "one", "B") == "before\nafter\n"
    assert [event["laminar.layer"] for event in engine.events("start")] == ["A", "B", "C"]


def test_what_hooks_changed_is_known_of_an_adopted_container(project, engine, gate):
    hooked = MAIN.replace("import Flow, Layer", "import Flow, Layer, hooks").replace(
        "\n    def __call__(self, a: A)", HOOKED
    )
    project.write("main.py", hooked.replace("self.value = a.value", "b'x' * (300 << 20); self.value = a.value"))
    project.write("resume.py", RESUME)
    begun = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--mount", ".")
    assert gate.wait(begun) == "B1"
    kill(begun)
    gate.open()
    result = project.python("resume.py")
    result.fails(1, "B/0 failed at attempt 1: out of memory at 100 MiB")


def test_an_execution_that_is_removed_takes_its_containers_with_it(project, engine, gate, begun):
    kill(begun)
    assert engine.running("B")
    record = project.store / "runs/F/one/execution.json"
    while time.time() - record.stat().st_mtime < 1.5:
        time.sleep(0.1)
    result = project.laminar("gc", "--older-than", "1s")
    assert result.code == 0, result.err
    assert engine.containers() == []
    assert not list(project.store.glob("runs/F/*"))


def test_a_container_that_committed_while_nobody_watched_is_done(project, engine, gate, begun):
    name = engine.running("B")
    kill(begun)
    gate.open()
    engine.docker("wait", name)
    values, _ = resumed(project)
    assert values == ["interrupted", [1, 2, 2], 1, "finished"]
    assert project.log("F", "one", "B") == "before\nafter\n"
    assert [event["laminar.layer"] for event in engine.events("start")] == ["A", "B", "C"]


def test_a_container_that_was_killed_while_nobody_watched_is_tried_again(project, engine, gate, begun):
    name = engine.running("B")
    kill(begun)
    engine.docker("kill", name)

    def second(running):
        assert gate.wait(running) == "B2"
        gate.open()

    values, said = resumed(project, second)
    assert values == ["interrupted", [1, 3, 3], 2, "finished"]
    assert "killed (SIGKILL), cause unknown" in said


def test_a_container_that_was_only_made_is_made_again(project, engine, gate, begun):
    name = engine.running("B")
    record = engine.inspect(name)
    labels = [f"--label={key}={value}" for key, value in record["Config"]["Labels"].items() if "laminar" in key]
    kill(begun)
    engine.docker("rm", "--force", name)
    engine.docker("create", f"--name={name}", *labels, record["Image"], "true")

    def second(running):
        assert gate.wait(running) == "B2"
        gate.open()

    values, _ = resumed(project, second)
    assert values == ["interrupted", [1, 3, 3], 2, "finished"]


def test_of_two_schedulers_one_is_refused(project, engine, gate, begun):
    result = project.python("resume.py")
    result.fails(2, "execution one of F is held by process", "--takeover")
    gate.open()
    assert begun.end().code == 0
    assert engine.containers() == []


def test_one_that_takes_over_adopts_what_the_other_started(project, engine, gate, begun):
    running = project.start(sys.executable, "resume.py", "takeover")
    begun.end().fails(143, "execution one of F was taken over by process")
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    assert json.loads(result.out)[1:] == [[1, 2, 2], 1, "finished"]
    assert [event["laminar.layer"] for event in engine.events("start")] == ["A", "B", "C"]


LOSER = """
import sys, main
from laminar.errors import Interrupted
try:
    main.F()(execution="one")
except Interrupted as error:
    print(error.message, file=sys.stderr, flush=True)
open("over").read()
"""


def test_one_that_lost_and_lives_on_touches_nothing_more(project, engine, gate):
    """As a notebook does: its threads still follow the container when that ends."""
    project.write("main.py", MAIN)
    project.write("resume.py", RESUME)
    project.write("loser.py", LOSER)
    os.mkfifo(project.path / "over")
    loser = project.start(sys.executable, "loser.py", LAMINAR_MOUNT=".")
    assert gate.wait(loser) == "B1"
    winner = project.start("sh", "-c", 'exec "$0" resume.py takeover 2> said', sys.executable)
    said = project.path / "said"
    wait_until(lambda: has_adopted(winner, said))
    assert loser.process.stderr is not None
    while "was taken over by process" not in loser.process.stderr.readline():
        assert loser.process.poll() is None
    gate.open()
    result = winner.end()
    assert json.loads(result.out)[1:] == [[1, 2, 2], 1, "finished"]
    assert project.log("F", "one", "B") == "before\nafter\n"
    with open(project.path / "over", "w"):
        pass
    loser.end()
