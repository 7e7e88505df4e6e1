"""What bad input gets with Docker: one message with the remedy, the exit code, no frame of laminar's, no container."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from laminar.version import WIRE_VERSION

MAIN = """
from laminar import Flow, Layer, layers

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None:
        self.value = 1

@F.register(CONFIGURATION)
class B(Layer):
    def __call__(self, a: A) -> None:
        self.value = a.value + 1
"""


def flow(configuration=""):
    return MAIN.replace("CONFIGURATION", configuration)


def test_image_that_does_not_exist(project):
    project.write("main.py", flow())
    result = project.laminar("schedule", "main:F", "--image", "laminar-test/no-such-image:1")
    result.fails(3, "no image laminar-test/no-such-image:1", "docker build -t laminar-test/no-such-image:1", "--image")
    assert result.out == ""


def test_image_without_laminar(project, image):
    project.write("main.py", flow())
    name = image("no-laminar", "RUN rm -r /opt/laminar")
    result = project.laminar("schedule", "main:F", "--image", name)
    result.fails(3, "no laminar in it", "FROM laminar:", "RUN pip install laminar==")


def test_image_of_another_wire_version(project, image):
    project.write("main.py", flow())
    newer = (
        "sed -i 's/^WIRE_VERSION = .*/WIRE_VERSION = 999/' /opt/laminar/lib/python3*/site-packages/laminar/version.py"
    )
    result = project.laminar("schedule", "main:F", "--mount", "--image", image("other-wire", f"RUN {newer}"))
    result.fails(3, "999", f"speaks {WIRE_VERSION}", "laminar")
    assert not list(project.store.glob("**/COMMIT"))


def test_image_with_other_code(project, image):
    name = image("other-code", "COPY . ./", main=flow().replace("a.value + 1", "a.value + 2"))
    project.write("main.py", flow())
    result = project.laminar("schedule", "main:F", "--image", name)
    result.fails(3, "holds other code", "layer B", "Rebuild", "--allow-skew")
    assert "layers A" not in result.err
    allowed = project.laminar("schedule", "main:F", "--image", name, "--allow-skew")
    assert allowed.code == 0, allowed.err
    assert project.value("F", allowed.execution, "B.value") == 3


def test_image_without_a_module_that_the_flow_imports(project):
    project.write("main.py", "import here\n" + flow())
    project.write("elsewhere/here.py", "")
    result = project.laminar("schedule", "main:F", PYTHONPATH="elsewhere")
    result.fails(
        3,
        "importing main needs 'here', which is not installed here",
        "requirements.txt",
        users="ModuleNotFoundError: No module named 'here'",
    )
    assert 'File "/laminar/main.py", line 1' in result.err


CONTAINERS = {
    # layers.Container(...) of B: exit code, words
    'command=["nope"]': (3, ["cannot run 'nope'", "container.command"]),
    'command=["/etc/passwd"]': (3, ["cannot run '/etc/passwd'", "Permission denied", "container.command"]),
    'command=["false"]': (1, ["B/0 failed at attempt 1: exited 1 without committing"]),
    'volumes=["/no/such:/data"]': (2, ["layer B mounts /no/such, which does not exist", "Create it"]),
    'options=["--no-such-option"]': (3, ["B/0 cannot be started", "unknown flag: --no-such-option", "layer B"]),
    'network="no-such-network"': (3, ["B/0 cannot be started", "network no-such-network not found", "layer B"]),
    'image="laminar-test/none"': (3, ["no image laminar-test/none (layer B)", "docker build"]),
    'user="someone"': (2, ["layer B has container.user = 'someone'", "UID:GID"]),
    'user="4321:4321"': (3, ["who cannot write to it", "4321:4321", "Take user= out", "chown"]),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_container_that_cannot_run(project, engine, container):
    code, words = CONTAINERS[container]
    project.write("main.py", flow(f"container=layers.Container({container})"))
    result = project.laminar("schedule", "main:F")
    result.fails(code, *words)
    # Known before the first layer, or B's one and only attempt; one made ahead is made anew, to be sure.
    made = [(event["laminar.layer"], event["laminar.attempt"]) for event in engine.events("create")]
    assert set(made) <= {("A", "1"), ("B", "1")}
    assert len(made) <= 3
    assert "attempt 2" not in result.err


def test_layer_that_raises(project):
    source = flow().replace("a.value + 1", "a.value / 0").strip()
    project.write("main.py", source)
    line = 1 + source[: source.index("a.value / 0")].count("\n")
    result = project.laminar("schedule", "main:F")
    result.fails(1, "B/0 failed at attempt 1: ZeroDivisionError", users="\nZeroDivisionError: division by zero")
    assert f'File "/laminar/main.py", line {line}, in __call__' in result.err
    assert "last lines of its log" not in result.err  # it ends with the same traceback, and has nothing else
    assert project.states("F", result.execution) == {"A": "committed", "B": "attempts [1]"}


def test_artifact_that_cannot_be_pickled(project):
    project.write("main.py", flow("retry=layers.Retry(attempts=3)").replace("a.value + 1", "[0, (x for x in 'a')]"))
    result = project.laminar("schedule", "main:F")
    result.fails(1, "B/0 failed at attempt 1: artifact 'value' of layer B", "the value[1] is a generator")
    assert project.states("F", result.execution) == {"A": "committed", "B": "attempts [1]"}  # no further try can help


def test_no_engine(project, tmp_path):
    project.write("main.py", flow())
    result = project.laminar("schedule", "main:F", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    result.fails(3, "no Docker engine answers", f"{tmp_path}/none.sock", "--executor process")
    assert result.out == ""
    bin_ = os.path.dirname(sys.executable)
    project.laminar("schedule", "main:F", PATH=bin_).fails(3, "no docker command", "--executor process")


def test_engine_that_this_user_may_not_use(project, as_user, tmp_path):
    project.write("main.py", flow())
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(tmp_path / "docker.sock"))
        engine.listen()
        (tmp_path / "docker.sock").chmod(0)
        as_user()
        result = project.laminar("schedule", "main:F", DOCKER_HOST=f"unix://{tmp_path}/docker.sock")
    result.fails(3, "this user may not use the Docker engine", "usermod -aG docker", "--executor process")


def test_store_that_is_not_writable(project, as_user):
    project.write("main.py", flow())
    as_user(os.stat("/var/run/docker.sock").st_gid)
    project.store.mkdir(0o555)
    project.laminar("schedule", "main:F").fails(3, f"cannot write {project.store}", "Permission denied", "--datastore")
    project.laminar("schedule", "main:F", "--datastore", ".laminar/deeper").fails(3, "Permission denied", "--datastore")


def test_project_that_the_containers_user_cannot_read(project):
    project.write("main.py", flow('container=layers.Container(user="4321:4321")'))
    project.store.mkdir()
    project.store.chmod(0o777)
    (project.path / "main.py").chmod(0o600)
    result = project.laminar("schedule", "main:F")
    result.fails(3, "user 4321:4321 of the containers cannot read main.py", "chmod", "user=")
