"""`laminar resume` and `laminar stop`, with real processes."""

from __future__ import annotations

import signal

import pytest

from tests.faults.invariants import nobody_left

MAIN = """
import os
from laminar import Flow, Layer, Parameters, layers

class First(Flow): ...
class Second(Flow): ...

def ran(what):
    with open("ran", "a") as file:
        file.write(what + "\\n")

@First.register
class Numbers(Layer):
    def __call__(self) -> None:
        ran("Numbers")
        self.shard(numbers=[1, 2, 3])

@First.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Numbers, attribute="numbers")]))
class Square(Layer):
    def __call__(self, numbers: Numbers) -> None:
        ran(f"Square/{self.index}")
        if self.index == 1 and os.path.exists("broken"):
            raise ValueError("no")
        self.square = numbers.numbers ** 2

@Second.register
class Sum(Layer):
    def __call__(self, parameters: Parameters) -> None:
        ran("Sum")
        self.sum = sum(parameters.squares)

if first := First():
    done = first(execution="one").next(
        flow=Second(), linker=lambda run: Parameters(squares=list(run.layer(Square).square))
    )
    print("the sum is", done.layer(Sum).sum)
"""

WAITS = """
from gate import meet
from laminar import Flow, Layer

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None:
        meet(f"A{self.attempt}")
        self.value = 1
"""


@pytest.fixture
def broken(project):
    """A project whose flow fails until `broken` is taken away."""
    project.environ["LAMINAR_PROGRESS"] = "quiet"
    project.write("main.py", MAIN)
    (project.path / "broken").touch()
    return project


def ran(project):
    path = project.path / "ran"
    text = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    return sorted(text.split())


def test_only_what_is_not_committed_runs(broken):
    result = broken.laminar("schedule", "main:First", "--execution", "one", "--executor", "process")
    assert result.code == 1
    first = ran(broken)
    assert {"Numbers", "Square/0", "Square/1"} <= set(first)  # Square/2 only if it began before Square/1 failed
    (broken.path / "broken").unlink()
    result = broken.laminar("resume", "latest")  # with the executor that it was begun with
    assert (result.code, result.out) == (0, "one\n"), result.err
    assert sorted({"Numbers", "Square/0", "Square/1", "Square/2"} - set(first) | {"Square/1"}) == ran(broken)
    assert broken.laminar("resume", "o", "--rerun", "Square").code == 0
    assert ran(broken) == ["Square/0", "Square/1", "Square/2"]
    broken.laminar("resume", "one", "--rerun", "Sqare").fails(2, "flow First has no layer 'Sqare'", "'Square'?")
    broken.laminar("resume", "two").fails(2, "there is no execution 'two'", "The latest are: one")
    broken.laminar("resume", "one/Square").fails(2, "one/Square is a layer", "Type the execution: one")


@pytest.mark.parametrize("executor", ["process", "thread"])
def test_code_that_has_changed_since_is_named(broken, executor):
    assert broken.laminar("schedule", "main:First", "--execution", "one", "--executor", executor).code == 1
    (broken.path / "broken").unlink()
    broken.write("main.py", MAIN.replace("numbers=[1, 2, 3]", "numbers=[4, 5, 6]"))
    result = broken.laminar("resume", "one")
    assert result.code == 0, result.err
    assert "warning: layer Numbers has other code than when the results were committed, which stay" in result.err
    assert "--rerun Numbers" in result.err


def test_a_linker_that_has_changed_is_no_other_code_of_a_layer(broken):
    assert broken.python("main.py", LAMINAR_EXECUTOR="process").code == 1
    (broken.path / "broken").unlink()
    broken.write("main.py", MAIN.replace("list(run.layer(Square).square)", "[*run.layer(Square).square, 1]"))
    result = broken.laminar("resume", "one")
    assert (result.code, result.out, result.err) == (0, "the sum is 15\n", "")


def test_layers_to_compute_again_reach_a_program_that_resumes_by_itself(broken):
    program = MAIN.split("if first")[0] + "if first := First():\n    first.execution('one').resume()\n"
    broken.write("main.py", program.replace(".execution('one').resume()", "(execution='one')"))
    (broken.path / "broken").unlink()
    assert broken.python("main.py", LAMINAR_EXECUTOR="process").code == 0
    broken.write("main.py", program)
    ran(broken)
    result = broken.laminar("resume", "one", "--rerun", "Square")
    assert result.code == 0, result.err
    assert ran(broken) == ["Square/0", "Square/1", "Square/2"]


def test_a_program_is_run_again_with_the_settings_of_the_command(broken):
    assert broken.python("main.py", LAMINAR_EXECUTOR="process").code == 1
    broken.write("other.yaml", "executor: thread")
    result = broken.laminar("resume", "one", "--config", "other.yaml", "--progress", "plain")
    assert "First one started: 2 layers, thread" in result.err
    result = broken.laminar("resume", "one", "--progress", "plain", "--executor", "process")
    assert "First one started: 2 layers, process" in result.err


NOWHERE = [
    ("print('nothing to do')", "nothing to do\n"),
    ("sys.exit()", ""),
    ("if other := Second(): other(squares=[1])", ""),
    ("subprocess.run([sys.executable, __file__, 'child'], check=True)", ""),
]
AGAIN = """
import subprocess, sys
if "child" in sys.argv:
    if first := First():
        first()
elif __name__ == "__main__":
    log = open("log.txt", "w")
    log.write("kept")
    END
"""


@pytest.mark.parametrize(("end", "out"), NOWHERE, ids=["ends", "exits", "another flow", "a child"])
def test_a_program_that_does_not_come_to_its_flow_has_not_gone_on(broken, end, out):
    (broken.path / "broken").unlink()
    layers = MAIN.split("if first")[0]
    start = "if first := First():\n    first(execution='one')\n"
    broken.write("main.py", layers + start)
    assert broken.python("main.py", LAMINAR_EXECUTOR="process").code == 0
    broken.write("main.py", layers + AGAIN.replace("END", end))
    result = broken.laminar("resume", "one")
    result.fails(2, "main.py ended and did not run flow First, so execution 'one' was not gone on with", ".resume()")
    assert result.out == out
    assert (broken.path / "log.txt").read_text() == "kept"


def test_a_program_that_raises_says_that_and_nothing_else(broken):
    assert broken.python("main.py", LAMINAR_EXECUTOR="process").code == 1
    broken.write("main.py", MAIN.split("if first")[0] + "1 / 0\n")
    result = broken.laminar("resume", "one")
    assert (result.code, result.err.splitlines()[-1]) == (1, "ZeroDivisionError: division by zero")


def test_a_chain_goes_on_with_its_program(broken):
    result = broken.python("main.py", LAMINAR_EXECUTOR="process")
    assert result.code == 1
    first = ran(broken)
    (broken.path / "broken").unlink()
    result = broken.laminar("resume", "one")
    assert (result.code, result.out) == (0, "the sum is 14\n"), result.err
    assert ran(broken) == sorted({"Square/1", "Square/2", "Sum"} - (set(first) - {"Square/1"}))
    broken.laminar("resume", "one").fails(2, "2 flows have an execution 'one'", "First:one", "Second:one")
    result = broken.laminar("resume", "Second:one", "--rerun", "Sum")
    assert (result.code, result.out) == (0, "the sum is 14\n"), result.err
    assert ran(broken) == ["Sum"]


def test_a_program_that_runs_a_flow_twice_cannot_say_which_it_is(broken):
    broken.write("main.py", MAIN.split("if first")[0] + "if flow := First():\n    flow()\n    flow()\n")
    (broken.path / "broken").unlink()
    assert broken.python("main.py", LAMINAR_EXECUTOR="process").code == 0
    broken.laminar("resume", "latest").fails(2, "this program runs flow First more than once", ".resume()")


def test_a_program_that_is_not_here(broken):
    assert broken.python("main.py", LAMINAR_EXECUTOR="process").code == 1
    (broken.path / "main.py").rename(broken.path / "other.py")
    broken.laminar("resume", "one").fails(2, "the program that began execution one, main.py, is not here")


def test_a_run_is_stopped_from_another_terminal_and_gone_on_with(project, gate):
    project.write("main.py", WAITS)
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--executor", "process")
    assert gate.wait(running) == "A1"
    project.laminar("resume", "one").fails(2, "execution one of F is held by process", "laminar stop one")
    stopped = project.laminar("stop", "one")
    assert (stopped.code, stopped.out) == (0, ""), stopped.err
    assert "stopping one of F, scheduled by process" in stopped.err
    running.end().fails(143, "interrupted: execution one of F has stopped", "\n       go on    laminar resume one")
    running = project.start(*project.script, "resume", "one")
    assert gate.wait(running) == "A2"
    gate.open()
    assert running.end().code == 0
    assert "one of F does not run" in project.laminar("stop", "one").err


def kill(project, running):
    """With its layer, which ends by itself: that is not to come through the gate in the place of the next attempt."""
    running.signal(signal.SIGKILL)
    running.process.communicate()
    nobody_left(project.path)


def test_a_killed_scheduler_is_followed_at_once(project, gate):
    project.write("main.py", WAITS)
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one", "--executor", "process")
    assert gate.wait(running) == "A1"
    kill(project, running)
    running = project.start(*project.script, "resume", "one")
    assert gate.wait(running) == "A2"
    kill(project, running)
    assert "the scheduler of one of F is gone" in project.laminar("stop", "one").err
    assert "one of F does not run" in project.laminar("stop", "one").err
    running = project.start(*project.script, "resume", "one")
    assert gate.wait(running) == "A3"
    gate.open()
    result = running.end()
    assert (result.code, result.out) == (0, "one\n"), result.err


def test_commands_that_an_error_names_can_be_typed_and_all_that_failed_is_named(broken):
    broken.write(
        "main.py",
        MAIN.split("if first")[0].replace("sum(parameters.squares)", "1 / 0")
        + """
@Second.register
class Other(Layer):
    def __call__(self) -> None:
        print("other")
        raise ValueError("of the other")

if first := First():
    first(execution="one").next(flow=Second(), linker=lambda run: Parameters())
""",
    )
    (broken.path / "broken").unlink()
    result = broken.python("main.py", LAMINAR_EXECUTOR="process", LAMINAR_MAX_PARALLEL="1")
    result.fails(1, "also     ", "go on    laminar resume Second:one", users="Error")
    words = result.err.split("look     laminar ")[1].split("\n")[0].split()
    looked = broken.laminar(*words)
    assert (looked.code, "Error" in looked.out) == (0, True), looked


def test_a_resumed_attempt_counts_on(broken):
    broken.write("main.py", MAIN.replace("foreach=", "retry=layers.Retry(attempts=2, delay=0), foreach="))
    assert broken.laminar("schedule", "main:First", "--execution", "one", "--executor", "process").code == 1
    result = broken.laminar("resume", "one", "--progress", "plain")
    assert result.code == 1
    assert "Square/1 failed (attempt 3 of 4): ValueError: no; retrying" in result.err
    assert "Square/1 failed (attempt 4 of 4): ValueError: no\n" in result.err


def test_a_file_that_other_processes_do_not_find(project):
    project.write("one/main.py", MAIN)
    (project.path / "two").mkdir()
    place = project.path
    project.path = place / "two"
    for target in ("../one/main.py:First", str(place / "one/main.py:First")):
        result = project.laminar("schedule", target, "--executor", "process")
        result.fails(2, "is outside of", "--app-dir ../one, with the target main.py:First")
