"""`laminar shell`, where there are no containers: what it finds, what can be done there, and that nothing comes of it."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TIMEOUT_S, Project
from tests.terminal import Terminal

MAIN = """
import sys
from laminar import Flow, Layer, Parameters, datastores, hooks, layers, serde

class HelloFlow(Flow): ...

class Odd:
    def __init__(self, text): self.text = text

store = datastores.Local()

@store.protocol(Odd)
class OddProtocol(serde.Protocol):
    def write(self, value, uri): open(uri, "w").write(value.text)
    def read(self, uri): return Odd(open(uri).read())

flow = HelloFlow(datastore=store)

def header(text):
    if not text.startswith("#"):
        raise ValueError(f"{text} has no header")
    return text

@HelloFlow.register
class Source(Layer):
    def __call__(self, parameters: Parameters) -> None:
        self.title = "three parts"
        self.odd = Odd("kept elsewhere")
        self.shard(parts=["#a", "b", "#c"])

@HelloFlow.register(
    foreach=layers.ForEach(parameters=[layers.Parameter(layer=Source, attribute="parts")]),
    retry=layers.Retry(attempts=2, delay=0),
    container=layers.Container(env={"MINE": "1"}),
)
class Process(Layer):
    @hooks.execution
    def connect(self):
        self.connection = "open"
        yield
        self.closed = True

    def __call__(self, source: Source, call: Parameters) -> None:
        print("part", source.parts, self.connection, "of try", self.attempt)
        with open(f"{self.scratch}/note", "w") as note:
            note.write("scratched")
        self.shard(items=range(3))
        self.odd = Odd("new")
        self.score = len(header(source.parts))

@HelloFlow.register
class Join(Layer):
    def __call__(self, process: Process) -> None:
        self.total = sum(process.score)

@HelloFlow.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Join, attribute="total")]))
class Later(Layer):
    def __call__(self, join: Join) -> None: ...

@HelloFlow.register
class Leaves(Layer):
    def __call__(self) -> None:
        sys.exit(3)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """An execution `one` in processes: Source finished, Process/1 failed twice, Join never started; `two` in threads."""
    made = Project(Path(tmp_path_factory.mktemp("shell")))
    made.write("main.py", MAIN)
    for execution, executor in (("one", "process"), ("two", "thread")):
        arguments = ["--execution", execution, "--executor", executor, "--progress", "quiet", "-p", "n=1"]
        result = made.laminar("schedule", "main:HelloFlow", *arguments)
        assert result.code == 1, result
    return made


@pytest.fixture(autouse=True)
def nothing_changes(ran: Project) -> Iterator[None]:
    before = ran.digest()
    yield
    assert ran.digest() == before


@pytest.fixture
def terminal(ran: Project) -> Iterator[Terminal]:
    with Terminal([*ran.script, "shell", "one/Process/1"], ran.path) as made:
        yield made


def command(ran: Project, address: str, code: str, *options: str):
    return ran.laminar("shell", address, *options, "--command", code)


@pytest.mark.parametrize("execution", ["one", "two"], ids=["process", "thread"])
def test_the_inputs_are_there_and_the_layer_can_be_called_and_read_back(ran, execution):
    result = command(
        ran,
        f"{execution}/Process/2",
        """
import os
print(source.parts, source.title, source.odd.text, call_.n, layer.index, layer.attempt, execution.id, header("#x"))
called = call()
print(called is layer, layer.score, list(layer.items), layer.items[-1], layer.closed, layer.odd.text, os.environ["MINE"])
print(open(layer.scratch + "/note").read(), call(source=type("Part", (), {"parts": "####"})).score)
""",
    )
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        f"#c three parts kept elsewhere 1 2 1 {execution} #x",
        "part #c open of try 1",
        "True 2 [0, 1, 2] 2 True new 1",
        "part #### open of try 1",
        "scratched 4",
    ]


def test_a_failed_split_fails_again_with_the_users_own_traceback(ran):
    result = command(ran, "one/Process/1", "call()")
    assert (result.code, result.out) == (1, "part b open of try 2\n")
    assert result.err.startswith(
        'Traceback (most recent call last):\n  File "<command>", line 1, in <module>\n    call()\n'
    )
    assert result.err.endswith("ValueError: b has no header\n")
    assert "laminar/" not in result.err
    assert command(ran, "one/Process/1", "print(layer.attempt)", "--attempt", "1").out == "1\n"


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('words')", 1, "words"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("def (", 1, "SyntaxError: invalid syntax"),
        ("execution.layer(Source).nothing", 1, "layer Source did not set 'nothing'; it set: odd, parts, title"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, ""),
        ("execution.resume()", 2, "datastore cannot be mounted into a container"),
    ],
    ids=["exit", "words", "raises", "syntax", "laminar", "killed", "resume"],
)
def test_exit_codes_are_passed_on(ran, code, exit_code, said):
    result = command(ran, "one/Source", code)
    assert (result.code, result.out) == (exit_code, ""), result
    assert said in result.err


def test_what_leaves_the_interpreter_in_the_layer_does_not_leave_the_shell(ran):
    code = "\ntry:\n    call()\nexcept Exception as error:\n    print(error)"
    assert (
        command(ran, "one/Leaves", code).out
        == "the layer called sys.exit(3).\nReturn from __call__, or raise an error.\n"
    )


def test_a_layer_that_never_started_says_what_it_waits_for(ran):
    result = command(ran, "one/Join", "print(layer.attempt); call()")
    assert (result.code, result.out) == (1, "1\n")
    assert "layer Process failed in execution one: ValueError: b has no header" in result.err


def test_a_program_runs_in_place_of_python(ran):
    code = (
        "import os; print(os.getcwd(), os.environ['MINE'], sorted(n for n in os.environ if n.startswith('LAMINAR_')))"
    )
    result = ran.laminar("shell", "one/Process/0", "--", "python3", "-c", f"{code}; raise SystemExit(4)")
    assert (result.code, result.out, result.err) == (4, f"{ran.path} 1 []\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["one/Process/0"], ("needs a terminal", "--command")),
        (
            ["one", "-c", "1"],
            ("one is an execution", "one/Process  failed\n", "one/Join  waiting"),
        ),
        (
            ["one/Process", "-c", "1"],
            ("3 splits", "Name one:\n         one/Process/1  failed: ValueError: b has no header\n"),
        ),
        (["one/Process/9", "-c", "1"], ("no split 9", "0 to 2")),
        (["one/Join/3", "-c", "1"], ("Join", "no splits yet")),
        (["one/Later", "-c", "1"], ("Later", "not cut into splits before Join has finished", "laminar show one")),
        (["nope/A", "-c", "1"], ("no execution 'nope'", "latest")),
        (["one/Nope", "-c", "1"], ("no layer 'Nope'", "Process, Join")),
        (["one/Process/1", "--attempt", "4", "-c", "1"], ("one/Process/1 has no attempt 4", "There was: 1, 2")),
        (["one/Join", "--attempt", "1", "-c", "1"], ("no attempt 1", "never started")),
        (["one/Source", "-c", "1", "--", "bash"], ("--command and a program",)),
        (["one/Source", "--", "no-such-program"], ("no-such-program cannot be run here", "-- bash")),
    ],
    ids=lambda value: "-".join(value[:1]) if isinstance(value, list) else "",
)
def test_what_cannot_be_opened_is_said(ran, arguments, words):
    ran.laminar("shell", *arguments).fails(2, *words)


def test_damaged_input_is_an_error_where_it_is_read(ran, tmp_path):
    copy = Project(tmp_path)
    shutil.copytree(ran.path, copy.path, dirs_exist_ok=True)
    copy.write("big.py", "import main")
    commit = next(copy.store.glob("runs/*/one/layers/Source/0/COMMIT"))
    text = commit.read_bytes()
    commit.write_bytes(text.replace(b"three parts", b"four parts "))
    result = copy.laminar("shell", "one/Process/0", "-c", "print(call_.n); print(source.title)")
    assert (result.code, result.out) == (3, "1\n")
    assert "COMMIT is unreadable: its checksum does not match its content" in result.err


def test_an_execution_that_was_never_launched(ran, tmp_path):
    copy = Project(tmp_path)
    shutil.copytree(ran.path, copy.path, dirs_exist_ok=True)
    shutil.rmtree(copy.store / "runs/HelloFlow/one/launches")
    copy.laminar("shell", "one/Source", "-c", "1").fails(
        2, "execution one of HelloFlow", "never launched", "laminar resume one"
    )


def test_an_executor_of_ones_own_opens_shells_if_it_says_how(project):
    main = """
from laminar import Flow, Layer, executors

class Mine(executors.Process):
    name = "mine"
    shell = executors.Executor.shell

class F(Flow): ...

flow = F(executor=Mine())

@F.register
class A(Layer):
    def __call__(self) -> None: ...
"""
    project.write("main.py", main)
    assert project.laminar("schedule", "main:F", "--execution", "own").code == 0
    project.laminar("shell", "own/A", "-c", "1").fails(2, "the mine executor opens no shells", "--executor process")
    project.write("main.py", main.replace("F(executor=Mine())", "F()"))
    project.laminar("shell", "own/A", "-c", "1").fails(
        2, "own was run by", "'mine'", "F does not pass", "--executor process"
    )
    assert project.laminar("shell", "own/A", "--executor", "process", "-c", "print(1)").out == "1\n"


def test_code_that_has_changed_is_named(ran, tmp_path):
    copy = Project(tmp_path)
    shutil.copytree(ran.path, copy.path, dirs_exist_ok=True)
    copy.write("main.py", MAIN.replace("has no header", "has none"))
    with Terminal([*copy.script, "shell", "one/Process/1"], copy.path) as terminal:
        shown = " ".join(terminal.until(">>> ").split())
        assert f"code {copy.path}/main.py (changed since that attempt)" in shown


def test_the_prompt_says_where_one_is_completes_and_shows_errors(ran, terminal):
    shown = terminal.until(">>> ")
    assert shown.startswith("one/Process/1  ✗ attempt 2 failed: ValueError: b has no header\n")
    for line in (
        f"  code    {ran.path}/main.py\n",
        "  source     Source: odd, parts, title\n",
        "  call_      Parameters: n\n",
        "  layer      the Process to call: layer(source, call_)\n",
    ):
        assert line in shown
    terminal.type("source.ti\t\n")
    assert terminal.until(">>> ").splitlines() == ["source.title", "'three parts'", ">>> "]
    terminal.type("call()\n")
    failed = terminal.until(">>> ")
    assert 'part b open of try 2\nTraceback (most recent call last):\n  File "<console>", line 1, in <module>' in failed
    assert failed.endswith("ValueError: b has no header\n>>> ")
    assert "laminar/" not in failed
    terminal.type("layer\n")
    assert "<Process: items, odd>" in terminal.until(">>> ")  # what it had assigned by then
    terminal.type("import pdb; pdb.pm()\n")
    terminal.until(r"\(Pdb\) ")
    terminal.type("p text\n")
    assert "'b'" in terminal.until(r"\(Pdb\) ")
    terminal.type("q\n")
    terminal.until(">>> ")
    terminal.type("raise SystemExit(5)\n")
    assert terminal.end() == 5


def test_ctrl_c_is_for_the_interpreter_and_ctrl_d_leaves(terminal):
    terminal.until(">>> ")
    terminal.type("import signal; print('wait' + 'ing'); signal.pause()\n")
    terminal.until("waiting")
    terminal.type("\x03")
    assert "KeyboardInterrupt" in terminal.until(">>> ")
    terminal.type("\x04")
    assert terminal.end() == 0


@pytest.mark.parametrize("how", ["hang up", "kill"])
def test_no_interpreter_outlives_its_terminal(terminal, how):
    terminal.until(">>> ")
    terminal.type("import os; print(f'<{os.getpid()}>', layer.scratch, execution._store._above)\n")
    found = re.search(r"<(\d+)> (\S+) (\S+)", terminal.until(r"<\d+> \S+ \S+\n"))
    assert found is not None
    ended = os.pidfd_open(int(found[1]))
    if how == "kill":
        os.kill(terminal.pid, signal.SIGKILL)
    else:
        terminal.hang_up()
    assert select.select([ended], [], [], TIMEOUT_S)[0], "it runs on"
    os.close(ended)
    assert not [path for path in found.groups()[1:] if os.path.exists(path)]
