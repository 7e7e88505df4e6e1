"""Attempts that meet each other, that do not end, and that say odd things; clocks that jump."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from laminar import Flow, Layer
from laminar.configurations import layers
from laminar.datastores import Local
from laminar.engine.faults import VARIABLE
from laminar.engine.ledger import Plan
from laminar.executors import Thread
from tests.conftest import LATE, wait_until
from tests.faults.conftest import CALLED
from tests.faults.invariants import nobody_left, verify

MAIN = (
    CALLED
    + """
@F.register
class A(Layer):
    def __call__(self) -> None:
        self.value = 1

@F.register(CONFIGURATION)
class B(Layer):
    def __call__(self, a: A) -> None:
        called(self)
        BODY
        self.value = a.value + self.attempt
"""
)


def flow(project, body="pass", configuration=""):
    project.write("main.py", MAIN.replace("BODY", body).replace("CONFIGURATION", configuration))


def schedule(project, **environ):
    command = [*project.script, "schedule", "main:F", "--executor", "process", "--execution", "one"]
    return project.start(*command, **environ)


@pytest.mark.parametrize("stage", ["before", "in"])
def test_a_zombie_and_its_retry_give_one_result(project, stage):
    """The first one stands still at its commit, as behind a network that is gone; the second one commits."""
    flow(project)
    evaluated(project)
    zombie = execute(project, 1, f"B/0/1@commit.{stage}:stop")
    stands = os.waitid(os.P_PID, zombie.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert stands is not None
    assert stands.si_code == os.CLD_STOPPED
    second = execute(project, 2).end()
    assert (second.code, second.err) == (0, "")
    commit = project.store / "runs/F/one/layers/B/0/COMMIT"
    content = commit.read_bytes()
    zombie.signal(signal.SIGCONT)
    late = zombie.end()
    assert late.code == 0, late.err
    assert "B/0 has nothing to commit: another attempt has" in late.err
    assert commit.read_bytes() == content
    assert project.value("F", "one", "B.value") == 3
    verify(project.store)


def evaluated(project):
    """A by hand, as B will be."""
    project.ledger("F", "one").put_plan("A", Plan(1))
    project.ledger("F", "one").put_plan("B", Plan(1))
    result = project.laminar("execute", *arguments(project, "A"))
    assert result.code == 0, result.err


def arguments(project, layer):
    return [
        f"--layer={layer}",
        "--target=main:F",
        "--execution=one",
        f"--datastore={project.store}",
    ]


def execute(project, attempt, fault=None):
    return project.start(
        *project.script, "execute", *arguments(project, "B"), f"--attempt={attempt}", **{VARIABLE: fault}
    )


def test_many_attempts_at_once_give_one_result(project):
    flow(project)
    evaluated(project)
    ends = [running.end() for running in [execute(project, attempt) for attempt in range(1, 9)]]
    assert [end.code for end in ends] == [0] * 8
    won = project.commits("F", "one")["B"].attempt
    said = [number for number, end in enumerate(ends, 1) if "another attempt" not in end.err]
    assert set(said) >= {won}  # one that began when the commit was there says it, too
    assert len(said) == 1
    assert project.value("F", "one", "B.value") == 1 + won


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("a.value; meet('B')", 0, "B/0 has nothing to commit: another attempt has, or it is gone"),
        ("meet('B'); raise ValueError('late')", 1, "ValueError: late"),
    ],
    ids=["commits", "fails"],
)
def test_an_execution_that_was_removed_does_not_come_back_in_parts(project, gate, body, code, words):
    flow(project, f"from gate import meet; {body}")
    ledger = project.ledger("F", "one")
    ledger.create("main:F", {})
    evaluated(project)
    running = execute(project, 1)
    gate.wait(running)
    shutil.rmtree(project.store / "runs/F/one")
    gate.open()
    result = running.end()
    assert (result.code, words in result.err) == (code, True), result
    assert not list(project.store.glob("runs/F/*"))


REMOVED = """
import os
from laminar import Flow, Layer, executors

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None:
        if self.execution.id == "one":
            os.rename("STORE/runs/F/one", "removed")
        self.value = 1

@F.register
class Other(Layer):
    def __call__(self) -> None:
        self.value = "first" if self.execution.id == "one" else "second"

if flow := F():
    flow(execution="one")
"""


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_a_run_whose_execution_is_removed_says_so_and_another_takes_nothing_of_it(project, executor):
    project.write("main.py", REMOVED.replace("STORE", str(project.store)))
    run = ("schedule", "main:F", "--executor", executor, "--max-parallel", "1")
    result = project.laminar(*run, "--execution", "one")
    result.fails(3, "execution one of F was removed while it ran")
    assert not list(project.store.glob("runs/F/one/**/COMMIT"))
    if list(project.store.glob("runs/F/one")):  # a log, say
        project.laminar(*run, "--execution", "one").fails(2, "parts of an execution 'one'", "runs/F/one")


GRACE = """
import late
import laminar.executors.process
laminar.executors.process._GRACE_S = SECONDS
from main import F
F()(execution="one")
"""


def with_grace(project, seconds, **environ):
    project.write("late.py", LATE)
    project.write("grace.py", GRACE.replace("SECONDS", str(seconds)))
    return project.start(sys.executable, "grace.py", LAMINAR_EXECUTOR="process", LAMINAR_PROGRESS="quiet", **environ)


def test_a_layer_that_ignores_sigterm_is_killed_after_the_grace_period(project, gate):
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); from gate import meet; meet('B')"
    flow(project, deaf, "timeout=layers.Timeout(seconds=3600)")
    running = with_grace(project, 1.0)
    gate.wait(running)
    (project.path / "late").touch()
    result = running.end()
    assert result.code == 1
    assert "B/0 failed at attempt 1: timed out after 3600 s" in result.err
    nobody_left(project.path)


def test_a_commit_in_the_grace_period_wins(project):
    """SIGTERM comes while the layer's result is being committed."""
    flow(project, "open('pid', 'w').write(str(os.getpid()))", "timeout=layers.Timeout(seconds=3600)")
    running = with_grace(project, 600.0, **{VARIABLE: "B/0/1@commit.before:stop"})
    wait_until(lambda: (project.path / "pid").exists() and (project.path / "pid").read_text())
    pid = int((project.path / "pid").read_text())
    wait_until(lambda: status(pid, "State").startswith("T"))
    (project.path / "late").touch()
    wait_until(lambda: int(status(pid, "ShdPnd"), 16) & 1 << signal.SIGTERM - 1)
    os.kill(pid, signal.SIGCONT)
    result = running.end()
    assert result.code == 0, result.err
    assert project.value("F", "one", "B.value") == 2
    assert (project.path / "calls").read_text() == "B 0 1\n"


def status(pid, name):
    """What the kernel says of a process."""
    return re.search(rf"(?m)^{name}:\s*(.*)$", Path(f"/proc/{pid}/status").read_text())[1]


@pytest.mark.parametrize("moment", ["plan.after#2", "started.after#2", "log.after"])
def test_executor_processes_end_with_their_scheduler(project, moment):
    flow(project, "print('here', flush=True); import time; time.sleep(600)")
    running = schedule(project, **{VARIABLE: f"{moment}:kill"})
    assert running.end().code == -signal.SIGKILL
    nobody_left(project.path)


HOSTILE = {
    "invalid-utf-8": ("os.write(1, bytes(range(256)) * 100)", lambda log: log == bytes(range(256)) * 100),
    "no-newline": ("os.write(1, b'x' * 50_000)", lambda log: log == b"x" * 50_000),
    "100-mb-line": (
        "[os.write(1, b'x' * 1_000_000) for _ in range(100)]",
        lambda log: (
            len(log) < (64 << 20) + 200
            and log.endswith(b"[laminar: the rest is dropped; a log is kept up to 64 MiB]\n")
        ),
    ),
    "notices": ("os.write(1, b'\\x1elaminar committed\\x1e\\n' * 3)", lambda log: log.count(b"laminar committed") == 3),
    "terminal": ("os.write(1, b'\\x1b[2J\\x1b]0;title\\x07\\r\\0')", lambda log: log == b"\x1b[2J\x1b]0;title\x07\r\0"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_logs(project, what):
    body, expected = HOSTILE[what]
    flow(project, body)
    result = schedule(project).end()
    assert result.code == 0, result.err
    assert expected(project.ledger("F", "one").log("B", 0, 1))
    assert project.value("F", "one", "B.value") == 2


def test_last_words_that_are_slow_to_be_written_are_not_lost(project):
    flow(project, "print('last words', flush=True); os._exit(7)")
    result = schedule(project, **{VARIABLE: "log.before:delay=2"}).end()
    result.fails(1, "B/0 failed at attempt 1: exited 7 without committing")
    assert "last lines of its log\n    last words\n" in result.err


def test_a_forged_notice_proves_nothing(project):
    flow(project, "os.write(1, b'\\x1elaminar committed\\x1e\\n'); os._exit(0)")
    result = schedule(project).end()
    result.fails(1, "B/0 failed at attempt 1: exited 0 without committing")
    assert list(project.commits("F", "one")) == ["A"]


def test_a_clock_that_jumps_changes_nothing(tmp_path, monkeypatch):
    """By years, both ways, each time that somebody looks: waits and timeouts, the lease and the order of attempts."""
    dice = random.Random(1)
    monkeypatch.setattr(time, "time", lambda: dice.uniform(0, 4e9))
    called = []

    class F(Flow): ...

    @F.register(retry=layers.Retry(attempts=3, delay=0.01), timeout=layers.Timeout(seconds=60))
    class A(Layer):
        def __call__(self) -> None:
            called.append(self.attempt)
            if self.attempt < 3:
                raise ValueError
            self.value = 1

    flow = F(datastore=Local(tmp_path), executor=Thread())
    began = time.monotonic()
    execution = flow(execution="one")
    execution.resume()
    assert time.monotonic() - began < 25  # a lease that is not believed is watched for 30 s
    assert (called, execution.layer(A).value, execution.state) == ([1, 2, 3], 1, "finished")
    assert [each.id for each in flow.executions()] == ["one"]


def test_the_fault_is_not_seen_by_user_code(project):
    flow(project, f"assert not [name for name in os.environ if name == {VARIABLE!r}]")
    result = schedule(project, **{VARIABLE: "executor@image.in:kill"}).end()
    assert result.code == 0, result.err
