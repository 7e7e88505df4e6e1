"""What the Docker executor makes of what it is told. The engine itself is in the contract suite and in tests/integration."""

from __future__ import annotations

import itertools
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.datastores import Memory
from laminar.engine.executor import Exit, Job
from laminar.errors import EngineError, LaminarError, SkewError, StoreError, UsageError
from laminar.executors.docker import Docker
from laminar.executors.docker_engine import Engine, State, printed
from laminar.executors.docker_exit import exit_of
from laminar.executors.docker_host import Host
from laminar.executors.docker_image import BASE_IMAGE, Probe, verdict
from laminar.executors.docker_mounts import Mounts, uid_gid
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import Task
from laminar.version import WIRE_VERSION, __version__

JOB = Job(
    Task(target="main:F", execution="x", layer="A", datastore="/s"), Configuration(), lambda data: None, lambda: None
)
TINI = "[FATAL tini (7)] exec laminar failed: No such file or directory\n"


def state(code: int, *, status: str = "exited", oom: bool = False, error: str = "") -> State:
    return State(status, code, oom, error)


@pytest.mark.parametrize(
    ("client", "found", "said", "exit_"),
    [
        (0, state(0), "", Exit(code=0)),
        (1, state(7), "", Exit(code=7)),
        (137, state(137, oom=True), "", Exit(code=137, oom=True)),
        (0, state(0, oom=True), "", Exit(code=0, oom=True)),
        (127, state(127), "sh: nothing: not found", Exit(code=127)),
        (0, None, "", Exit(vanished=True)),
        (125, None, "docker: Cannot connect to the Docker daemon", Exit(vanished=True)),
    ],
    ids=repr,
)
def test_the_engine_says_how_a_container_ended(client: int, found: State | None, said: str, exit_: Exit) -> None:
    assert exit_of(client, found, said, JOB) == exit_


@pytest.mark.parametrize(
    ("client", "found", "said", "words", "remedy"),
    [
        (
            125,
            None,
            "docker: invalid reference format.\n\nRun 'docker run --help'",
            "A/0 cannot be started: invalid",
            "A",
        ),
        (
            125,
            None,
            "docker: Error response from daemon: no such network: n.",
            "started: no such network: n.",
            "layer A",
        ),
        (127, state(127, status="created", error="no such file"), "", "A/0 cannot be started: no such file", "layer A"),
        (127, state(127), TINI, "the image of layer A has no laminar in it", f"FROM {BASE_IMAGE}"),
        (126, state(126), TINI.replace("No such file", "Permission denied: file"), "cannot run 'laminar'", "command"),
        (127, state(127), TINI.replace("laminar", "mycmd"), "cannot run 'mycmd': No such file", "container.command"),
    ],
)
def test_what_could_not_be_started_says_why(
    client: int, found: State | None, said: str, words: str, remedy: str
) -> None:
    error = exit_of(client, found, said, JOB).error
    assert isinstance(error, EngineError)
    assert words in error.message
    assert remedy in error.remedy


@pytest.mark.parametrize(("user", "ids"), [("1000", (1000, 0)), ("1000:100", (1000, 100)), ("0:0", (0, 0))])
def test_users_are_numbers(user: str, ids: tuple[int, int]) -> None:
    assert uid_gid(user, "layer A") == ids


@pytest.mark.parametrize("user", ["root", "me:users", ":1", "-1", "1:x", ""])
def test_users_by_name_are_refused(user: str) -> None:
    with pytest.raises(UsageError, match=r"layer A has container\.user"):
        uid_gid(user, "layer A")


def test_a_store_that_no_container_sees_is_refused_before_the_engine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    launch: Any = type("Launch", (), {"datastore": Memory()})
    with pytest.raises(UsageError, match="the memory datastore cannot be mounted") as caught:
        Docker().open(launch)
    assert "--executor thread" in caught.value.remedy


# Images

GOOD = Probe(laminar=__version__, wire=WIRE_VERSION, python=sys.version.split()[0], found=True, unreadable=[])


def checked(asks_for_flow: bool = True, **answer: Any) -> str:
    probe = Probe(**{**vars(GOOD), **answer})
    return verdict(probe, "my:image", "main:F", Container(), "1000:1000", asks_for_flow)


def test_an_image_that_can_run_the_flow_is_quiet() -> None:
    assert checked() == ""


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ({"wire": WIRE_VERSION + 1}, SkewError, f"speaks wire version {WIRE_VERSION + 1}"),
        ({"found": False}, EngineError, "image my:image has no main:F in /laminar"),
        ({"unreadable": ["main.py"]}, EngineError, "user 1000:1000 of the containers cannot read main.py in image"),
    ],
)
def test_an_image_that_cannot_is_refused_with_what_to_do(
    answer: dict[str, Any], kind: type[LaminarError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        checked(**answer)
    assert caught.value.remedy
    assert caught.value.exit_code == 3


def test_a_mounted_project_is_not_looked_for_in_the_image() -> None:
    assert checked(asks_for_flow=False, found=False, unreadable=["x"]) == ""


@pytest.mark.parametrize("answer", [{"laminar": "0.0.1"}, {"python": "3.7.1"}])
def test_other_versions_are_a_warning(answer: dict[str, Any]) -> None:
    assert checked(**answer).startswith("image my:image holds laminar")
    assert checked(python=".".join(GOOD.python.split(".")[:2]) + ".99") == ""


# Mounts


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounts:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text("")
    (tmp_path / "token").write_text("")
    return Mounts(Host(), "main:F", str(tmp_path))


def test_volumes_secrets_and_the_project_are_mounted(mounts: Mounts, tmp_path: Path) -> None:
    container = Container(volumes=["/data:/in:ro", "name:/out", "./main.py:/m"], secrets={"t": "token"}, workdir="/w")
    assert mounts.values(container, str(tmp_path)) == (
        "type=bind,source=/data,target=/in,readonly",
        "type=volume,source=name,target=/out",
        f"type=bind,source={tmp_path}/main.py,target=/m",
        f"type=bind,source={tmp_path},target=/w,readonly",
        f"type=bind,source={tmp_path}/token,target=/run/secrets/t,readonly",
    )
    mounts.check(Container(volumes=["./main.py:/m"], secrets={"t": "token"}), str(tmp_path), "0:0", "layer A")


@pytest.mark.parametrize(
    ("container", "project", "words"),
    [
        (Container(volumes=["./nope:/m"]), None, "layer A mounts .*nope, which does not exist"),
        (Container(secrets={"t": "nope"}), None, "secret t of layer A is not there"),
        (Container(), "nope", "there is no directory nope to mount"),
        (Container(), "/", "/ is to be mounted and does not have main:F"),
        (Container(options=["--rm"]), None, "'--rm'"),
    ],
)
def test_what_is_not_there_is_named_before_anything_starts(
    mounts: Mounts, container: Container, project: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        mounts.check(container, project, "0:0", "layer A")
    assert caught.value.remedy


def test_what_the_containers_user_cannot_read_is_named(mounts: Mounts, tmp_path: Path) -> None:
    (tmp_path / "token").chmod(0o600)
    user = f"{os.getuid() + 1}:{os.getgid() + 1}"
    with pytest.raises(EngineError, match=f"user {user} of the containers cannot read secret t of layer A"):
        mounts.check(Container(secrets={"t": "token"}), None, user, "layer A")
    with pytest.raises(EngineError, match=f"user {user} of the containers cannot read token in {tmp_path}"):
        mounts.check(Container(), str(tmp_path), user, "layer A")


# A scheduler in a container


def test_paths_on_this_machine_are_the_engines_own(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert Host().path(str(tmp_path / "link" / "x")) == str(tmp_path / "x")


@pytest.mark.parametrize(
    ("path", "source"),
    [("/store", "/srv/store"), ("/store/a/b", "/srv/store/a/b"), ("/store/in/x", "/other/x"), ("/storeroom", None)],
)
def test_paths_in_a_container_are_those_of_its_mounts(path: str, source: str | None) -> None:
    host = Host(inside=True, mounts={"/store": "/srv/store", "/store/in": "/other"})
    assert host.path(path) == source


def test_a_store_that_only_this_container_has_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["main.py", "--name", "a b"])
    with pytest.raises(StoreError, match="is inside this container") as caught:
        Host(inside=True, image_name="my:image").store("/laminar/.laminar")
    assert "-v \"$PWD/.laminar:/laminar/.laminar\" my:image python main.py --name 'a b'" in caught.value.remedy
    with pytest.raises(StoreError, match="cannot be found out") as caught:
        Host(inside=True, known=False).store("/laminar/.laminar")
    assert "LAMINAR_HOST_DATASTORE" in caught.value.remedy
    monkeypatch.setenv("LAMINAR_HOST_DATASTORE", "a-volume")
    assert Host(inside=True, known=False).store("/laminar/.laminar") == "a-volume"


# What a container prints


def framed(*frames: bytes) -> bytes:
    """Output as the engine sends it to who is attached, from stdout and stderr in turns."""
    heads = (bytes([1 + number % 2, 0, 0, 0]) + len(frame).to_bytes(4, "big") for number, frame in enumerate(frames))
    return b"".join(head + frame for head, frame in zip(heads, frames, strict=True))


@given(st.lists(st.binary(max_size=20), max_size=6), st.lists(st.integers(0, 170), max_size=12))
def test_output_is_found_in_its_frames_wherever_they_are_cut(frames: list[bytes], places: list[int]) -> None:
    data = framed(*frames)
    at = sorted({0, len(data), *(place for place in places if place < len(data))})
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for start, end in itertools.pairwise(at):
            theirs.send(data[start:end])
        theirs.shutdown(socket.SHUT_WR)
        assert b"".join(printed(ours)) == b"".join(frames)


def test_output_that_ends_in_the_middle_of_a_frame_is_kept_up_to_there() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(framed(b"before", b"cut here, and not there")[:-11])
        theirs.close()
        assert b"".join(printed(ours)) == b"beforecut here, an"


def test_a_silent_stream_over_a_network_is_not_waited_for_when_the_other_end_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "docker"
    command.write_text(
        """#!/bin/sh\necho '{"NCPU": 1, "MemTotal": 1, "OSType": "linux", "Architecture": "x86_64"}'\n"""
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    engine = Engine()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        stream = ours.makefile("rb", buffering=0)
        api = SimpleNamespace(attach_socket=lambda name, params: stream, start=lambda name: None)
        engine._client = SimpleNamespace(api=api, close=lambda: None)
        assert engine.start("one") is not None
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 30
