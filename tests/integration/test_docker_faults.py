"""Attempts that end otherwise than by their commit, in real containers."""

from __future__ import annotations

import os
import signal
import sys
from itertools import pairwise

import pytest

from tests.conftest import wait_until
from tests.integration.conftest import clients_of, unforeseen

MAIN = """
import os, signal
from gate import meet
from laminar import Flow, Layer, layers

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None:
        self.value = 1

@F.register(CONFIGURATION)
class B(Layer):
    def __call__(self, a: A) -> None:
        print("before", flush=True)
        BODY
        print("after", flush=True)
        self.value = a.value + self.attempt

@F.register
class C(Layer):
    def __call__(self, b: B) -> None:
        self.value = b.value
"""


def flow(project, body, configuration=""):
    project.write("main.py", MAIN.replace("BODY", body).replace("CONFIGURATION", configuration))


@pytest.mark.parametrize(
    ("body", "configuration", "words"),
    [
        ("os._exit(0)", "", "exited 0 without committing"),
        ("os._exit(7)", "", "exited 7 without committing"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "", "crashed (SIGSEGV)"),
        ("b'x' * (300 << 20)", "container=layers.Container(memory=100)", "out of memory at 100 MiB"),
    ],
    ids=["exit-0", "exit-7", "crash", "memory"],
)
def test_failure_of_the_layer_is_never_a_success(project, gate, body, configuration, words):
    flow(project, body, configuration)
    result = project.laminar("schedule", "main:F")
    result.fails(1, f"B/0 failed at attempt 1: {words}")
    assert "last lines of its log\n    before\n" in result.err
    assert project.states("F", result.execution) == {"A": "committed", "B": "attempts [1]"}
    assert project.log("F", result.execution, "B") == "before\n"


def timed_out(project, seconds, body):
    flow(project, body, f"timeout=layers.Timeout(seconds={seconds})")
    result = project.laminar("schedule", "main:F")
    result.fails(1, f"B/0 failed at attempt 1: timed out after {seconds} s", "Timeout")
    assert project.states("F", result.execution) == {"A": "committed", "B": "attempts [1]"}


def test_layer_that_takes_too_long_is_ended(project, gate):
    timed_out(project, 2, "meet('B')")


def test_layer_is_ended_also_while_its_container_is_being_made(project, gate):
    timed_out(project, 0.001, "signal.sigtimedwait([], 60)")  # SIGTERM may come before the init listens


def test_failure_of_the_layer_is_tried_as_often_as_it_may_be(project, engine, gate):
    flow(project, "if self.attempt < 3: os._exit(0)", "retry=layers.Retry(attempts=3, delay=0.01)")
    result = project.laminar("schedule", "main:F")
    assert result.code == 0, result.err
    assert [event["laminar.attempt"] for event in engine.events("start") if event["laminar.layer"] == "B"] == list(
        "123"
    )
    assert project.value("F", result.execution, "C.value") == 4
    assert "B/0 failed (attempt 2 of 3): exited 0 without committing; retrying in 0.0 s" in result.err


@pytest.mark.parametrize("command", [["kill"], ["kill", "--signal=TERM"], ["rm", "--force"]], ids=" ".join)
def test_container_that_is_ended_from_outside_is_repeated(project, engine, gate, command):
    flow(project, "if self.attempt == 1: meet('B')")
    running = project.start(*project.script, "schedule", "main:F")
    gate.wait(running)
    engine.docker(*command, engine.running("B"))
    result = running.end()
    assert result.code == 0, result.err
    assert project.commits("F", result.execution)["B"].attempt == 2
    assert project.value("F", result.execution, "C.value") == 3
    assert "1 retry" in result.err
    assert project.log("F", result.execution, "B", attempt=1) == "before\n"


def test_container_that_is_ended_from_outside_has_failed_where_nothing_is_repeated(project, engine, gate):
    flow(project, "meet('B')", "retry=layers.Retry(infrastructure=0)")
    running = project.start(*project.script, "schedule", "main:F")
    gate.wait(running)
    engine.docker("kill", engine.running("B"))
    result = running.end()
    result.fails(3, "B/0 failed at attempt 1: killed (SIGKILL), cause unknown")
    assert project.states("F", result.execution) == {"A": "committed", "B": "attempts [1]"}


def test_what_waits_for_a_layer_starts_at_its_commit(project, engine, gate):
    """B's process, and its container, live on after the commit; an odd exit code is then worth a warning."""
    flow(
        project,
        "import atexit; atexit.register(os._exit, 5); atexit.register(meet, 'B')",
    )
    project.write("main.py", (project.path / "main.py").read_text().replace("self.value = b.value", "meet('C')"))
    running = project.start(*project.script, "schedule", "main:F")
    assert {gate.wait(running), gate.wait(running)} == {"B", "C"}
    assert engine.running("B") != engine.running("C")
    gate.open()
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    assert "warning: B/0 committed, then exited 5" in result.err


PARALLEL = """
import signal
from gate import meet
from laminar import Flow, Layer, layers

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None: ...

@F.register(container=layers.Container(cpu=0.5))
class B(Layer):
    def __call__(self, a: A) -> None:
        DEAF
        meet("B")

@F.register(container=layers.Container(cpu=0.5))
class C(Layer):
    def __call__(self, a: A) -> None:
        meet("C")

@F.register
class D(Layer):
    def __call__(self, b: B, c: C) -> None: ...

if flow := F():
    flow(execution="mine")
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("program", [True, False], ids=["program", "command"])
def test_signal_ends_the_containers_and_keeps_what_is_committed(project, engine, gate, number, code, program):
    project.write("main.py", PARALLEL.replace("DEAF", ""))
    command = [sys.executable, "main.py"] if program else [*project.script, "schedule", "main:F", "--execution", "mine"]
    running = project.start(*command)
    assert {gate.wait(running), gate.wait(running)} == {"B", "C"}
    running.signal(number)
    result = running.end()
    result.fails(code, "interrupted: execution mine of F has stopped; what was committed stays")
    assert project.states("F", "mine") == {"A": "committed", "B": "attempts [1]", "C": "attempts [1]"}
    assert engine.containers() == []


def test_second_signal_waits_for_nobody_and_leaves_nothing(project, engine, gate):
    project.write("main.py", PARALLEL.replace("DEAF", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"))
    running = project.start(*project.script, "schedule", "main:F", "--execution", "mine")
    assert {gate.wait(running), gate.wait(running)} == {"B", "C"}
    hearing = engine.running("C")
    running.signal(signal.SIGINT)
    engine.docker("wait", hearing, check=False)  # until the first signal was taken, or the container is gone already
    running.signal(signal.SIGINT)
    running.end().fails(130, "interrupted")
    wait_until(lambda: engine.containers() == [])  # the engine is still at it when the scheduler has gone


@pytest.mark.parametrize("program", [True, False], ids=["program", "command"])
def test_signal_while_an_image_is_asked(project, engine, image, program):
    """An image that never answers: the same is left behind after the 120 s that the scheduler waits for it."""
    project.write("main.py", PARALLEL.replace("from gate import meet", "").replace("DEAF", ""))
    name = image("mute", 'ENTRYPOINT ["tail", "-f", "/dev/null"]')
    command = [sys.executable, "main.py"] if program else [*project.script, "schedule", "main:F"]
    running = project.start(*command, LAMINAR_IMAGE=name)
    engine.wait_for("start")
    running.signal(signal.SIGINT)
    result = running.end()
    left = engine.sweep()
    assert (result.code, result.out, left) == (130, "", [])
    assert "Traceback" not in result.err


@pytest.mark.parametrize("ended", [False, True], ids=["running", "ended"])
def test_client_that_is_killed_is_not_the_container(project, engine, gate, ended):
    """Also where the container has ended when the scheduler comes to look at it."""
    flow(project, "meet('B')")
    unforeseen(project, "B")
    running = project.start(*project.script, "schedule", "main:F")
    gate.wait(running)
    name = engine.running("B")
    (client,) = clients_of(running.process.pid, "B")
    if ended:
        running.signal(signal.SIGSTOP)
    os.kill(client, signal.SIGKILL)
    gate.open()
    if ended:
        engine.docker("wait", name)
        running.signal(signal.SIGCONT)
    result = running.end()
    assert result.code == 0, result.err
    assert project.commits("F", result.execution)["B"].attempt == 1
    assert project.value("F", result.execution, "C.value") == 2
    assert project.log("F", result.execution, "B") == "before\nafter\n"


def test_client_that_is_killed_between_making_and_starting(project, engine, gate, shim):
    """Nothing was started, so it is tried again, and what was made is removed."""
    flow(project, "pass")
    unforeseen(project, "B")
    shim(
        """case "$*" in run*laminar.layer=B*laminar.attempt=1*)
            shift
            $DOCKER create "$@" > /dev/null
            kill -9 $$
        esac"""
    )
    result = project.laminar("schedule", "main:F")
    assert result.code == 0, result.err
    assert "B/0 failed (attempt 1 of 4): the container vanished" in result.err
    assert project.value("F", result.execution, "C.value") == 3
    assert [event["laminar.attempt"] for event in engine.events("create") if event["laminar.layer"] == "B"] == [
        "1",
        "2",
    ]


FOLLOWS = ["logs", "--follow"]


def test_client_that_cannot_follow_a_log_is_not_asked_without_pause(project, engine, gate, shim):
    """The engine's log driver may keep none. The container is waited for all the same, and quietly."""
    flow(project, "meet('B')", "container=layers.Container(options=['--log-driver=none'])")
    unforeseen(project, "B")
    calls = shim()
    running = project.start(*project.script, "schedule", "main:F")
    gate.wait(running)
    (client,) = clients_of(running.process.pid, "B")
    os.kill(client, signal.SIGKILL)

    def asked():
        return [float(at) for at, *words in map(str.split, calls.read_text().splitlines()) if words[:2] == FOLLOWS]

    wait_until(lambda: len(asked()) > 2)
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    assert project.commits("F", result.execution)["B"].attempt == 1
    assert project.value("F", result.execution, "C.value") == 2
    assert all(after - before > 0.9 for before, after in pairwise(asked()))


def test_what_the_client_of_a_dead_scheduler_makes_late_is_removed(project, engine, gate, shim):
    """It comes when the resumed run has looked for what there is to adopt, and is at work on the next attempt."""
    flow(project, "meet(f'B{self.attempt}')")
    unforeseen(project, "B")
    late = project.path.parent / "late"
    os.mkfifo(late)
    shim(f'case "$*" in run*laminar.layer=B*laminar.attempt=1*) read word < {late};; esac')
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one")
    wait_until((project.store / "runs/F/one/layers/B/0/1/started.json").exists)
    with open(late, "w") as word:  # when the client reads, it is there
        running.signal(signal.SIGKILL)
        running.process.communicate()
        resumed = project.start(*project.script, "resume", "one")
        assert gate.wait(resumed) == "B2"
        word.write("go\n")
    assert gate.wait(resumed) == "B1"
    gate.open()
    gate.open()
    result = resumed.end()
    assert result.code == 0, result.err
    assert project.commits("F", "one")["B"].attempt in (1, 2)
    assert engine.containers() == []
