"""What the engine, the machine and hostile layers do to containers, for real."""

from __future__ import annotations

import re
import signal
import subprocess
import time

import pytest

from laminar.engine.faults import VARIABLE
from laminar.executors.docker_command import Place, container_name, docker_command
from laminar.model.configuration import Container
from laminar.model.wire import Task
from tests.conftest import LATE, wait_until
from tests.faults.invariants import verify
from tests.integration.conftest import unforeseen

MAIN = """
import os, signal, subprocess, sys, time
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
        self.value = a.value + self.attempt
        self.large = b"x" * 2000

@F.register
class C(Layer):
    def __call__(self, b: B) -> None:
        self.value = b.value
"""

RESUME = """
import main
execution = main.F().execution("one")
execution.resume()
print(execution.layer(main.C).value)
"""


def flow(project, body="pass", configuration=""):
    project.write("main.py", MAIN.replace("BODY", body).replace("CONFIGURATION", configuration))
    project.write("resume.py", RESUME)


def schedule(project, *options, **environ):
    return project.start(*project.script, "schedule", "main:F", "--execution", "one", *options, **environ)


def attempts(engine, layer):
    """The attempts whose containers have run."""
    return [int(event["laminar.attempt"]) for event in engine.events("start") if event["laminar.layer"] == layer]


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        ("B/0/1@blob.in:kill", [1, 2]),
        ("B/0/1@commit.in:kill", [1, 2]),
        ("B/0/1@commit.after:kill", [1]),
        ("B/0/1@commit.in:full", [1, 2]),
        ("B/0/1@commit.after:full", [1]),
    ],
)
def test_an_executor_process_that_dies_at_its_writes(project, engine, fault, tries):
    flow(project)
    result = schedule(project, **{VARIABLE: fault}).end()
    assert result.code == 0, result.err
    assert attempts(engine, "B") == tries
    assert project.value("F", "one", "C.value") == 1 + tries[-1]
    verify(project.store)


@pytest.mark.parametrize(
    "fault", ["plan.after#2", "started.after#2", "log.before", "log.after", "plan.before#3", "started.after#3"]
)
def test_a_scheduler_that_dies_at_its_writes(project, engine, fault):
    """Where B has not started, is made, runs, or has ended."""
    flow(project)
    assert schedule(project, **{VARIABLE: f"{fault}:kill"}).end().code == -signal.SIGKILL
    committed = project.commits("F", "one")
    result = project.python("resume.py")
    assert result.code == 0, result.err
    assert project.value("F", "one", "C.value") == 1 + project.commits("F", "one")["B"].attempt
    assert {layer: project.commits("F", "one")[layer] for layer in committed} == committed
    assert len(attempts(engine, "A")) == 1
    assert len(attempts(engine, "B")) <= 2
    assert engine.containers() == []
    verify(project.store)


@pytest.mark.parametrize("left", ["created", "running"])
def test_a_container_of_that_name_is_there_already(project, engine, left):
    """As when the store was deleted under a run that had been killed, and the run is begun again by the same name."""
    flow(project)
    project.store.mkdir()
    task = Task("main:F", "one", "B", "/mnt/laminar")
    command = docker_command(
        task, Container(command=["sleep", "600"]), Place("F", str(project.store), "0:0"), engine.image
    )
    command.insert(2, "--detach")
    subprocess.run(
        command if left == "running" else ["docker", "create", *command[3:]], check=True, capture_output=True
    )
    assert engine.containers() == [container_name(task, Place("F", str(project.store), "0:0"))]
    result = schedule(project).end()
    assert result.code == 0, result.err
    assert project.value("F", "one", "C.value") == 2
    assert engine.containers() == []


def test_a_child_that_is_killed_for_memory_is_worth_a_warning(project, engine):
    child = "subprocess.run([sys.executable, '-c', 'x = bytearray(600 << 20); x[:] = bytes(len(x))'])"
    flow(project, f"assert {child}.returncode == -9", "container=layers.Container(memory=200)")
    result = schedule(project).end()
    assert result.code == 0, result.err
    assert "B/0 committed, although a process in it was killed for memory" in result.err
    assert attempts(engine, "B") == [1]


def test_more_than_a_container_holds_passes_through_it_item_by_item(project, engine):
    """Half a GiB through 150 MiB: saved, verified and read one item at a time."""
    small = "container=layers.Container(memory=150)"
    flow(project, "assert sum(len(part) for part in a.parts) == 512 << 20", small)
    text = (project.path / "main.py").read_text()
    text = text.replace("@F.register\nclass A", f"@F.register({small})\nclass A")
    shard = "self.shard(parts=(bytes([number]) * (8 << 20) for number in range(64)))"
    project.write("main.py", text.replace("self.value = 1\n", f"self.value = 1\n        {shard}\n"))
    result = schedule(project).end()
    assert result.code == 0, result.err
    assert (attempts(engine, "A"), attempts(engine, "B")) == ([1], [1])
    verify(project.store)


def slow(project, body):
    """B has an hour, which is over when there is a file `late`."""
    project.write("late.py", LATE)
    flow(project, body, "timeout=layers.Timeout(seconds=3600)")
    project.write("main.py", "import late\n" + (project.path / "main.py").read_text())


def test_a_container_that_ignores_sigterm_is_killed_after_the_grace_period(project, engine, gate):
    slow(project, "signal.signal(signal.SIGTERM, signal.SIG_IGN); from gate import meet; meet('B')")
    running = schedule(project, "--progress", "quiet")
    gate.wait(running)
    (project.path / "late").touch()
    running.end().fails(1, "B/0 failed at attempt 1: timed out after 3600 s")
    assert project.log("F", "one", "B") == "before\n"


def test_a_commit_in_the_grace_period_wins(project, engine, gate):
    """SIGTERM comes while the layer's result is being committed."""
    slow(project, "from gate import meet; meet(str(os.getpid()))")
    running = schedule(project, "--progress", "quiet", **{VARIABLE: "B/0/1@commit.before:stop"})
    pid, name = gate.wait(running), engine.running("B")
    gate.open()

    def status(what):
        return re.search(rf"(?m)^{what}:\s*(.*)$", engine.docker("exec", name, "cat", f"/proc/{pid}/status"))[1]

    wait_until(lambda: status("State").startswith("T"))
    (project.path / "late").touch()
    wait_until(lambda: int(status("ShdPnd"), 16) & 1 << signal.SIGTERM - 1)
    engine.docker("exec", name, "sh", "-c", f"kill -CONT {pid}")
    result = running.end()
    assert result.code == 0, result.err
    assert attempts(engine, "B") == [1]
    assert project.value("F", "one", "C.value") == 2


def test_hostile_logs(project):
    """All bytes there are, and a line of 100 MB; meanwhile progress goes on, and the log is kept up to its cap."""
    body = "os.write(1, bytes(range(256))); [os.write(1, b'x' * 1_000_000) for _ in range(100)]"
    flow(project, body)
    result = schedule(project, "--logs").end()
    assert result.code == 0, result.err[-2000:]
    assert len(result.err) < 100_000
    log = project.ledger("F", "one").log("B", 0, 1)
    assert log.startswith(b"before\n" + bytes(range(256)) + b"xxx")
    assert log.endswith(b"x\n[laminar: the rest is dropped; a log is kept up to 64 MiB]\n")


@pytest.mark.parametrize("ahead", [False, True], ids=["now", "ahead"])
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["service", "crash"])
def test_the_daemon_is_started_again_while_a_layer_runs(project, daemon, engine, how, ahead):
    daemon.load(engine.image)
    project.environ["DOCKER_HOST"] = daemon.host
    flow(project, "self.attempt == 1 and time.sleep(20)")
    if not ahead:
        unforeseen(project, "B")
    running = schedule(project)
    wait_until(lambda: (project.store / "runs").exists() and "before" in project.log("F", "one", "B"))
    daemon.end(how)
    time.sleep(2)
    daemon.start()
    result = running.end()
    assert result.code == 0, result.err
    assert project.value("F", "one", "C.value") == 1 + project.commits("F", "one")["B"].attempt
    left = subprocess.run(["docker", f"--host={daemon.host}", "ps", "-aq"], capture_output=True, text=True, check=True)
    assert left.stdout == ""
    verify(project.store)
