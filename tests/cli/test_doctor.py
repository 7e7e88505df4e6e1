"""`laminar doctor` without an engine: what it finds, how it says so, and that nothing wrong hides the rest."""

from __future__ import annotations

import json
import os
import shutil

import pytest

NOWHERE = "unix:///nowhere/docker.sock"

MAIN = """
from laminar import Flow, Layer

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None: ...
"""


@pytest.fixture
def sick(project):
    """A project without an engine."""
    project.environ["DOCKER_HOST"] = NOWHERE
    project.write("main.py", MAIN)
    project.write("laminar.yaml", "flow: main:F\n")
    return project


@pytest.fixture
def well(sick):
    """A project that needs none."""
    sick.write("laminar.yaml", "flow: main:F\nexecutor: process\n")
    return sick


def look(project, *arguments, **environ):
    """The checks by name, and the exit code."""
    result = project.laminar("doctor", "--json", *arguments, **environ)
    assert "Traceback" not in result.err, result.err
    answer = json.loads(result.out)
    assert answer["version"] == 1
    for check in answer["checks"]:
        assert set(check) == {"name", "status", "words", "remedy"}
        assert check["words"]
        assert check["remedy"] or check["status"] == "ok", check
    return {check["name"]: check for check in answer["checks"]}, result.code


def test_all_is_well(well):
    checks, code = look(well)
    assert code == 0
    assert {check["status"] for check in checks.values()} == {"ok"}
    assert list(checks) == ["python", "settings", "flow", "datastore", "disk", "executor"]
    assert "click" in checks["python"]["words"]
    assert checks["flow"]["words"] == "main:F, 1 layer"
    assert checks["executor"]["words"] == "process (laminar.yaml)"


def test_it_changes_nothing(well):
    before = sorted(os.listdir(well.path))
    look(well, PYTHONDONTWRITEBYTECODE="1")
    assert sorted(os.listdir(well.path)) == before


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker command")
def test_no_engine(sick):
    checks, code = look(sick)
    assert code == 3
    assert checks["docker"]["status"] == "ok"
    assert checks["engine"]["status"] == "error"
    assert f"at {NOWHERE} (No such file or directory)" in checks["engine"]["words"]
    assert "--executor process" in checks["engine"]["remedy"]
    assert "image" not in checks


def test_no_docker_command(sick):
    checks, code = look(sick, PATH=str(sick.path))
    assert code == 3
    assert checks["docker"]["words"] == "there is no docker command on this machine."
    assert "engine" not in checks


def test_a_docker_command_that_does_not_run(sick):
    sick.write("bin/docker", "#!/bin/sh\necho broken >&2\nexit 3\n")
    (sick.path / "bin/docker").chmod(0o755)
    checks, code = look(sick, PATH=f"{sick.path}/bin:{os.environ['PATH']}")
    assert (code, checks["docker"]["words"]) == (3, "docker --version fails: broken")


PROBLEMS = [
    # files, check, its words, exit code
    ({"laminar.yaml": "imge: x"}, "settings", ["unknown option 'imge'", "Did you mean 'image'?"], 2),
    ({"laminar.yaml": "{"}, "settings", ["laminar.yaml cannot be read"], 2),
    ({"main.py": "1 / 0"}, "flow", ["importing main raises ZeroDivisionError: division by zero (main.py:1)."], 2),
    ({"main.py": "exit(3)"}, "flow", ["importing main exits with 3"], 2),
    ({"main.py": "class F: ..."}, "flow", ["main:F is a type, not a flow"], 2),
    ({"main.py": MAIN.replace("(self)", "(self, b: 'B[')")}, "flow", ["'B['"], 2),
    ({"main.py": MAIN.replace("Flow): ...", "Flow):\n    def __init__(self, x): ...")}, "flow", ["F() raises"], 2),
    ({".laminar": "no directory"}, "datastore", [".laminar is not a directory"], 3),
    ({"laminar.yaml": "datastore: main.py/store\nexecutor: process"}, "datastore", ["main.py is not a directory"], 3),
    ({"laminar.yaml": "datastore: s3://bucket"}, "datastore", ["unknown datastore 's3://bucket'"], 2),
]


@pytest.mark.parametrize(("files", "name", "words", "code"), PROBLEMS, ids=[str(case[2][0]) for case in PROBLEMS])
def test_what_is_wrong_in_the_project(well, files, name, words, code):
    for file, text in files.items():
        well.write(file, text)
    checks, ended = look(well, LAMINAR_EXECUTOR="process")
    assert ended == code
    assert [check["name"] for check in checks.values() if check["status"] == "error"] == [name]
    for word in words:
        assert word in checks[name]["words"] + checks[name]["remedy"]


def test_infrastructure_outweighs_the_project(sick):
    sick.write("laminar.yaml", "imge: x\n")
    checks, code = look(sick)
    assert checks["settings"]["status"] == "error"
    assert "error" in (checks["docker"]["status"], checks.get("engine", {}).get("status"))
    assert code == 3


def test_what_the_module_prints_is_not_our_data(well):
    well.write("main.py", f"print('hello')\n{MAIN}")
    assert look(well)[1] == 0


def test_outside_of_a_project(project):
    checks, code = look(project, LAMINAR_EXECUTOR="process")
    assert code == 0
    assert checks["settings"]["words"] == "executor process (LAMINAR_EXECUTOR)"
    assert checks["flow"]["words"].startswith("none is named")


def test_config_and_app_dir(project):
    project.write("app/main.py", MAIN)
    project.write("other.yaml", "flow: main:F\nexecutor: thread\n")
    checks, code = look(project, "--config", "other.yaml", "--app-dir", "app")
    assert (code, checks["flow"]["words"], checks["executor"]["words"]) == (0, "main:F, 1 layer", "thread (other.yaml)")
    assert look(project, "--config", "nope.yaml", LAMINAR_EXECUTOR="process")[1] == 2


def test_a_store_that_is_there_has_a_clock(well):
    assert well.laminar("schedule").code == 0
    checks, _ = look(well)
    assert checks["clock"]["status"] == "ok"
    assert f"belongs to user {os.geteuid()}:{os.getegid()}" in checks["datastore"]["words"]


def test_lines_for_people(sick):
    sick.write("laminar.yaml", "imge: x\nexecutor: process\n")
    result = sick.laminar("doctor", LAMINAR_EXECUTOR="process")
    lines = result.out.splitlines()
    assert lines[0].startswith("✓ python       laminar ")
    assert lines[1].startswith("✗ settings     unknown option 'imge'")
    assert lines[2].startswith("               Options are: ")
    assert result.err == ""


def test_a_stream_without_these_marks_gets_others(sick):
    sick.write("laminar.yaml", "imge: x\nexecutor: process\n")
    (sick.path / "größe").mkdir()
    result = sick.laminar("doctor", LAMINAR_DATASTORE="größe/store", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert result.out.isascii()
    assert result.out.startswith("ok python       laminar ")
    assert "\nx  settings     unknown option" in result.out
