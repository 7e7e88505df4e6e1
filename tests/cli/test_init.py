"""`laminar init`: what it makes, that it runs, and what is in its way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import laminar
from laminar import scaffold
from laminar.errors import UsageError


@pytest.fixture
def fresh(project):
    """A new project, and the directory that commands then run in."""
    made = project.laminar("init", "my-etl")
    assert made.code == 0, made.err
    project.path = project.path / "my-etl"
    return project


def test_paths_go_to_stdout_and_next_steps_to_stderr(project):
    result = project.laminar("init", "my-etl")
    assert result.code == 0
    assert result.out.splitlines() == [f"my-etl/{file}" for file in scaffold.FILES]
    assert all((project.path / path).is_file() for path in result.out.splitlines())
    assert "cd my-etl\n" in result.err
    assert "laminar schedule" in result.err


def test_every_file_of_the_template_is_made():
    there = {path.relative_to(scaffold.TEMPLATE).as_posix() for path in Path(scaffold.TEMPLATE).rglob("*")}
    files = {path for path in there if os.path.isfile(os.path.join(scaffold.TEMPLATE, path)) and "cache" not in path}
    assert files == set(scaffold.FILES)


def test_nothing_is_left_to_fill_in(fresh):
    for file in scaffold.FILES:
        text = (fresh.path / file).read_text()
        assert "VERSION" not in text, file
        assert "ProjectFlow" not in text, file
    assert f"FROM laminar:{laminar.__version__}\n" in (fresh.path / "Dockerfile").read_text()
    assert "flow: main:MyEtlFlow\n" in (fresh.path / "laminar.yaml").read_text()


def test_it_runs_at_once_without_docker(fresh):
    result = fresh.laminar("schedule", "--executor", "process")
    assert result.code == 0, result.err
    assert fresh.value("MyEtlFlow", result.execution, "Report.text").startswith("10 words, 7 different: the 3")


def test_its_parameter_has_a_default_and_can_be_given(fresh):
    result = fresh.laminar("schedule", "--executor", "process", "-p", "text=so and so")
    assert fresh.value("MyEtlFlow", result.execution, "Words.words") == ["so", "and", "so"]


@pytest.mark.parametrize("arguments", [(), ("-n", "1"), ("tests/test_flow.py",)], ids=["plain", "xdist", "a file"])
def test_its_own_tests_pass(fresh, arguments):
    result = fresh.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
    assert result.code == 0, result.out
    assert "2 passed" in result.out


def test_its_own_tests_pass_under_the_plain_command(fresh):
    """`pytest` does not put the working directory on the path as `python -m pytest` does."""
    result = fresh.run(os.path.join(os.path.dirname(fresh.script[0]), "pytest"), "-q")
    assert result.code == 0, result.out


def test_its_code_is_clean(fresh):
    scripts = os.path.dirname(fresh.script[0])
    for command in (
        [f"{scripts}/ruff", "check", "--isolated", "--no-cache", "--select", "E,F,I,UP,B,SIM", "."],
        [f"{scripts}/ruff", "format", "--isolated", "--no-cache", "--check", "."],
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", os.devnull, "."],
    ):
        result = fresh.run(*command, MYPYPATH=os.path.dirname(os.path.dirname(laminar.__file__)))
        assert result.code == 0, result.out


@pytest.mark.parametrize("file", [".github/workflows/ci.yml", ".gitlab-ci.yml"])
def test_its_ci_runs_the_tests_and_the_flow(fresh, file):
    jobs = yaml.safe_load((fresh.path / file).read_text())
    jobs = jobs.get("jobs", jobs).values()
    steps = [step.get("run", "") for job in jobs if isinstance(job, dict) for step in job.get("steps", [])]
    steps += [line for job in jobs if isinstance(job, dict) for line in job.get("script", [])]
    assert "pytest" in steps
    assert any(step.startswith("laminar schedule") for step in steps)


def test_its_image_holds_no_results_and_no_history(fresh):
    ignored = (fresh.path / ".dockerignore").read_text().splitlines()
    assert {".laminar", ".git", ".venv", "**/__pycache__"} <= set(ignored)


@pytest.mark.parametrize(
    ("directory", "flow"),
    [
        ("my-etl", "MyEtlFlow"),
        ("hello_flow", "HelloFlow"),
        ("flow", "FlowFlow"),
        ("a/b/my data.v2", "MyDataV2Flow"),
        ("myETL/", "MyETLFlow"),
    ],
)
def test_the_flow_is_named_after_the_directory(directory, flow):
    assert scaffold.Project.named_after(directory).flow == flow


@pytest.mark.parametrize("directory", ["2024-etl", "-x", "größe", "a+b", "x" * 200])
def test_a_name_that_no_flow_can_have(directory):
    with pytest.raises(UsageError, match=r"no flow can be named after|invalid name"):
        scaffold.Project.named_after(directory)


def test_a_bad_name_is_said_in_words(project):
    result = project.laminar("init", "2024-etl")
    result.fails(2, "'2024-etl'", "beginning with a letter")
    assert not (project.path / "2024-etl").exists()


def test_this_directory(project):
    result = project.laminar("init", ".")
    assert result.code == 0, result.err
    assert result.out.splitlines() == list(scaffold.FILES)
    assert "cd " not in result.err
    assert "class ProjectFlow(Flow)" in (project.path / "main.py").read_text()  # the fixture's directory is `project`


def test_a_repository_and_an_environment_may_be_there_before(project):
    (project.path / ".git").mkdir()
    (project.path / ".venv").mkdir()
    assert project.laminar("init", ".").code == 0


def test_nothing_is_overwritten(project):
    project.write("there/main.py", "mine")
    project.write("there/.env", "mine")
    project.laminar("init", "there").fails(2, "there is not empty: main.py, .env", "nothing is overwritten")
    assert sorted(os.listdir(project.path / "there")) == [".env", "main.py"]


def test_many_files_in_the_way_are_not_all_named(project):
    for number in range(9):
        project.write(f"there/{number}", "mine")
    project.laminar("init", "there").fails(2, "0, 1, 2, 3, 4 and 4 more")


@pytest.mark.parametrize("directory", ["file", "file/etl"])
def test_a_file_in_the_way(project, directory):
    project.write("file", "mine")
    project.laminar("init", directory).fails(2, f"cannot make a project in {directory}: Not a directory.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; test_new_project.py has this as another user")
def test_a_directory_that_cannot_be_written(project):
    (project.path / "locked").mkdir(mode=0o555)
    project.laminar("init", "locked/etl").fails(2, "Permission denied")


def test_no_directory(project):
    result = project.laminar("init")
    assert result.code == 2
    assert "DIR" in result.err


def test_the_wheel_has_the_template(tmp_path):
    """Dot files and files without a package beside them are easily left out of one."""
    root = Path(laminar.__file__).parents[1]
    code = (
        "import setuptools, setuptools.command.build_py as b, json, os\n"
        f"os.chdir({str(root)!r})\n"
        "d = setuptools.Distribution(); d.parse_config_files(['setup.cfg']); c = b.build_py(d); c.finalize_options()\n"
        "print(json.dumps([f for p, _, _, fs in c.data_files for f in fs if p == 'laminar.scaffold']))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = set(json.loads(done.stdout.splitlines()[-1]))
    assert {f"template/{file}" for file in scaffold.FILES} <= found
