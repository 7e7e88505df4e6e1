"""What a layer's container is like, asked of the engine while the layer runs."""

from __future__ import annotations

import os

import pytest

from tests.integration.conftest import docker

MAIN = """
import os
from gate import meet
from laminar import Flow, Layer, layers

class F(Flow): ...

@F.register(container=layers.Container(cpu=0.5, memory=300, shm_size=32, network="none", env={"MINE": "1"},
                                       volumes=["./data:/data:ro"], options=["--read-only"]))
class A(Layer):
    def __call__(self) -> None:
        self.data = open("/data/file").read()
        self.mine = os.environ["MINE"]
        self.user = [os.getuid(), os.getgid()]
        meet("A")

@F.register(container=layers.Container(cpu=0.5))
class B(Layer):
    def __call__(self) -> None:
        meet("B")
"""


def test_a_layer_gets_the_container_that_it_asks_for(project, engine, gate):
    project.write("main.py", MAIN)
    project.write("data/file", "content")
    running = project.start(*project.script, "schedule", "main:F", "--execution", "mine")
    assert {gate.wait(running), gate.wait(running)} == {"A", "B"}  # side by side: both fit into two cores
    a, b = (engine.inspect(engine.running(layer)) for layer in "AB")
    gate.open()
    gate.open()
    result = running.end()
    assert result.code == 0, result.err

    assert a["Id"] != b["Id"]
    labels = {name.removeprefix("laminar."): value for name, value in a["Config"]["Labels"].items()}
    wanted = {"flow": "F", "execution": "mine", "layer": "A", "index": "0", "attempt": "1"}
    assert {name: labels[name] for name in wanted} == wanted
    assert b["Config"]["Labels"]["laminar.layer"] == "B"
    assert a["Name"].startswith("/laminar-F-A-0-1-")

    owner = project.store.stat()
    for record, memory in ((a, 300), (b, 1500)):
        config, host = record["Config"], record["HostConfig"]
        assert config["Cmd"] == ["laminar", "execute", "--layer", record["Config"]["Labels"]["laminar.layer"]]
        assert config["Entrypoint"] is None
        assert config["User"] == f"{owner.st_uid}:{owner.st_gid}"
        assert config["WorkingDir"] == "/laminar"
        assert host["NanoCpus"] == 5e8
        assert host["Memory"] == host["MemorySwap"] == memory << 20
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["Init"]
        assert not host["AutoRemove"]
        assert not host["Privileged"]
        assert host["PidsLimit"] > 0
        assert {"HOME=/tmp", "USER=laminar"} <= set(config["Env"])
        mounted = {mount["Destination"]: (mount["Source"], mount["RW"]) for mount in record["Mounts"]}
        assert mounted.pop("/mnt/laminar") == (str(project.store), True)
        assert mounted.pop("/laminar") == (str(project.path), False)
        assert mounted == ({"/data": (str(project.path / "data"), False)} if record is a else {})
    assert a["HostConfig"]["ShmSize"] == 32 << 20
    assert a["HostConfig"]["NetworkMode"] == "none"
    assert a["HostConfig"]["ReadonlyRootfs"]
    assert project.value("F", "mine", "A.data") == "content"
    assert project.value("F", "mine", "A.mine") == "1"
    assert project.value("F", "mine", "A.user") == [owner.st_uid, owner.st_gid]


def test_layers_that_ask_for_all_cores_run_one_after_the_other(project, engine, gate):
    cores = engine.docker("info", "--format={{.NCPU}}").strip()
    project.write("main.py", MAIN.replace("cpu=0.5", f"cpu={cores}"))
    project.write("data/file", "content")
    running = project.start(*project.script, "schedule", "main:F")
    for _ in range(2):
        gate.wait(running)
        gate.open()
    assert running.end().code == 0
    happened = engine.events("start", "die")
    assert [event["action"] for event in happened] == ["start", "die", "start", "die"]


def test_volumes_that_an_image_has_made_go_with_their_container(project, engine, gate, image):
    project.write("main.py", MAIN)
    project.write("data/file", "content")
    source = ("--image", image("volume", "VOLUME /cache"), "--mount")
    running = project.start(*project.script, "schedule", "main:F", *source)
    gate.wait(running), gate.wait(running)
    made = [
        mount["Name"] for layer in "AB" for mount in engine.inspect(engine.running(layer))["Mounts"] if "Name" in mount
    ]
    gate.open()
    gate.open()
    assert running.end().code == 0
    assert len(made) == 2
    assert not set(made) & set(docker("volume", "ls", "--quiet").split())


def test_a_path_may_hold_what_command_lines_stumble_over(project, engine):
    project.path = project.path / 'a "b", c: $d'
    project.path.mkdir()
    project.write("main.py", MAIN.replace("from gate import meet", "meet = print"))
    project.write("data/file", "content")
    result = project.laminar("schedule", "main:F")
    assert result.code == 0, result.err
    assert project.value("F", result.execution, "A.data") == "content"


def test_nothing_in_the_store_is_roots(project, engine, as_user):
    project.write("main.py", MAIN.replace("from gate import meet", "meet = print") + "        self.big = bytes(5000)\n")
    project.write("data/file", "content")
    as_user(os.stat("/var/run/docker.sock").st_gid)
    result = project.laminar("schedule", "main:F")
    assert result.code == 0, result.err
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in (project.store, *project.store.rglob("*"))}
    wanted = (os.getuid(), os.getgid()) if os.getuid() else (1000, 1000)
    assert owners == {wanted}
    assert project.value("F", result.execution, "A.user") == list(wanted)


def test_a_store_that_root_uses_stays_its_owners(project, engine):
    if os.getuid():
        pytest.skip("only root can write into a store of another user")
    project.write("main.py", MAIN.replace("from gate import meet", "meet = print"))
    project.write("data/file", "content")
    project.store.mkdir()
    os.chown(project.store, 1000, 1000)
    result = project.laminar("schedule", "main:F")
    assert result.code == 0, result.err
    assert {path.stat().st_uid for path in project.store.rglob("*")} == {1000}
