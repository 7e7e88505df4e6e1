"""`laminar schedule` and `python main.py` when all goes well, without an engine: what is printed where, and what is left."""

from __future__ import annotations

import re
import sys

import pytest

from laminar import __version__

HELLO = """
from laminar import Flow, Layer, Parameters

class HelloFlow(Flow): ...

@HelloFlow.register
class A(Layer):
    def __call__(self) -> None:
        self.message = "hello"
        print("A was here")

@HelloFlow.register
class B(Layer):
    def __call__(self, a: A, parameters: Parameters) -> None:
        self.message = a.message + " " + getattr(parameters, "name", "world")

if flow := HelloFlow():
    flow(name="program")
"""


@pytest.mark.parametrize("executor", ["thread", "process"])
def test_stdout_is_the_execution_and_stderr_one_line_for_each_transition(project, executor):
    project.write("main.py", HELLO)
    result = project.laminar(
        "schedule", "main:HelloFlow", "--executor", executor, "-p", "name=you", "--progress", "plain"
    )
    assert result.code == 0, result.err
    assert project.states("HelloFlow", result.execution) == {"A": "committed", "B": "committed"}
    assert project.value("HelloFlow", result.execution, "B.message") == "hello you"
    assert project.log("HelloFlow", result.execution, "A") == "A was here\n"
    lines = [
        f"HelloFlow {result.execution} started: 2 layers, {executor}, .laminar",
        "A/0 running (attempt 1)",
        "A/0 done in S",
        "B/0 running (attempt 1)",
        "B/0 done in S",
        f"HelloFlow {result.execution} done in S: 2 layers, 2 splits.",
        f"         look     laminar show {result.execution}",
    ]
    said = re.sub(r"(?m)^\d\d:\d\d\.\d\d ", "", result.err)
    said = re.sub(r" Slowest: .*", "", said)  # on a busy machine, something took a second
    assert re.sub(r"\d\.\d s|\d:\d\d:\d\d", "S", said).splitlines() == lines


def test_quiet_says_nothing_and_logs_are_prefixed_with_their_address(project):
    project.write("main.py", HELLO)
    quiet = project.laminar("schedule", "main:HelloFlow", "--executor", "thread", "--progress", "quiet")
    assert (quiet.code, quiet.err) == (0, "")
    logs = project.laminar("schedule", "main:HelloFlow", "--executor", "process", "--logs")
    assert re.search(r"(?m)^\d\d:\d\d\.\d\d A/0 \| A was here$", logs.err), logs.err
    assert logs.out.count("\n") == 1


@pytest.mark.parametrize(
    ("target", "app_dir"),
    [
        ("main:HelloFlow", "."),
        ("main", "."),
        ("main.py", "."),
        ("sub/flow.py:HelloFlow", "."),
        ("flow", "sub"),
        (None, "."),
        ("1-hello.py", "."),
    ],
)
def test_every_form_of_target_runs(project, target, app_dir):
    project.write("main.py", HELLO)
    project.write("sub/flow.py", HELLO)
    project.write("1-hello.py", HELLO)
    project.write("laminar.yaml", "flow: main:HelloFlow\nexecutor: process\n")
    result = project.laminar("schedule", *([target] if target else []), "--app-dir", app_dir)
    assert result.code == 0, result.err
    assert project.value("HelloFlow", result.execution, "B.message") == "hello world"


def test_python_main_runs_what_the_file_says_and_importing_it_runs_nothing(project):
    project.write("main.py", HELLO)
    project.write(
        "unguarded.py", HELLO.replace('if flow := HelloFlow():\n    flow(name="program")', "HelloFlow()(name=1)")
    )
    for module in ("main", "unguarded"):
        imported = project.python("-c", f"import {module}", LAMINAR_EXECUTOR="process")
        assert (imported.code, imported.out, imported.err) == (0, "", "")
    assert not project.store.exists()
    result = project.python("main.py", LAMINAR_EXECUTOR="process")
    assert (result.code, result.out) == (0, "")
    (run,) = project.store.glob("runs/HelloFlow/*")
    assert project.value("HelloFlow", run.name, "B.message") == "hello program"
    loaded = project.laminar("schedule", "unguarded:HelloFlow", "--executor", "process")
    assert project.value("HelloFlow", loaded.execution, "B.message") == "hello world"


def test_a_program_runs_its_chain_and_the_command_its_target_alone(project):
    project.write(
        "main.py",
        """
        from laminar import Flow, Layer, Parameters

        class One(Flow): ...
        class Two(Flow): ...

        @One.register
        class A(Layer):
            def __call__(self) -> None:
                self.value = 1

        @Two.register
        class B(Layer):
            def __call__(self, parameters: Parameters) -> None:
                self.value = parameters.value + 1

        if flow := One():
            flow().next(flow=Two(), linker=lambda run: Parameters(value=run.layer(A).value))
        """,
    )
    alone = project.laminar("schedule", "main:One", "--executor", "thread").execution
    assert [path.name for path in project.store.glob("runs/*")] == ["One"]
    assert project.python("main.py", LAMINAR_EXECUTOR="thread").code == 0
    (chained,) = (path.name for path in project.store.glob("runs/Two/*"))
    assert chained != alone
    assert project.value("Two", chained, "B.value") == 2


def test_the_tasks_variables_are_gone_when_user_code_runs(project):
    project.write(
        "main.py",
        """
        import os, subprocess, sys
        from laminar import Flow, Layer

        class F(Flow): ...

        @F.register
        class A(Layer):
            def __call__(self) -> None:
                self.seen = sorted(name for name in os.environ if name.startswith("LAMINAR_"))
                self.nested = subprocess.run([sys.executable, "main.py"], capture_output=True).returncode

        if __name__ == "__main__" and not os.environ.get("NESTED"):
            os.environ["NESTED"] = "1"
            if flow := F():
                flow()
        """,
    )
    assert project.python("main.py", LAMINAR_EXECUTOR="process").code == 0
    (run,) = project.store.glob("runs/F/*")
    assert project.value("F", run.name, "A.seen") == ["LAMINAR_EXECUTOR"]
    assert project.value("F", run.name, "A.nested") == 0


def test_a_running_event_loop_another_thread_and_a_second_call_are_no_obstacle(project):
    project.write(
        "main.py",
        """
        import asyncio, threading
        from laminar import Flow, Layer, executors, datastores

        class F(Flow): ...

        @F.register
        class A(Layer):
            def __call__(self) -> None:
                self.value = 1

        values = []

        def run():
            values.append(flow().layer(A).value)

        async def in_loop():
            run()

        if flow := F(executor=executors.Thread(), datastore=datastores.Memory()):
            run()
            asyncio.run(in_loop())
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            print(values, len(flow.executions()))
        """,
    )
    result = project.python("main.py")
    assert (result.code, result.out) == (0, "[1, 1, 1] 3\n"), result.err


def test_a_flow_typed_at_a_prompt_runs_in_threads_and_others_say_where_it_must_be(project):
    project.write("cell.txt", HELLO)
    cell = "exec(compile(open('cell.txt').read(), '<cell>', 'exec'))"
    result = project.python("-c", cell, LAMINAR_EXECUTOR="thread")
    assert result.code == 0, result.err
    project.python("-c", cell, LAMINAR_EXECUTOR="process").fails(2, "HelloFlow", "Move it to a module", "thread")


def test_version_and_help(project):
    version = project.laminar("--version")
    assert version.out == f"laminar, version {__version__}\n"
    assert project.run(sys.executable, "-m", "laminar", "--version").out == version.out
    for command in ([], ["schedule"], ["execute"]):
        shown = project.laminar(*command, "--help")
        assert (shown.code, shown.err) == (0, "")
        assert "Usage: laminar" in shown.out


def test_an_image_says_nothing_to_processes_and_that_is_said(project):
    project.write("main.py", HELLO)
    options = ["--executor", "process", "--image", "a", "--image", "A=b", "--mount", "."]
    result = project.laminar("schedule", "main:HelloFlow", *options)
    assert result.code == 0, result.err
    assert "warning: --image and --mount: nothing to the process executor" in result.err
