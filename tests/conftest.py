"""Shared by all tests: a user's project directory to run laminar in, and the rule for tests that need an engine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import sysconfig
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import laminar
from laminar import wiring
from laminar.datastores import Local
from laminar.engine.ledger import Commit, Ledger
from scripts.browser import program

TIMEOUT_S = 300.0
"""For what takes seconds: long enough for a busy machine, and a test that hangs says where."""

IMAGE = f"laminar:{laminar.__version__}"

COVERAGE = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
"""Variables by which processes that tests start measure coverage, too."""

_REQUIRED = bool(os.environ.get("CI") or os.environ.get("LAMINAR_REQUIRE_DOCKER"))
_PACKAGE = os.path.dirname(laminar.__file__)
_OUR_FRAME = re.compile(rf'File "({re.escape(_PACKAGE)}|[^"]*/site-packages/laminar)/')

# Run here and in the image: whether both hold the same laminar.
_DIGEST = """
import hashlib, os, importlib.util
root = importlib.util.find_spec("laminar").submodule_search_locations[0]
digest = hashlib.sha256()
for folder, _, files in sorted(os.walk(root)):
    for name in sorted(files):
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            digest.update(os.path.relpath(path, root).encode() + b"\\0" + open(path, "rb").read())
print(digest.hexdigest())
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="write tests/cli/snapshots/ anew, instead of comparing")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, problem_of in (("docker", _docker_problem), ("browser", _browser_problem)):
        if item.get_closest_marker(marker) and (problem := problem_of()):
            if _REQUIRED:
                pytest.fail(f"{problem}; CI or LAMINAR_REQUIRE_DOCKER is set, so this is a failure", pytrace=False)
            pytest.skip(problem)


def _browser_problem() -> str:
    """Why tests marked `browser` cannot run; empty where they can."""
    return "" if program() else "no Chromium (make browser)"


@cache
def _docker_problem() -> str:
    """Why tests marked `docker` cannot run; empty where they can."""
    try:
        _output("docker", "info")
    except (OSError, subprocess.SubprocessError) as error:
        return f"no Docker engine: {error}"
    try:
        theirs = _output("docker", "run", "--rm", "--network=none", IMAGE, "python", "-c", _DIGEST)
    except subprocess.SubprocessError:
        return f"no image {IMAGE} on this engine (make image)"
    if theirs != _output(sys.executable, "-c", _DIGEST):
        return f"image {IMAGE} holds other code of laminar than this repository (make image)"
    return ""


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return done.stdout


@pytest.fixture(autouse=True, scope="module")
def measured(request: pytest.FixtureRequest) -> Iterator[None]:
    """In some directories, processes measure no coverage, which doubles what a command takes: others run the same lines."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.parent.name in ("docs", "examples", "faults"):
            for name in COVERAGE:
                patch.delenv(name, raising=False)
        yield


@dataclass
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    def fails(self, code: int, *words: str, users: str = "") -> None:
        """Assert one message with a remedy, this exit code, and no frame of laminar's.

        Args:
            code: The exit code of the contract.
            words: All of these are in the message or its remedy.
            users: The last line of the user's own traceback, which comes first; there is no traceback where it is empty.
        """
        assert self.code == code, self
        head, separator, message = f"\n{self.err}".partition("\nerror: ")
        assert separator, self.err
        assert "\nerror: " not in message, self.err
        if code in (2, 3) or (code == 1 and not users):  # a user's own exception, its author knows how to mend
            assert re.search(r"^       \S", message, re.MULTILINE), f"no remedy in {message!r}"
        for word in words:
            assert word in message, self.err
        assert not _OUR_FRAME.search(self.err), self.err
        assert self.err.count("Traceback (most recent call last)") <= bool(users), self.err
        assert users in head, self.err

    @property
    def execution(self) -> str:
        """The execution's id: all that stands on stdout."""
        assert re.fullmatch(r"\S+\n", self.out), self
        return self.out.strip()


@dataclass
class Running:
    """A command that runs."""

    process: subprocess.Popen[str]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Result:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        return Result(self.process.returncode, out, err)


@dataclass
class Project:
    """A directory of a user, to write files into and to run commands in.

    Attributes:
        prefix: Put before each command, such as one that changes the user.
        environ: Variables of each command; None takes one out.
    """

    path: Path
    prefix: list[str] = field(default_factory=list)
    environ: dict[str, str | None] = field(default_factory=dict)
    started: list[Running] = field(default_factory=list)

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))

    def start(self, *command: str, **environ: str | None) -> Running:
        """Start a command with these variables, and none that steers laminar or a terminal from outside."""
        steering = ("LAMINAR_", "CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONPATH")
        values = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
        values |= {"PYTHONUTF8": "1"}
        for name, value in {**self.environ, **environ}.items():
            values.pop(name, None)
            if value is not None:
                values[name] = value
        process = subprocess.Popen(
            [*self.prefix, *command],
            cwd=self.path,
            env=values,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(Running(process))
        return self.started[-1]

    def run(self, *command: str, **environ: str | None) -> Result:
        """Run a command to its end."""
        return self.start(*command, **environ).end()

    def laminar(self, *arguments: str, **environ: str | None) -> Result:
        """Run the console script."""
        return self.run(*self.script, *arguments, **environ)

    def python(self, *arguments: str, **environ: str | None) -> Result:
        """Run Python."""
        return self.run(sys.executable, *arguments, **environ)

    def end(self) -> None:
        """End what still runs, as after a test that failed."""
        for running in self.started:
            if running.process.poll() is None:
                running.process.kill()
                running.process.communicate()

    @property
    def script(self) -> list[str]:
        """The console script; `python -m laminar` would find the project's modules by itself."""
        return [os.path.join(sysconfig.get_path("scripts"), "laminar")]

    @property
    def store(self) -> Path:
        return self.path / ".laminar"

    def digest(self) -> str:
        """Of all that is in the store: names, contents and times."""
        found = hashlib.sha256()
        for path in sorted(self.store.rglob("*")):
            content = path.read_bytes() if path.is_file() else b""
            found.update(f"{path} {path.stat().st_mtime_ns} {hashlib.sha256(content).hexdigest()}".encode())
        return found.hexdigest()

    def ledger(self, flow: str, execution: str) -> Ledger:
        return Ledger(Local(self.store), flow, execution)

    def commits(self, flow: str, execution: str) -> dict[str, Commit]:
        """The committed layers of one split."""
        ledger = self.ledger(flow, execution)
        layers = sorted(
            path.parent.parent.name for path in self.store.glob(f"runs/{flow}/{execution}/layers/*/0/COMMIT")
        )
        return {layer: commit for layer in layers if (commit := ledger.commit(layer, 0))}

    def value(self, flow: str, execution: str, artifact: str) -> Any:
        """The artifact `Layer.name`, loaded and verified."""
        layer, name = artifact.split(".")
        archive = wiring.archive(Local(self.store))
        return archive.load(self.commits(flow, execution)[layer].artifacts[name], name, layer)

    def log(self, flow: str, execution: str, layer: str, attempt: int = 1) -> str:
        return self.ledger(flow, execution).log(layer, 0, attempt).decode()

    def states(self, flow: str, execution: str) -> dict[str, str]:
        """Layer -> `committed`, or the numbers of its attempts, of all that was started."""
        ledger, commits = self.ledger(flow, execution), self.commits(flow, execution)
        layers = sorted(path.name for path in self.store.glob(f"runs/{flow}/{execution}/layers/*"))
        return {layer: "committed" if layer in commits else f"attempts {ledger.attempts(layer, 0)}" for layer in layers}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "project")
    made.path.mkdir()
    yield made
    made.end()


LATE = """
import os, time
from types import SimpleNamespace
from laminar.engine import scheduler

scheduler.time = SimpleNamespace(monotonic=lambda: time.monotonic() + 86400 * os.path.exists("late"))
scheduler._BEAT_S = 0.02  # it looks at its clock as often
"""
"""A module `late`, for flows to import: where there is a file of that name, the scheduler's clock is a day ahead.

A layer that has a timeout of an hour is then as slow or as quick as a test wants it to be."""


def wait_until(comes: Callable[[], object]) -> None:
    """For what nobody can be told of: look again and again."""
    deadline = time.monotonic() + TIMEOUT_S
    while not comes():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@dataclass
class Gate:
    """Where a layer meets the test: it says so, and goes on when the test lets it. Two FIFOs, so nobody sleeps.

    In a flow: `from gate import meet`, and `meet("B")` in the layer.
    """

    ready: int
    go: int

    def wait(self, running: Running) -> str:
        """The word of the next layer that comes."""
        ended = os.pidfd_open(running.process.pid)
        try:
            come, _, _ = select.select([self.ready, ended], [], [], TIMEOUT_S)
        finally:
            os.close(ended)
        assert self.ready in come, running.end() if come else "no layer came"
        word = b""
        while not word.endswith(b"\n"):
            word += os.read(self.ready, 1)
        return word.decode().strip()

    def open(self) -> None:
        """Let one layer pass."""
        os.write(self.go, b".")


@pytest.fixture
def gate(project: Project) -> Iterator[Gate]:
    with gate_in(project) as made:
        yield made


@contextmanager
def gate_in(project: Project) -> Iterator[Gate]:
    """A gate in a project's directory."""
    # Relative paths: the working directory is the project's, in a process as in a container.
    project.write(
        "gate.py",
        """
        import os

        def meet(word):
            with open(os.open("ready", os.O_WRONLY), "w") as ready:
                ready.write(word + "\\n")
            with open(os.open("go", os.O_RDONLY), "rb", buffering=0) as go:
                go.read(1)
        """,
    )
    ends = []
    for name in ("ready", "go"):
        os.mkfifo(project.path / name)
        (project.path / name).chmod(0o666)
        ends.append(os.open(project.path / name, os.O_RDWR))  # both ways: opening waits for nobody
    try:
        yield Gate(*ends)
    finally:
        for end in ends:
            os.close(end)


@pytest.fixture
def read(project: Project) -> Callable[..., Any]:
    """Evaluates expressions in a fresh process that imports the project's `main`, and returns what JSON has of them."""

    def evaluate(**expressions: str) -> Any:
        script = "import json, sys, main\nfrom main import *\n"
        script += f"print(json.dumps({{{', '.join(f'{name!r}: {code}' for name, code in expressions.items())}}}))"
        result = project.python("-c", script)
        assert result.code == 0, result.err
        return json.loads(result.out)

    return evaluate
