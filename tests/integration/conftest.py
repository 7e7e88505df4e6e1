"""Real Docker: every test here is marked `docker`, and none leaves a container behind."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from laminar.executors.docker_command import store_label
from laminar.version import __version__
from tests.conftest import COVERAGE, TIMEOUT_S, wait_until

LAMINAR = f"laminar:{__version__}"
EVENTS = ["--filter=type=container", "--filter=label=laminar.store", "--format={{json .}}"]
UID = 1000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.docker)


def docker(*arguments: str, check: bool = True) -> str:
    """What a docker command prints."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(tag: str, context: Path) -> str:
    """Build an image as a user does; an older one of that tag does not stay behind without a name.

    The tag is this process's own: another one that runs tests at the same time may build the same, and remove what it had.
    """
    tag += f"-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    before = docker("images", "--quiet", "--no-trunc", tag).strip()
    docker("build", "-t", tag, str(context))
    if before and before != docker("images", "--quiet", "--no-trunc", tag).strip():
        docker("rmi", before, check=False)
    return tag


@dataclass
class Engine:
    """What the engine knows of the containers of one project's store; no one else's are looked at.

    Attributes:
        project: Whose store it is.
        since: When the test began.
        heard: Where all events are noted as they come: the engine itself remembers the last 256, of everybody.
        image: Laminar's own image.
    """

    project: Any
    since: float
    heard: Path
    image: str = LAMINAR
    docker = staticmethod(docker)
    build = staticmethod(build)

    @property
    def label(self) -> str:
        """The label that all of them carry."""
        return f"laminar.store={store_label(os.path.realpath(self.project.store))}"

    def containers(self, *filters: str) -> list[str]:
        """Names of the containers that are there, running or not."""
        chosen = [f"--filter={text}" for text in (f"label={self.label}", *filters)]
        return docker("ps", "--all", "--format={{.Names}}", *chosen).split()

    def running(self, layer: str) -> str:
        """The name of the one container that runs this layer; the engine may hear later than the layer that it does."""
        wait_until(lambda: self.containers(f"label=laminar.layer={layer}", "status=running"))
        (name,) = self.containers(f"label=laminar.layer={layer}", "status=running")
        return name

    def inspect(self, name: str) -> Any:
        return json.loads(docker("inspect", name))[0]

    def events(self, *actions: str) -> list[dict[str, str]]:
        """What happened to layers' containers since the test began, in order: `action`, labels, `image`, `name`, …"""
        window = [f"--since={self.since:.9f}", f"--until={time.time():.9f}"]
        noted, _, _ = self.heard.read_text().rpartition("\n")
        latest = docker("events", *window, *EVENTS)  # up to now, where what is noted may lag behind
        lines = dict.fromkeys([*noted.splitlines(), *latest.splitlines()])
        found = sorted(map(json.loads, lines), key=lambda event: event["timeNano"])
        name, _, value = self.label.partition("=")
        return [
            {"action": event["Action"], **about}
            for event in found
            if event["Action"] in actions
            and (about := event["Actor"]["Attributes"]).get(name) == value
            and "laminar.layer" in about
            and event["timeNano"] >= self.since * 1e9
        ]

    def wait_for(self, action: str) -> None:
        """Until this has happened to any container of the project, also to one that is no layer's."""
        chosen = ["--filter=type=container", f"--filter=label={self.label}", f"--filter=event={action}"]
        command = ["docker", "events", f"--since={self.since:.9f}", *chosen]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as events:
            assert events.stdout is not None
            try:
                assert select.select([events.stdout], [], [], TIMEOUT_S)[0], f"no {action}"
            finally:
                events.kill()

    def sweep(self) -> list[str]:
        """Remove all containers of the project; returns their names."""
        left = self.containers()
        for name in left:
            docker("rm", "--force", name, check=False)
        return left


@pytest.fixture(scope="session")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Takes note of all that happens to containers of laminar's."""
    notes = tmp_path_factory.mktemp("events") / "notes"
    with notes.open("w") as file, subprocess.Popen(["docker", "events", *EVENTS], stdout=file) as events:
        yield notes
        events.kill()


@pytest.fixture(autouse=True)
def engine(project, heard: Path) -> Iterator[Engine]:
    """The engine; afterwards nothing of this project's may be left on it."""
    watched = Engine(project, time.time(), heard)
    yield watched
    for running in project.started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()
    assert watched.sweep() == []


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Builds `laminar-test:NAME-…` from laminar's image and these Dockerfile lines and files; the engine's cache is ours."""

    def make(name: str, *lines: str, **files: str) -> str:
        context = tmp_path_factory.mktemp(name)
        (context / "Dockerfile").write_text("\n".join((f"FROM {LAMINAR}", *lines, "")))
        for file, text in files.items():
            (context / f"{file}.py").write_text(text)
        return build(f"laminar-test:{name}", context)

    return make


class Daemon:
    """An engine of the test's own, in namespaces of its own: it cannot disturb the machine's networks, and its mounts end
    with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.host = f"unix://{home}/engine.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        isolated = ["unshare", "--net", "--mount", "dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false"]
        (self.home / "config-file").write_text("{}")  # else the machine's own is read, and may say otherwise
        places = [f"--{name}={self.home}/{name}" for name in ("data-root", "exec-root", "pidfile", "config-file")]
        with open(self.home / "log", "ab") as log:
            self._process = subprocess.Popen([*isolated, *places, f"--host={self.host}"], stdout=log, stderr=log)
        deadline = time.monotonic() + TIMEOUT_S
        while subprocess.run(["docker", f"--host={self.host}", "version"], capture_output=True).returncode:
            alive = self._process.poll() is None and time.monotonic() < deadline
            assert alive, (self.home / "log").read_text()[-2000:]
            time.sleep(0.1)

    def load(self, image: str) -> None:
        """Give it an image of the machine's engine."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            command = ["docker", f"--host={self.host}", "load"]
            subprocess.run(command, stdin=saved.stdout, check=True, capture_output=True)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it: as a service manager does, which stops its containers; or let it die, and them live on."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(TIMEOUT_S)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """An engine of the test's own, with no image."""
    if os.geteuid() or shutil.which("dockerd") is None:
        pytest.skip("needs root and dockerd to start an engine of its own")
    # A short path: it is the beginning of the names of sockets.
    made = Daemon(Path(tempfile.mkdtemp(prefix="laminar-")))
    try:
        made.start()
        yield made
    finally:
        made.end()
        shutil.rmtree(made.home)


@pytest.fixture
def clean_engine(daemon: Daemon) -> str:
    """An engine that has never seen laminar: only the Python image that one would pull. Its DOCKER_HOST."""
    if os.environ.get("DOCKER_HOST"):
        pytest.skip("DOCKER_HOST names another engine")
    label = '--format={{index .Config.Labels "org.opencontainers.image.base.name"}}'
    python = docker("inspect", label, LAMINAR).strip()
    daemon.load(python)
    name = f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    docker(f"--host={daemon.host}", "tag", python, name)
    return daemon.host


@pytest.fixture
def as_user(project) -> Iterator[Callable[..., None]]:
    """Lets the project's commands run as a user who is not root, `groups` beside its own; as oneself where that is no root.

    The user may read what root reads (CAP_DAC_READ_SEARCH), because this repository and its Python may lie in root's home;
    writing, and connecting to the engine, is as for anyone.
    """

    def become(*groups: int) -> None:
        if os.geteuid():
            return
        if shutil.which("setpriv") is None:
            pytest.fail("as root, this test needs setpriv (package util-linux) to become another user")
        others = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
        may_read = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        project.prefix = ["setpriv", f"--reuid={UID}", f"--regid={UID}", others, *may_read]
        for path in (project.path, *project.path.rglob("*")):
            os.chown(path, UID, UID)
        # Coverage's data file is root's.
        project.environ |= {"HOME": str(project.path), **dict.fromkeys(COVERAGE)}

    return become


def unforeseen(project: Any, layer: str) -> None:
    """Give a layer of `main.py` a hook that may change how it is run: so its container is not made ahead of its turn."""
    source = (project.path / "main.py").read_text()
    head = f"class {layer}(Layer):\n"
    assert head in source
    hooked = f"{head}    @hooks.submission\n    def may_change(self): yield\n"
    project.write("main.py", "from laminar import hooks\n" + source.replace(head, hooked))


def clients_of(pid: int, layer: str = "") -> list[int]:
    """The `docker run` processes that a scheduler has started; of one layer, where that is named.

    Of the layer before it there may still be one: a layer starts when what it needs has committed, not when that has ended.
    """
    try:
        children = " ".join((task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # it has ended, or a thread of it
        return []
    return [int(child) for child in children.split() if _runs_docker(child, layer)]


def _runs_docker(pid: str, layer: str) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return False
    return command[:2] == ["docker", "run"] and (not layer or f"--label=laminar.layer={layer}" in command)


SHIM = """#!/bin/bash
# The docker command, but for what a test does in its place.
echo "$EPOCHREALTIME $*" >> {calls}
DOCKER={docker}
{instead}
exec -a docker $DOCKER "$@"
"""


@pytest.fixture
def shim(project):
    """Puts something in the place of `docker`, which is `$DOCKER` there; returns the file that calls are noted in."""

    def put(instead=""):
        calls = project.path.parent / "docker-calls"
        script = project.path.parent / "bin" / "docker"
        script.parent.mkdir()
        script.write_text(SHIM.format(calls=calls, docker=shutil.which("docker"), instead=instead))
        script.chmod(0o755)
        project.environ["PATH"] = f"{script.parent}:{os.environ['PATH']}"
        return calls

    return put
