"""What a layer's Container asks for reaches the engine; what cannot be had is said before anything starts."""

from __future__ import annotations

import os
import uuid

import pytest

MAIN = """
import os
from gate import meet
from laminar import Flow, Layer, layers

class F(Flow): ...

@F.register(container=layers.Container({container}))
class A(Layer):
    def __call__(self) -> None:
        self.result = {result}
        {last}
"""


def write(project, container="", result="None", last="meet('A')", imports=True):
    main = MAIN if imports else MAIN.replace("from gate import meet\n", "")
    project.write("main.py", main.format(container=container, result=result, last=last))


def inspected(project, engine, gate):
    """The engine's record of the layer's container while it runs, and how the flow ended."""
    running = project.start(*project.script, "schedule", "main:F", "--execution", "one")
    gate.wait(running)
    record = engine.inspect(engine.running("A"))
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    return record


def test_secrets_are_files_and_their_content_is_nowhere_else(project, engine, gate):
    secret = f"hunter-{uuid.uuid4().hex}"
    project.write("token.txt", secret)
    write(project, "secrets={'api': './token.txt'}", "len(open('/run/secrets/api').read())")
    record = inspected(project, engine, gate)
    assert project.value("F", "one", "A.result") == len(secret)
    assert secret not in str(record)
    (mounted,) = [mount for mount in record["Mounts"] if mount["Destination"].startswith("/run/secrets")]
    assert (mounted["Destination"], mounted["RW"]) == ("/run/secrets/api", False)
    kept = [path for path in project.store.rglob("*") if path.is_file() and secret in path.read_text(errors="replace")]
    assert kept == []
    records = [path.read_text() for path in project.store.glob("runs/F/one/**/*") if path.is_file()]
    assert not any("token.txt" in text for text in records)


def test_volumes_environment_and_options(project, engine, gate):
    volume = f"laminar-test-{uuid.uuid4().hex[:12]}"
    project.write("out/keep", "")
    (project.path / "out").chmod(0o777)
    container = (
        f"volumes=['./out:/out', '{volume}:/cache'], env={{'MINE': 'a=b c'}}, "
        "options=['--ulimit=nofile=123:456', '--add-host=db:10.0.0.1'], network='host'"
    )
    write(project, container, "[os.environ['MINE'], open('/out/made', 'w').write('x'), os.listdir('/cache')]")
    try:
        record = inspected(project, engine, gate)
    finally:
        engine.docker("volume", "rm", volume, check=False)
    assert project.value("F", "one", "A.result") == ["a=b c", 1, []]
    assert (project.path / "out/made").read_text() == "x"
    mounted = {mount["Destination"]: mount for mount in record["Mounts"]}
    assert (mounted["/out"]["Source"], mounted["/out"]["RW"]) == (str(project.path / "out"), True)
    assert (mounted["/cache"]["Type"], mounted["/cache"]["Name"]) == ("volume", volume)
    assert "MINE=a=b c" in record["Config"]["Env"]
    host = record["HostConfig"]
    assert [(limit["Name"], limit["Soft"], limit["Hard"]) for limit in host["Ulimits"]] == [("nofile", 123, 456)]
    assert host["ExtraHosts"] == ["db:10.0.0.1"]
    assert host["NetworkMode"] == "host"


def test_scratch_is_the_containers_own_and_gone_afterwards(project, engine):
    write(project, result="[os.access(self.scratch, os.W_OK), str(self.scratch)]", last="", imports=False)
    result = project.laminar("schedule", "main:F", "--execution", "one")
    assert result.code == 0, result.err
    writable, place = project.value("F", "one", "A.result")
    assert writable
    assert not os.path.exists(place)
    assert not [path for path in project.store.rglob("*") if "scratch" in path.name]


def test_memory_above_the_engines_is_a_warning_and_runs_alone(project, engine):
    engines = int(engine.docker("info", "--format={{.MemTotal}}")) >> 20
    write(project, f"memory={engines + 1000}", last="", imports=False)
    result = project.laminar("schedule", "main:F")
    assert result.code == 0, result.err
    assert f"asks for {engines + 1000} MiB and the engine has {engines}" in result.err


def test_gpus_that_the_engine_does_not_have(project, engine):
    if "nvidia" in engine.docker("info", "--format={{json .Runtimes}}"):
        pytest.skip("this engine has GPUs")
    write(project, "gpus='all'", last="", imports=False)
    result = project.laminar("schedule", "main:F")
    assert result.code in (1, 3), result.err
    result.fails(result.code, "could not select device driver", "gpu")


@pytest.mark.parametrize(
    ("container", "code", "words"),
    [
        ("volumes=['./nosuch:/data']", 2, ("nosuch", "does not exist", "container.volumes")),
        ("secrets={'api': 'nosuch.txt'}", 2, ("secret api", "nosuch.txt", "container.secrets")),
        ("options=['--rm']", 2, ("'--rm'", "sets itself")),
        ("options=['--user=0']", 2, ("'--user=0'", "Container(user=...)")),
        ("options=['-m', '1g']", 2, ("'-m'", "Container(memory=...)")),
        ("user='me'", 2, ("'me'", "1000:1000")),
    ],
    ids=["volume", "secret", "rm", "user", "memory", "name"],
)
def test_what_cannot_be_had_is_said_before_anything_starts(project, engine, container, code, words):
    write(project, container, last="", imports=False)
    result = project.laminar("schedule", "main:F")
    result.fails(code, "layer A", *words)
    assert engine.events("create") == []


@pytest.mark.parametrize(
    ("container", "words"),
    [("options=['--nosuch-option']", ("nosuch-option",)), ("network='nosuch'", ("network nosuch not found",))],
    ids=["option", "network"],
)
def test_what_the_engine_refuses_is_said_in_its_words(project, container, words):
    write(project, container, last="", imports=False)
    project.laminar("schedule", "main:F").fails(3, *words)
