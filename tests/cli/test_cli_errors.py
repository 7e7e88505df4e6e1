"""What bad input gets, without an engine: one message with the remedy, the exit code, and nothing of laminar's inside."""

from __future__ import annotations

import os
import select
import signal

import pytest

from tests.conftest import TIMEOUT_S

HEAD = """
from __future__ import annotations
from laminar import Flow, Layer, Parameters

class F(Flow): ...

"""

GOOD = f"""{HEAD}
@F.register
class A(Layer):
    def __call__(self) -> None:
        self.value = 1

if flow := F():
    flow()
"""


def layers(**calls: str) -> str:
    """A module whose flow has these layers, each with this parameter list."""
    each = (
        f"@F.register\nclass {name}(Layer):\n    def __call__(self{call}) -> None: ...\n"
        for name, call in calls.items()
    )
    return HEAD + "\n".join(each)


TARGETS = [
    # target, files, words, the end of the user's traceback
    ("nope:F", {}, ["no module 'nope'", "--app-dir"], ""),
    ("nope/main.py", {}, ["no file", "nope/main.py", "--app-dir"], ""),
    ("main;F", {}, ["invalid target 'main;F'", "module:attribute"], ""),
    ("main:FF", {}, ["module 'main' has no attribute 'FF'", "Flows in main: F", "Did you mean 'F'?"], ""),
    ("main:A", {}, ["main:A is a type, not a flow", "Flows in main: F"], ""),
    ("empty", {"empty.py": ""}, ["'empty' defines no flow", "class MyFlow(Flow)"], ""),
    ("two", {"two.py": HEAD + "class G(Flow): ..."}, ["'two' defines 2 flows", "two:F, two:G"], ""),
    ("bad:F", {"bad.py": "def f(): return {}['key']\nf()"}, ["importing bad raises KeyError"], "\nKeyError: 'key'"),
    (
        "bad:F",
        {"bad.py": "import nowhere"},
        ["needs 'nowhere', which is not installed here"],
        "No module named 'nowhere'",
    ),
    ("bad.py", {"bad.py": "class F(:"}, ["importing bad.py raises SyntaxError"], "SyntaxError: invalid syntax"),
    (
        "bad:F",
        {"bad.py": HEAD + "@F.register(retries=3)\nclass A(Layer): ..."},
        ["importing bad raises TypeError", "register takes container=", "Did you mean 'retry'?"],
        "unexpected keyword argument 'retries'",
    ),
    ("bad:F", {"bad.py": "exit(3)"}, ["importing bad exits with 3"], "SystemExit: 3"),
]


@pytest.mark.parametrize(("target", "files", "words", "users"), TARGETS, ids=[case[0] for case in TARGETS])
def test_target_that_cannot_be_loaded(project, target, files, words, users):
    project.write("main.py", GOOD)
    for name, text in files.items():
        project.write(name, text)
    result = project.laminar("schedule", target, "--executor", "process")
    result.fails(2, *words, users=users)
    assert result.out == ""
    assert not project.store.exists()


GRAPHS = {
    "no layers": (HEAD, ["flow F has no layers", "@F.register"]),
    "cycle": (layers(A=", c: C", B=", a: A", C=", b: B"), ["flow F has a cycle", "A -> C -> B -> A", "__call__"]),
    "itself": (layers(A=", a: A"), ["flow F has a cycle: A -> A"]),
    "unregistered": (
        HEAD + "class Lost(Layer): ...\n" + layers(A=", lost: Lost").replace(HEAD, ""),
        ["'lost'", "layer A", "flow F", "Lost", "not registered", "@F.register over class Lost"],
    ),
    "not a layer": (layers(A=", n: int"), ["'n'", "layer A", "flow F", "int", "not a layer"]),
    "no annotation": (layers(A=", n"), ["'n'", "layer A", "flow F", "no annotation", "n: SomeLayer"]),
    "undefined": (layers(Apple="", B=", a: Aple"), ["'a'", "layer B", "'Aple'", "Did you mean 'Apple'?"]),
    "variadic": (layers(A=", *others: int"), ["'others'", "layer A", "variadic"]),
    "no call": (HEAD + "@F.register\nclass A(Layer): ...", ["layer A of flow F has no __call__", "Define __call__"]),
    "several": (layers(A=", n: int", B=", m"), ["for 2 reasons", "'n' of layer A", "'m' of layer B"]),
    "configuration": (
        HEAD + "from laminar import layers\n@F.register(container=layers.Container(memory=1))\n"
        "class A(Layer):\n    def __call__(self) -> None: ...",
        ["layer A of flow F", "container.memory = 1", "6 at least"],
    ),
}


@pytest.mark.parametrize("case", GRAPHS)
def test_flow_that_cannot_be_run(project, case):
    source, words = GRAPHS[case]
    project.write("main.py", source)
    result = project.laminar("schedule", "main:F")  # the default executor, Docker: none of it is asked before the graph
    result.fails(2, *words)
    assert result.out == ""
    assert not project.store.exists()


def test_program_ends_as_the_command_does(project):
    project.write("main.py", layers(A=", n: int") + "if flow := F():\n    flow()\n")
    project.python("main.py").fails(2, "'n'", "not a layer")
    project.write("main.py", GOOD.replace("self.value = 1", "self.value = 1 / 0"))
    result = project.python("main.py", LAMINAR_EXECUTOR="process")
    result.fails(1, "A/0 failed at attempt 1: ZeroDivisionError: division by zero", users="ZeroDivisionError")
    project.write("main.py", GOOD + "    raise KeyError('mine')\n")
    own = project.python("main.py", LAMINAR_EXECUTOR="process")
    assert (own.code, own.err.count("Traceback")) == (1, 1)
    assert own.err.endswith("KeyError: 'mine'\n")


OPTIONS = [
    # arguments, files, words
    (["-p", "foo"], {}, ["invalid parameter 'foo'", "-p NAME=VALUE"]),
    (["-p", "=1"], {}, ["invalid parameter '=1'"]),
    (["-p", "a-b=1"], {}, ["invalid parameter 'a-b=1'"]),
    (["--parameters", "no.yaml"], {}, ["there is no parameters file no.yaml"]),
    (["--parameters", "p.yaml"], {"p.yaml": "[1, 2]"}, ["p.yaml is not a mapping"]),
    (["--parameters", "p.yaml"], {"p.yaml": "a: ["}, ["p.yaml cannot be read"]),
    (["--image", "B=x"], {}, ["flow F has no layer 'B'", "Its layers are: A"]),
    (["--image", "=x"], {}, ["--image has an empty name"]),
    (["--image", "x", "--image", "y"], {}, ["--image names 2 images"]),
    (["--config", "no.yaml"], {}, ["no settings file no.yaml"]),
    ([], {"laminar.yaml": "executr: thread"}, ["unknown option 'executr' in laminar.yaml", "Did you mean 'executor'?"]),
    ([], {"laminar.yaml": "executor: podman"}, ["executor in laminar.yaml is 'podman'", "docker, process, thread"]),
    ([], {"laminar.yaml": "max_parallel: 0"}, ["max_parallel in laminar.yaml is 0", "1 at least"]),
    ([], {"laminar.yaml": "a: ["}, ["laminar.yaml cannot be read"]),
    ([], {"laminar.yaml": "[a]"}, ["laminar.yaml is a list, not a mapping"]),
    (["--datastore", "s3://bucket"], {}, ["unknown datastore 's3://bucket'"]),
]


@pytest.mark.parametrize(("arguments", "files", "words"), OPTIONS, ids=[case[2][0] for case in OPTIONS])
def test_option_that_cannot_be_meant(project, arguments, files, words):
    project.write("main.py", GOOD)
    for name, text in files.items():
        project.write(name, text)
    result = project.laminar("schedule", "main:F", *arguments, LAMINAR_EXECUTOR=None if files else "process")
    result.fails(2, *words)
    assert result.out == ""
    assert not project.store.exists()


def test_commands_and_variables_that_are_not_known(project):
    project.write("main.py", GOOD)
    unknown = project.laminar("schedul", "main:F")
    assert (unknown.code, unknown.out) == (2, "")
    assert "Did you mean 'schedule'?" in unknown.err
    option = project.laminar("schedule", "main:F", "--exector", "thread")
    assert (option.code, option.out) == (2, "")
    assert "--executor" in option.err
    project.laminar("schedule", "main:F", LAMINAR_EXECUTOR="podman").fails(2, "LAMINAR_EXECUTOR is 'podman'", "docker")
    project.laminar("schedule").fails(2, "no flow is named", "laminar.yaml")


def test_a_variable_that_is_nearly_the_one_of_a_setting_is_named_once(project):
    project.write("main.py", GOOD)
    words = "warning: LAMINAR_EXECUTER is not a setting of laminar; did you mean LAMINAR_EXECUTOR?\n"
    environ = {"LAMINAR_EXECUTER": "thread", "LAMINAR_TEST_IMAGE": "x", "LAMINAR_EXECUTOR": "thread"}
    for command in (["schedule", "main:F", "--execution", "one"], ["list"], ["show", "one"]):
        assert project.laminar(*command, **environ).err.count(words) == 1
    assert project.python("main.py", **environ).err.count(words) == 1
    assert project.laminar("resume", "latest", **environ).err.count(words) == 1  # the program runs again
    assert words not in project.laminar("execute", "--layer", "A", **environ).err


@pytest.mark.parametrize("bad", ["../up", "/tmp/x", "-x", ".", "a/b", "a..b", "a b", "é", "x" * 129, ""], ids=repr)
def test_execution_id_that_is_none(project, bad):
    project.write("main.py", GOOD)
    before = {path.name for path in project.path.parent.iterdir()}
    result = project.laminar("schedule", "main:F", "--executor", "thread", f"--execution={bad}")
    result.fails(2, "invalid execution id", "1 to 128 letters")
    assert not list(project.store.glob("runs/**/*"))
    assert {path.name for path in project.path.parent.iterdir()} == before


def test_execution_id_that_is_taken(project):
    project.write("main.py", GOOD)
    schedule = ["schedule", "main:F", "--executor", "thread", "--execution", "mine"]
    assert project.laminar(*schedule).execution == "mine"
    result = project.laminar(*schedule)
    result.fails(2, "flow F has an execution 'mine' already", "--execution")
    assert result.out == ""


@pytest.mark.parametrize("executor", ["docker", "process"])
def test_memory_store_goes_with_threads_only(project, executor):
    project.write(
        "main.py", GOOD.replace("flow := F()", "flow := F(datastore=__import__('laminar').datastores.Memory())")
    )
    project.python("main.py", LAMINAR_EXECUTOR=executor).fails(2, "memory", "thread executor")
    assert project.python("main.py", LAMINAR_EXECUTOR="thread").code == 0


def test_store_that_is_a_file(project):
    project.write("main.py", GOOD)
    project.write("file", "mine")
    result = project.laminar("schedule", "main:F", "--executor", "thread", "--datastore", "file")
    result.fails(3, "file is not a directory", "--datastore")
    assert (project.path / "file").read_text() == "mine"


FAILURES = {
    # The layer's body: exit code, words of the message, end of the user's traceback.
    "raise ValueError('no header')": (1, ["A/0 failed at attempt 1: ValueError: no header"], "\nValueError: no header"),
    "raise Odd()": (1, ["A/0 failed", "Odd: (its message cannot be shown: ZeroDivisionError)"], "main.Odd: "),
    "raise KeyboardInterrupt": (1, ["A/0 failed at attempt 1: KeyboardInterrupt"], "KeyboardInterrupt"),
    "sys.exit(0)": (1, ["the layer called sys.exit(0)", "Return from __call__"], "SystemExit: 0"),
    "self.lines = {'a': [0, (x for x in 'b')]}": (
        1,
        ["'lines' of layer A", "the value['a'][1] is a generator", "'_'"],
        "",
    ),
    "self.name = 'mine'": (1, ["assigns self.name", "Choose another name"], ""),
    "self.missing": (1, ["layer A has not set 'missing'; it has set: nothing"], "AttributeError"),
}

FAILING = """
import os, sys
from laminar import Flow, Layer

class Odd(Exception):
    def __str__(self): return str(1 / 0)

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None:
        BODY

@F.register
class B(Layer):
    def __call__(self, a: A) -> None: ...
"""


@pytest.mark.parametrize("executor", ["thread", "process"])
@pytest.mark.parametrize("body", FAILURES)
def test_layer_that_fails(project, body, executor):
    code, words, users = FAILURES[body]
    project.write("main.py", FAILING.replace("BODY", body))
    result = project.laminar("schedule", "main:F", "--executor", executor)
    result.fails(code, *words, users=users)
    assert project.states("F", result.execution) == {"A": "attempts [1]"}


ENDINGS = {
    # The layer's body: exit code, words of the message, attempts.
    "os._exit(0)": (1, ["A/0 failed at attempt 1: exited 0 without committing", "os._exit"], [1]),
    "os._exit(9)": (1, ["A/0 failed at attempt 1: exited 9 without committing"], [1]),
    "os.kill(os.getpid(), 9)": (3, ["A/0 failed at attempt 4 of 4: killed (SIGKILL), cause unknown"], [1, 2, 3, 4]),
    "os.abort()": (1, ["A/0 failed at attempt 1: crashed (SIGABRT)"], [1]),
}


@pytest.mark.parametrize("body", ENDINGS)
def test_process_that_ends_without_a_commit(project, body):
    code, words, attempts = ENDINGS[body]
    project.write("main.py", FAILING.replace("BODY", f"print('last words', flush=True); {body}"))
    result = project.laminar("schedule", "main:F", "--executor", "process")
    result.fails(code, *words)
    assert "last lines of its log\n    last words\n" in result.err
    assert project.states("F", result.execution) == {"A": f"attempts {attempts}"}


def test_child_that_a_layer_forks_does_not_commit(project):
    """The parent waits for it, so that it would be the first."""
    project.write(
        "main.py", FAILING.replace("BODY", "self.child = os.fork(); self.child and os.waitpid(self.child, 0)")
    )
    result = project.laminar("schedule", "main:F", "--executor", "process")
    assert result.code == 0, result.err
    assert project.value("F", result.execution, "A.child") > 0  # the parent's


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_signals_to_processes_that_a_layer_forks_are_not_the_layers(project, executor):
    """So does `multiprocessing.Pool` end those that it has started."""
    project.write(
        "main.py",
        """
        import os, signal, time
        from laminar import Flow, Layer

        class F(Flow): ...

        @F.register
        class A(Layer):
            def __call__(self) -> None:
                self.ends = []
                for pause in (0, 0.1):
                    if not (child := os.fork()):
                        time.sleep(60)
                        os._exit(0)
                    time.sleep(pause)
                    os.kill(child, signal.SIGTERM)
                    self.ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
                time.sleep(0.2)  # a signal to the layer's own process would have come by then
        """,
    )
    result = project.laminar("schedule", "main:F", "--executor", executor)
    assert result.code == 0, result.err
    assert project.value("F", result.execution, "A.ends") == [-signal.SIGTERM] * 2
    assert project.states("F", result.execution) == {"A": "committed"}


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_layer_that_takes_too_long(project, executor):
    project.write(
        "main.py",
        """
        import threading
        from laminar import Flow, Layer, layers

        class F(Flow): ...

        @F.register(timeout=layers.Timeout(seconds=0.5))
        class A(Layer):
            def __call__(self) -> None:
                threading.Event().wait(60)
        """,
    )
    result = project.laminar("schedule", "main:F", "--executor", executor)
    result.fails(1, "A/0 failed at attempt 1: timed out after 0.5 s", "Timeout")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_what_runs_and_keeps_what_is_committed(project, gate, number, code):
    project.write(
        "main.py",
        """
        import os
        from gate import meet
        from laminar import Flow, Layer

        class F(Flow): ...

        @F.register
        class A(Layer):
            def __call__(self) -> None: ...

        @F.register
        class B(Layer):
            def __call__(self, a: A) -> None:
                meet(str(os.getpid()))

        @F.register
        class C(Layer):
            def __call__(self, b: B) -> None: ...
        """,
    )
    running = project.start(*project.script, "schedule", "main:F", "--executor", "process")
    child = os.pidfd_open(int(gate.wait(running)))
    running.signal(number)
    result = running.end()
    result.fails(code, f"interrupted: execution {result.execution} of F has stopped", "what was committed stays")
    assert project.states("F", result.execution) == {"A": "committed", "B": "attempts [1]"}
    assert select.select([child], [], [], TIMEOUT_S)[0]  # it has ended, too


def test_executor_process_that_is_told_nonsense(project):
    project.write("main.py", GOOD)
    project.laminar("execute", "--layer", "A").fails(2, "no target is given", "LAMINAR_TARGET", "--target")
    task = ["execute", "--target", "main:F", "--execution", "x", "--datastore", str(project.store)]
    project.laminar(*task).fails(2, "no layer is given", "LAMINAR_LAYER", "--layer")
    project.laminar(*task, "--layer", "B").fails(2, "flow F has no layer 'B'", "Its layers are: A")
    project.laminar(*task, "--layer", "A", "--index", "one").fails(2, "invalid index 'one'")
    project.laminar(*task, "--layer", "A", "--index", "1").fails(2, "index 1 is not one of 1 splits")
    project.laminar(*task, "--layer", "A", "--wire", "999").fails(3, "wire version 999", "Upgrade laminar in the image")
    project.laminar(*task, "--layer", "../A").fails(2, "invalid name '../A'")
    project.laminar(*task, "--layer", "A", "--execution", "../x").fails(2, "invalid execution id '../x'")
