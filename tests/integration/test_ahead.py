"""Containers that are made before their turn has come: they save time, and nothing else is different for them."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from tests.conftest import wait_until

MAIN = """
import signal
from gate import meet
from laminar import Flow, Layer, hooks, layers

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None:
        self.value = 1

@F.register
class B(Layer):
    def __call__(self, a: A) -> None:
        BODY
        self.value = a.value + 1

@F.register
class C(Layer):
    HOOK
    def __call__(self, before: BEFORE) -> None:
        print("C is here", flush=True)
        self.value = before.value + self.attempt
"""

RESUME = """
import main
execution = main.F().execution("one")
execution.resume(takeover=True)
print(execution.layer(main.C).value)
"""


def flow(project, body="meet('B')", before="B", hook="pass"):
    source = MAIN.replace("BODY", body).replace("BEFORE", before).replace("HOOK", hook)
    project.write("main.py", source)
    project.write("resume.py", RESUME)


def begun(project, engine, gate, *options):
    """A run in which B waits, and the container of C is made."""
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--mount", ".", *options)
    assert gate.wait(running) == "B"
    made(engine, "C")
    return running


def made(engine, layer):
    """Wait until a container of that layer is made; its name."""
    wait_until(lambda: engine.containers(f"label=laminar.layer={layer}", "status=created"))
    (name,) = engine.containers(f"label=laminar.layer={layer}", "status=created")
    return name


def wait_for_call(calls, *words):
    """Wait until the docker command was called with these words."""
    wait_until(lambda: any(all(word in line for word in words) for line in read(calls).splitlines()))


def read(path):
    return path.read_text() if path.exists() else ""


def adopting(project):
    """A resumed run that has taken up B."""
    resumed = project.start("sh", "-c", 'exec "$0" resume.py 2> said', sys.executable)
    wait_until(lambda: "adopted 1 attempt" in read(project.path / "said"))
    return resumed


def happened(engine, layer, *actions):
    return [event["action"] for event in engine.events(*actions) if event["laminar.layer"] == layer]


def test_it_is_made_while_the_layer_before_runs_and_started_in_its_turn(project, engine, gate):
    flow(project)
    running = begun(project, engine, gate)
    assert happened(engine, "C", "start") == []
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    assert happened(engine, "C", "create", "start", "destroy") == ["create", "start", "destroy"]
    assert project.value("F", "one", "C.value") == 3
    assert project.log("F", "one", "C") == "C is here\n"


HOOK = """@hooks.submission
    def smaller(self):
        self.configuration.container.memory = 123
        yield
"""


def test_what_waits_for_room_is_made_as_its_hooks_left_it(project, engine, gate):
    flow(project, before="A", hook=HOOK)
    running = begun(project, engine, gate, "--max-parallel", "1")
    assert engine.inspect(made(engine, "C"))["HostConfig"]["Memory"] == 123 << 20
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    assert happened(engine, "C", "create", "start") == ["create", "start"]


def test_how_a_layer_that_hooks_may_change_is_run_is_not_foretold(project, engine, gate):
    flow(project, hook=HOOK)
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--mount", ".")
    assert gate.wait(running) == "B"
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    order = [(event["action"], event["laminar.layer"]) for event in engine.events("create", "die")]
    assert order.index(("create", "C")) > order.index(("die", "A"))
    assert happened(engine, "C", "create", "start") == ["create", "start"]


def test_a_failure_before_it_leaves_none(project, engine, gate):
    flow(project, "meet('B'); raise ValueError('on purpose')")
    running = begun(project, engine, gate)
    gate.open()
    running.end().fails(1, "B/0 failed at attempt 1", users="\nValueError: on purpose")
    assert happened(engine, "C", "start") == []
    assert engine.containers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_none(project, engine, gate, number):
    flow(project)
    running = begun(project, engine, gate)
    running.signal(number)
    running.end().fails(128 + number, "interrupted")
    assert happened(engine, "C", "start") == []
    assert engine.containers() == []


def test_a_second_signal_leaves_none_that_is_still_being_made(project, engine, gate, shim):
    flow(project, "signal.signal(signal.SIGTERM, signal.SIG_IGN); meet('B')")
    calls = shim('case "$*" in create*laminar.layer=C*) sleep 2;; esac')
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--mount", ".")
    assert gate.wait(running) == "B"
    wait_for_call(calls, "create", "laminar.layer=C")
    running.signal(signal.SIGINT)
    assert running.process.stderr is not None
    while "interrupt again" not in running.process.stderr.readline():
        assert running.process.poll() is None
    running.signal(signal.SIGINT)
    running.end().fails(130, "interrupted")
    deadline = time.monotonic() + 30  # the engine is still at it when the scheduler has gone
    while engine.containers() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert engine.containers() == []
    assert happened(engine, "C", "create") == ["create"]


def test_a_scheduler_that_is_killed_leaves_one_that_the_next_removes_and_makes_again(project, engine, gate):
    flow(project)
    running = begun(project, engine, gate)
    running.signal(signal.SIGKILL)
    running.process.communicate()
    made(engine, "C")  # still
    resumed = adopting(project)
    gate.open()
    result = resumed.end()
    assert (result.code, result.out) == (0, "3\n")
    assert happened(engine, "C", "create", "start") == ["create", "create", "start"]
    assert happened(engine, "B", "start") == ["start"]
    assert engine.containers() == []


def test_what_a_dead_scheduler_has_still_made_late_is_in_nobodys_way(project, engine, gate, shim):
    late = project.path.parent / "late"
    os.mkfifo(late)
    flow(project)
    once = project.path.parent / "once"
    calls = shim(f'case "$*" in create*laminar.layer=C*) mkdir {once} && read word < {late};; esac')
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--mount", ".")
    assert gate.wait(running) == "B"
    wait_for_call(calls, "create", "laminar.layer=C")
    running.signal(signal.SIGKILL)
    running.process.communicate()
    resumed = adopting(project)
    late.write_text("go\n")
    made(engine, "C")
    gate.open()
    result = resumed.end()
    assert (result.code, result.out) == (0, "3\n")
    assert happened(engine, "C", "start") == ["start"]
    assert engine.containers() == []


def test_who_is_taken_over_leaves_none(project, engine, gate):
    flow(project)
    running = begun(project, engine, gate)
    resumed = project.start(sys.executable, "resume.py")
    running.end().fails(143, "execution one of F was taken over by process")
    gate.open()
    result = resumed.end()
    assert (result.code, result.out) == (0, "3\n"), result.err
    assert happened(engine, "C", "start") == ["start"]
    assert engine.containers() == []


def test_one_that_others_remove_is_made_again(project, engine, gate):
    """As `docker container prune` does."""
    flow(project)
    running = begun(project, engine, gate)
    engine.docker("rm", made(engine, "C"))
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    assert "retry" not in result.err
    assert happened(engine, "C", "create", "start") == ["create", "create", "start"]
    assert project.value("F", "one", "C.value") == 3


def test_one_that_cannot_be_made_is_not_missed(project, engine, gate, shim):
    flow(project)
    calls = shim('case "$*" in create*) exit 125;; esac')
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--mount", ".")
    assert gate.wait(running) == "B"
    wait_for_call(calls, "create", "laminar.layer=C")
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    assert "retry" not in result.err
    assert happened(engine, "C", "create", "start") == ["create", "start"]
