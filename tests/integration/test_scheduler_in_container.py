"""The scheduler in a container of the engine that runs its layers: the socket and the store are mounted into it."""

from __future__ import annotations

import os
import re
import uuid

import pytest

SOCKET = "/var/run/docker.sock"
STORE = "/laminar/.laminar"
MAIN = """
import os
from laminar import Flow, Layer

class HelloFlow(Flow): ...

@HelloFlow.register
class A(Layer):
    def __call__(self) -> None:
        self.user = os.getuid()
        print("in A")

@HelloFlow.register
class B(Layer):
    def __call__(self, a: A) -> None:
        self.after = a.user

if flow := HelloFlow():
    flow()
"""
PROGRAM = ("python", "main.py")
COMMAND = ("laminar", "schedule", "main:HelloFlow")


@pytest.fixture(scope="session")
def hello(image):
    return image("scheduler", "COPY main.py ./", main=MAIN)


@pytest.fixture(params=[0, 1000], ids=["root", "user"])
def user(request, project):
    """The user of the scheduler's container, who owns the store; root, or one who is in the socket's group."""
    if os.getuid() and request.param != os.getuid():
        pytest.skip("only root can make a store of another user")
    project.store.mkdir()
    os.chown(project.store, request.param, request.param)
    return request.param


def run(project, *arguments, user=0, socket=True, store=None):
    """`docker run` as the deployment page has it."""
    group = os.stat(SOCKET).st_gid
    return project.run(
        "docker",
        "run",
        "--rm",
        *([f"--volume={SOCKET}:{SOCKET}"] if socket else []),
        *([f"--volume={store}:{STORE}"] if store else []),
        *([f"--user={user}:{user}", f"--group-add={group}"] if user else []),
        *arguments,
    )


@pytest.mark.parametrize("command", [PROGRAM, COMMAND], ids=["program", "command"])
def test_layers_are_siblings_from_the_same_image_on_the_same_store(project, engine, hello, user, command):
    result = run(project, hello, *command, user=user, store=project.store)
    assert result.code == 0, result.err
    (execution,) = os.listdir(project.store / "runs/HelloFlow")
    if command == COMMAND:
        assert result.execution == execution
    ended = engine.events("die")
    assert sorted(event["laminar.layer"] for event in ended) == ["A", "B"]
    assert {event["image"] for event in ended} == {engine.inspect(hello)["Id"]}
    assert project.value("HelloFlow", execution, "B.after") == user
    assert project.log("HelloFlow", execution, "A") == "in A\n"
    assert {path.stat().st_uid for path in project.store.rglob("*")} == {user}


def test_the_image_that_was_built_last_does_not_replace_the_schedulers_own(project, engine, hello):
    project.write(".laminar/build.json", '{"image": "laminar-test:nosuch"}')
    result = run(project, hello, *COMMAND, store=project.store)
    assert result.code == 0, result.err
    assert {event["image"] for event in engine.events("die")} == {engine.inspect(hello)["Id"]}


def test_mounted_project_is_mounted_into_the_layers_too(project, engine, hello):
    project.write("main.py", MAIN.replace("in A", "edited"))
    source = f"--volume={project.path}:/laminar"
    result = run(project, source, hello, *COMMAND, "--mount")
    assert result.code == 0, result.err
    assert project.log("HelloFlow", result.execution, "A") == "edited\n"


def test_without_a_store_mount_the_error_has_the_whole_command(project, engine, hello):
    result = run(project, hello, *COMMAND, "-p", "name=it's me")
    result.fails(3, STORE, "Mount it:")
    assert engine.events("start") == []
    done = pasted(project, result, hello)
    assert done.code == 0, done.err
    assert project.states("HelloFlow", done.execution) == {"A": "committed", "B": "committed"}


def test_without_the_socket_the_error_has_the_whole_command(project, engine, hello):
    result = run(project, hello, *PROGRAM, socket=False, store=project.store)
    result.fails(3, "reaches no Docker engine", SOCKET, "--executor process")
    assert "IMAGE python main.py" in result.err
    done = pasted(project, result, hello)
    assert done.code == 0, done.err
    assert len(engine.events("die")) == 2


def pasted(project, result, image):
    """What the command in an error does, in a shell; the container of the scheduler is not to stay, here."""
    (line,) = re.findall(r"^ +(.*docker run .*)$", result.err, re.MULTILINE)
    return project.run("bash", "-c", line.replace("docker run", "docker run --rm").replace(" IMAGE ", f" {image} "))


@pytest.mark.parametrize("user", [1000], indirect=True)  # root may use every socket
def test_a_socket_that_the_schedulers_user_may_not_use(project, engine, hello, user):
    arguments = (f"--volume={SOCKET}:{SOCKET}", f"--user={user}:{user}")
    result = run(project, *arguments, hello, *COMMAND, socket=False, store=project.store)
    result.fails(3, "may not use the Docker engine", "the group of the engine's socket")
    done = pasted(project, result, hello)
    assert done.code == 0, done.err
    assert {path.stat().st_uid for path in project.store.rglob("*")} == {user}


def test_the_datastore_on_the_host_may_be_named(project, engine, hello):
    """For containers whose mounts the engine's record does not show, such as one in a pod of Kubernetes."""
    project.store.mkdir()
    named = f"--env=LAMINAR_HOST_DATASTORE={project.store}"
    result = run(project, named, hello, *COMMAND, store=project.store)
    assert result.code == 0, result.err
    assert len(engine.events("die")) == 2


def test_a_named_volume_may_be_the_store(project, engine, hello):
    volume = f"laminar-test-{uuid.uuid4().hex[:12]}"
    engine.docker("volume", "create", volume)
    try:
        result = run(project, hello, *COMMAND, store=volume)
        assert result.code == 0, result.err
        again = f"import main; print(main.HelloFlow().execution({result.execution!r}).layer(main.B).after)"
        assert run(project, hello, "python", "-c", again, store=volume).out == "0\n"
    finally:
        engine.docker("volume", "rm", volume)
