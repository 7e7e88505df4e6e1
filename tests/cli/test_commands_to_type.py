"""The commands that laminar tells people to type: pasted into a shell, each finds what it is about, wherever that is."""

from __future__ import annotations

import re
import shlex
import signal

import pytest

from tests.conftest import Project

FAILS = """
import os
from laminar import Flow, Layer, datastores

class F(Flow): ...

@F.register
class B(Layer):
    def __call__(self) -> None:
        self.value = "kept" * 5000

@F.register
class A(Layer):
    def __call__(self) -> None:
        print("here")
        assert os.path.exists("mended"), "not mended"
"""

IN_CODE = FAILS + "\nif flow := F(datastore=datastores.Local('my runs')):\n    flow(execution='one')\n"


def typed(text: str) -> list[str]:
    """The commands in a text, as they stand there."""
    return [each.strip() for each in re.findall(r"laminar [a-z](?:(?!  |\. |, or |\n|$).)+", text)]


def paste(project: Project, command: str) -> None:
    """Run a command, which finds an execution."""
    if command.startswith("laminar shell"):
        command += " --command 'print(layer.index)'"
    result = project.laminar(*shlex.split(command)[1:])
    assert result.code == 0, (command, result)


@pytest.mark.parametrize(
    ("given", "environ", "needed"),
    [
        (["--datastore", "my runs"], {}, {"--datastore 'my runs'"}),
        (["--datastore", ".laminar/"], {}, set()),
        ([], {"LAMINAR_DATASTORE": "runs"}, set()),
        (["--config", "ci.yaml"], {}, {"--config ci.yaml"}),
    ],
    ids=["on-the-command-line", "the-usual-one", "in-the-environment", "in-another-file"],
)
def test_they_name_the_datastore_where_they_would_not_find_it(project, given, environ, needed):
    project.write("main.py", FAILS)
    project.write("ci.yaml", "datastore: their runs\n")
    project.environ |= {"LAMINAR_EXECUTOR": "process", **environ}
    failed = project.laminar("schedule", "main:F", "--execution", "one", *given)
    failed.fails(1, "not mended", users="AssertionError")
    shown = project.laminar("show", "one", *given)
    commands = typed(failed.err) + typed(shown.out)
    assert [command.split()[1] for command in commands] == ["logs", "shell", "resume", "show", "resume"]
    for command in commands:
        assert {*re.findall(r"--\S+ (?:'.*'|\S+)", command)} == needed, command
    project.write("mended", "")
    for command in commands:
        paste(project, command)


def test_what_goes_on_runs_as_it_was_typed(project):
    project.write("main.py", FAILS)
    typed_too = ["--image", "mine:2", "--image", "A=its:1", "--mount", "here", "--max-parallel", "1", "--keep-going"]
    given = ["--executor", "process", *typed_too]
    commands = typed(project.laminar("schedule", "main:F", "--execution", "one", *given).err)
    assert commands == [
        "laminar logs one/A/0",
        "laminar shell one/A/0",
        "laminar resume one --image mine:2 --image A=its:1 --mount here --max-parallel 1 --keep-going",
    ]
    project.write("mended", "")
    paste(project, commands[-1])


def test_they_name_the_datastore_that_the_code_has(project):
    project.write("main.py", IN_CODE)
    project.environ |= {"LAMINAR_EXECUTOR": "process"}
    failed = project.python("main.py")
    commands = typed(failed.err)
    assert commands[-1] == "laminar resume one --datastore 'my runs'"
    project.write("mended", "")
    for command in commands:
        paste(project, command)


def test_they_name_where_the_code_is_and_the_settings_to_those_that_load_it(project):
    project.write("flows/main.py", FAILS)
    project.write("ci.yaml", "executor: process\n")
    given = ["--app-dir", "flows", "--config", "ci.yaml", "--datastore", "runs"]
    failed = project.laminar("schedule", "main:F", "--execution", "one", *given)
    commands = typed(failed.err)
    assert commands == [
        "laminar logs one/A/0 --datastore runs",
        "laminar shell one/A/0 --datastore runs --config ci.yaml --app-dir flows",
        "laminar resume one --datastore runs --config ci.yaml --app-dir flows",
    ]
    project.write("flows/mended", "")
    for command in commands:
        paste(project, command)


def test_of_an_error_a_report_and_damage(project):
    project.write("main.py", FAILS)
    project.environ |= {"LAMINAR_EXECUTOR": "process"}
    given = ["--datastore", "runs"]
    project.laminar("schedule", "main:F", "--execution", "one", *given)
    project.laminar("artifact", "one/A", "x", *given).fails(2, "laminar show one/A/0 --datastore runs")
    project.laminar("graph", "one/A", *given).fails(2, "laminar graph one --datastore runs\n")
    page = project.laminar("report", "one", "--output", "-", *given).out
    for name in ("logs one/A/0", "shell one/A/0", "resume one"):
        assert f"laminar {name} --datastore runs" in page
    for blob in (project.path / "runs" / "cas").rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            blob.write_bytes(b"other")
    assert "laminar resume F:one --rerun B --datastore runs\n" in project.laminar("gc", "--verify", *given).out


def test_at_ctrl_c(project, gate):
    project.write("main.py", "from gate import meet\n" + FAILS.replace("print", "meet"))
    command = [*project.script, "schedule", "main:F", "--execution", "one", "--executor", "process"]
    running = project.start(*command, "--datastore", "my runs")
    gate.wait(running)
    running.signal(signal.SIGINT)
    running.end().fails(130, "laminar resume one --datastore 'my runs'")


CHAIN = """
class G(Flow): ...

@G.register
class C(Layer):
    def __call__(self) -> None: ...

if flow := F():
    flow(execution="one").next(flow=G())
"""


def test_a_program_goes_on_in_the_datastore_that_the_command_names(project):
    project.write("main.py", FAILS + CHAIN)
    project.environ |= {"LAMINAR_EXECUTOR": "process"}
    assert project.python("main.py", LAMINAR_DATASTORE="my runs").code == 1
    command = typed(project.laminar("show", "one", "--datastore", "my runs").out)[-1]
    assert command == "laminar resume one --datastore 'my runs'"
    project.write("mended", "")
    paste(project, command)
    assert project.laminar("list", "--flow", "G", "--datastore", "my runs").out.count("finished") == 1
    assert not project.store.exists()
