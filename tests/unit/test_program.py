"""Programs of users, each run as a process: identity of what they define, and who evaluates what."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from textwrap import dedent

import pytest

from laminar.datastores import Local
from laminar.engine.ledger import Ledger
from tests.conftest import LATE, wait_until

from .conftest import Program

PAINT = """
    import sys
    with open("imports.log", "a") as log:
        log.write(f"{__name__} {len(sys.argv)}\\n")

    from dataclasses import dataclass
    from enum import Enum
    from functools import cache
    from laminar import Flow, Layer

    class Colour(Enum):
        RED = "red"

    @dataclass(frozen=True)
    class Paint:
        colour: Colour
        class Can:
            litres = 5

    def mix(paint):
        return paint

    class PaintFlow(Flow): ...

    @PaintFlow.register
    class A(Layer):
        def __call__(self):
            self.paint = Paint(Colour.RED)
            self.things = [mix, Paint.Can, Colour, lambda: Colour.RED]

    @PaintFlow.register
    class B(Layer):
        def __call__(self, a: A):
            assert isinstance(a.paint, Paint) and a.paint == Paint(Colour.RED)
            assert a.things[:3] == [mix, Paint.Can, Colour] and a.things[3]() is Colour.RED
            self.colour = a.paint.colour
            self.modules = [Paint.__module__, mix.__module__, type(self).__module__]

"""
READ = """
    a, b = execution.layer(A), execution.layer(B)
    assert isinstance(a.paint, Paint) and b.colour is Colour.RED
    assert a.things[:3] == [mix, Paint.Can, Colour] and a.things[3]() is Colour.RED
"""
RUN = f"""
    if flow := PaintFlow():
        execution = flow(execution="x")
        {READ.strip().replace(chr(10), chr(10) + "    ")}
        import MODULE as again
        assert again.Colour is Colour and sys.modules["MODULE"] is sys.modules["__main__"]
        print(b.modules)
"""


def imports(program: Program, where: str = ".") -> list[str]:
    return sorted(line.split()[0] for line in (program.folder / where / "imports.log").read_text().splitlines())


@pytest.mark.parametrize("executor", ["process", "thread"])
def test_what_a_program_defines_is_the_same_everywhere_and_imported_once(program: Program, executor: str) -> None:
    program.write("main.py", PAINT + RUN.replace("MODULE", "main"))
    assert program.prints("main.py", LAMINAR_EXECUTOR=executor) == "['main', 'main', 'main']"
    assert imports(program) == ["__main__", *["main"] * (2 if executor == "process" else 0)]
    # In the namespace of main, not of the reader: what was saved under __main__ would be found there.
    reader = (
        f"import main\nexecution = main.PaintFlow().execution('x')\nexec({dedent(READ)!r}, {{**vars(main), **vars()}})"
    )
    assert program.prints("-c", f"{reader}\nprint(execution.state)") == "finished"


def test_a_module_of_a_package_run_by_python_m_has_its_full_name(program: Program) -> None:
    program.write("pkg/__init__.py", "")
    program.write("pkg/help.py", "value = 1")
    program.write("pkg/mod.py", "    from .help import value\n" + PAINT + RUN.replace("MODULE", "pkg.mod"))
    assert program.prints("-m", "pkg.mod", LAMINAR_EXECUTOR="process") == "['pkg.mod', 'pkg.mod', 'pkg.mod']"
    assert imports(program) == ["__main__", "pkg.mod", "pkg.mod"]


@pytest.mark.parametrize(("cwd", "path"), [(".", "flows/main.py"), ("flows", "main.py"), ("flow", "../flows/main.py")])
def test_a_program_is_found_wherever_it_is_run_from(program: Program, cwd: str, path: str) -> None:
    (program.folder / "flow").mkdir()  # its name begins that of the other
    program.write("flows/beside.py", "value = 1")
    program.write("flows/main.py", "    from beside import value\n" + PAINT + RUN.replace("MODULE", "main"))
    assert program.prints(path, cwd=cwd, LAMINAR_EXECUTOR="process") == "['main', 'main', 'main']"


def test_a_cached_function_of_a_program_is_the_same_everywhere(program: Program) -> None:
    program.write(
        "main.py",
        PAINT
        + """
    @cache
    def double(x):
        return 2 * x

    @PaintFlow.register
    class C(Layer):
        def __call__(self):
            self.function = double

    if flow := PaintFlow():
        flow(execution="x")
    """,
    )
    program.prints("main.py", LAMINAR_EXECUTOR="thread")
    reader = "import main\nassert main.PaintFlow().execution('x').layer(main.C).function is main.double"
    program.prints("-c", reader)


TWO = """
    from laminar import Flow, Layer, Parameters
    class One(Flow): ...
    class Two(Flow): ...

    @One.register
    @Two.register
    class A(Layer):
        def __call__(self, parameters: Parameters):
            print("evaluated", parameters.n)
            self.n = parameters.n

    if one := One():
        print("one", one(n=1).layer(A).n)
    if two := Two():
        print("two", two(n=2).layer(A).n)
    print("end")
"""


def test_a_program_runs_its_flows_one_after_the_other(program: Program) -> None:
    program.write("main.py", TWO)
    assert program.prints("main.py", LAMINAR_EXECUTOR="process").splitlines() == ["one 1", "two 2", "end"]


def test_a_program_that_is_told_a_layer_evaluates_it_and_ends(program: Program) -> None:
    program.write("main.py", TWO)
    program.prints("-c", "from main import *; Two(); print(One.registry().keys())")
    script = "import main; from laminar.executors import Thread; main.Two(executor=Thread())(execution='x', n=5)"
    program.prints("-c", script)
    commit = next(program.folder.glob(".laminar/runs/Two/x/layers/A/0/COMMIT"))
    commit.unlink()
    task = {"LAYER": "A", "TARGET": "main:Two", "EXECUTION": "x", "DATASTORE": ".laminar", "ATTEMPT": "2"}
    environ = {f"LAMINAR_{name}": value for name, value in task.items()}
    assert program.prints("main.py", **environ).splitlines() == ["evaluated 5"]
    found = Ledger(Local(program.folder / ".laminar"), "Two", "x").commit("A", 0)
    assert found is not None
    assert found.attempt == 2
    assert not (program.folder / ".laminar/runs/One").exists()


def test_an_error_ends_the_program_in_words_with_its_exit_code(program: Program) -> None:
    program.write("main.py", TWO.replace("self.n = parameters.n", "raise ValueError('on purpose')"))
    for executor in ("process", "thread"):
        done = program.python("main.py", LAMINAR_EXECUTOR=executor)
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith("Traceback (most recent call last):\n")
        assert "ValueError: on purpose\n" in done.stderr
        assert "error: A/0 failed at attempt 1: ValueError: on purpose" in done.stderr
        assert "laminar/engine" not in done.stderr
        assert done.stderr.count("Traceback") == 1


def test_an_error_of_an_executor_process_is_told_in_python(program: Program) -> None:
    program.write(
        "main.py", TWO.replace("self.n = parameters.n", "raise ValueError('on purpose')").split("    if one")[0]
    )
    script = """
import main
from laminar.errors import ExecutionError
from laminar.executors import Process
try:
    main.One(executor=Process())(n=1)
except ExecutionError as error:
    print(error.layer, error.__cause__, "ValueError: on purpose" in error.message, "main.py" in error.details)
"""
    assert program.prints("-c", script) == "A None True True"


def test_a_flow_at_a_prompt_runs_in_threads_and_says_so_elsewhere(program: Program) -> None:
    script = """
from laminar import Flow, Layer
class F(Flow): ...
@F.register
class A(Layer):
    def __call__(self): self.n = 1
print(F()().layer(A).n)
"""
    assert program.prints("-c", script, LAMINAR_EXECUTOR="thread") == "1"
    done = program.python("-c", script, LAMINAR_EXECUTOR="process")
    assert done.returncode == 2
    assert "error: flow F is defined in a notebook or at a prompt" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("end", ["the scheduler is told", "the scheduler is killed", "the timeout"])
def test_a_layer_that_is_ended_closes_what_its_hooks_opened(program: Program, end: str) -> None:
    program.write("late.py", LATE)
    program.write(
        "main.py",
        """
        import late, os, signal, sys, time
        from laminar import Flow, Layer, hooks, layers
        class F(Flow): ...

        @F.register(timeout=layers.Timeout(seconds=3600))
        class A(Layer):
            @hooks.execution
            def opened(self):
                with open("place", "w") as file:
                    file.write(self.scratch)
                try:
                    yield
                finally:
                    open("closed", "w").close()

            def __call__(self):
                if "scheduler" in os.environ["END"]:
                    number = signal.SIGKILL if "killed" in os.environ["END"] else signal.SIGINT
                    os.kill(int(os.environ["SCHEDULER"]), number)
                else:
                    open("late", "w").close()
                while True:
                    try:
                        time.sleep(600)
                    except Exception:
                        pass

        os.environ.setdefault("SCHEDULER", str(os.getpid()))
        if flow := F():
            flow(execution="x")
        """,
    )
    done = program.python("main.py", LAMINAR_EXECUTOR="process", END=end)
    assert done.returncode in (1, 128 + signal.SIGINT, -signal.SIGKILL), done.stderr
    wait_until((program.folder / "closed").exists)  # where the scheduler was killed, nobody waits for the layer
    left = Path((program.folder / "place").read_text())
    wait_until(lambda: not left.exists())
    assert Ledger(Local(program.folder / ".laminar"), "F", "x").commit("A", 0) is None


@pytest.mark.parametrize("executor", ["process", "thread"])
def test_ctrl_c_ends_it(program: Program, executor: str) -> None:
    program.write(
        "main.py",
        """
        import os, signal, time
        from laminar import Flow, Layer
        class F(Flow): ...

        @F.register
        class A(Layer):
            def __call__(self):
                os.kill(int(os.environ["SCHEDULER"]), signal.SIGINT)
                time.sleep(600)

        @F.register
        class B(Layer):
            def __call__(self, a: A): ...

        os.environ.setdefault("SCHEDULER", str(os.getpid()))
        if flow := F():
            flow(execution="x")
        """,
    )
    done = program.python("main.py", LAMINAR_EXECUTOR=executor)
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert "error: interrupted: execution x of F has stopped" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(program.folder.glob(".laminar/runs/F/x/layers/B"))


def test_only_the_parent_of_a_layer_that_forks_commits(program: Program) -> None:
    program.write(
        "main.py",
        """
        import os
        from laminar import Flow, Layer
        class F(Flow): ...

        @F.register
        class A(Layer):
            def __call__(self):
                child = os.fork()
                self.who = "parent" if child else "child"
                if child:
                    self.status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        if flow := F():
            a = flow().layer(A)
            print(a.who, a.status)
        """,
    )
    assert program.prints("main.py", LAMINAR_EXECUTOR="process") == "parent 70"


def test_what_a_layer_leaves_running_does_not_hold_up_the_run(program: Program) -> None:
    program.write(
        "main.py",
        """
        import os, subprocess
        from laminar import Flow, Layer
        class F(Flow): ...

        @F.register
        class A(Layer):
            def __call__(self):
                self.pid = subprocess.Popen(["sleep", "3600"], start_new_session=True).pid

        if flow := F():
            os.killpg(flow().layer(A).pid, 9)
            print("over")
        """,
    )
    assert program.prints("main.py", LAMINAR_EXECUTOR="process") == "over"


READS_EXECUTION = """
    from laminar import Flow, Layer
    class F(Flow): ...

    @F.register
    class A(Layer):
        def __call__(self):
            self.n = self.execution.parameters.n
"""


def test_a_layer_reads_its_execution_in_the_store_of_the_run(program: Program) -> None:
    program.write("main.py", READS_EXECUTION + "\n    if flow := F():\n        print(flow(n=3).layer(A).n)\n")
    assert program.prints("main.py", LAMINAR_EXECUTOR="process", LAMINAR_DATASTORE="elsewhere") == "3"


HEAVY = {
    "rich",
    "yaml",
    "docker",
    "dill",
    "asyncio",
    "subprocess",
    "logging",
    "numpy",
    "multiprocessing",
    "email",
    "ssl",
}


def test_evaluating_a_layer_imports_little(program: Program) -> None:
    program.write(
        "main.py",
        """
        from laminar import Flow, Layer
        class F(Flow): ...

        @F.register
        class A(Layer):
            def __call__(self): self.value = "small"
        """,
    )
    script = """
import atexit, json, sys
before = set(sys.modules)
atexit.register(lambda: print(json.dumps(sorted(set(sys.modules) - before))))
import laminar.cli.main, laminar.cli.execute
sys.argv = "laminar execute --layer A --target main:F --execution x --datastore store".split()
laminar.cli.main.main()
"""
    imported = json.loads(program.prints("-c", script))
    assert Ledger(Local(program.folder / "store"), "F", "x").commit("A", 0) is not None
    assert [name for name in imported if name.partition(".")[0] in HEAVY] == []
    ours = {name for name in imported if name.startswith("laminar.")}
    assert not {name for name in ours if name.startswith(("laminar.executors", "laminar.progress", "laminar.testing"))}
    assert not ours & {
        "laminar.launch",
        "laminar.cli.schedule",
        "laminar.engine.scheduler",
        "laminar.engine.fingerprint",
    }


def test_importing_laminar_imports_nothing_that_it_may_not_need(program: Program) -> None:
    script = "import sys; before = set(sys.modules); import laminar; print(*sorted(set(sys.modules) - before))"
    imported = program.prints("-c", script).split()
    assert "laminar.flow" in imported
    assert not {"click", "pytest", *HEAVY} & {name.partition(".")[0] for name in imported}
    assert not [
        name for name in imported if name.startswith(("laminar.datastores", "laminar.testing", "laminar.serde"))
    ]


def test_the_default_store_is_where_the_program_runs(program: Program) -> None:
    program.write("main.py", TWO)
    program.prints("main.py", LAMINAR_EXECUTOR="thread")
    assert {path.name for path in Path(program.folder / ".laminar/runs").iterdir()} == {"One", "Two"}
