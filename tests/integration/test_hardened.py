"""`--hardened`: containers without capabilities, on a read-only file system."""

from __future__ import annotations

import json
import os

import pytest

MAIN = """
import multiprocessing, os, tempfile
from laminar import Flow, Layer, layers

class F(Flow): ...

@F.register(container=layers.Container(volumes=["DATA:/data"], secrets={"token": "token"}, options=OPTIONS))
class A(Layer):
    def __call__(self) -> None:
        places = [self.scratch, os.environ["HOME"], tempfile.gettempdir(), "/data", "/dev/shm"]
        for number, place in enumerate(places):
            with open(os.path.join(place, "written"), "w") as file:
                file.write(str(number))
        multiprocessing.Lock()
        with open("/proc/self/status") as status:
            self.capabilities = [line.split()[1] for line in status if line.startswith("Cap")]
        self.token = open("/run/secrets/token").read()
        self.user = os.getuid()
        self.large = b"x" * 5000

@F.register(CONFIGURATION)
class B(Layer):
    def __call__(self, a: A) -> None:
        BODY
        self.size = len(a.large)
"""


@pytest.fixture
def flow(project):
    """Writes a flow whose first layer uses all that a hardened container offers."""
    data = project.path.parent / "data"
    data.mkdir()
    data.chmod(0o777)
    (project.path / "token").write_text("secret")

    def write(body="pass", configuration="", options=()):
        text = MAIN.replace("BODY", body).replace("CONFIGURATION", configuration).replace("OPTIONS", repr(options))
        project.write("main.py", text.replace("DATA", str(data)))
        return data

    return write


def test_layers_work_without_capabilities_and_on_a_read_only_file_system(project, flow, engine, image):
    data = flow()
    name = image("hardened", "COPY main.py ./", main=(project.path / "main.py").read_text())
    result = project.laminar("schedule", "main:F", "--image", name, "--hardened", "--execution", "one")
    assert result.code == 0, result.err
    assert "docker, hardened · " in result.err
    assert set(project.value("F", "one", "A.capabilities")) == {"0" * 16}
    assert project.value("F", "one", "A.token") == "secret"
    assert project.value("F", "one", "B.size") == 5000
    assert (data / "written").read_text() == "3"
    assert project.ledger("F", "one").latest_launch()["engine"]["hardened"] is True


@pytest.mark.parametrize("path", ["/opt/x", "/laminar/x"])
def test_writing_elsewhere_is_an_error_that_says_where_to_write(project, flow, path):
    flow(f"open({path!r}, 'w')")
    result = project.laminar("schedule", "main:F", LAMINAR_HARDENED="1")
    where = f"Read-only file system: '{path}'"
    result.fails(1, f"B/0 failed at attempt 1: OSError: [Errno 30] {where}", "self.scratch", users=where)


def test_what_is_in_tmp_is_memory_of_the_container(project, flow):
    flow("open(self.scratch + '/x', 'wb').write(bytes(300 << 20))", "container=layers.Container(memory=100)")
    project.laminar("schedule", "main:F", "--hardened").fails(1, "out of memory at 100 MiB")


def test_a_single_thing_can_be_given_back(project, flow):
    body = "assert not os.statvfs('/tmp').f_flag & os.ST_NOEXEC; open('/var/tmp/x', 'w'); os.chown('/tmp', 7, 7)"
    options = ["--tmpfs=/tmp:exec", "--tmpfs=/var/tmp", "--cap-add=CHOWN"]
    flow(body, f"container=layers.Container(options={options})")
    result = project.laminar("schedule", "main:F", "--hardened")
    assert result.code == 0, result.err


def test_options_that_would_undo_it_are_refused(project, flow):
    flow(options=["--privileged"])
    result = project.laminar("schedule", "main:F", "--hardened")
    result.fails(2, "layer A has '--privileged' in container.options, and containers are to be hardened")


def test_the_store_of_another_user(project, flow):
    """Root without capabilities could not write to it, so containers run as its owner, and root is refused by name."""
    if os.geteuid():
        pytest.skip("needs root, to have a store of another user")
    flow()
    project.store.mkdir()
    os.chown(project.store, 1000, 1000)
    result = project.laminar("schedule", "main:F", "--hardened", "--execution", "one")
    assert result.code == 0, result.err
    assert project.value("F", "one", "A.user") == 1000
    flow(configuration="container=layers.Container(user='0')")
    result = project.laminar("schedule", "main:F", "--hardened")
    result.fails(3, "the datastore belongs to user 1000, and layer B runs as root", "Take user= out")


def test_a_resume_is_hardened_as_the_run_that_it_goes_on_with_was(project, flow, engine):
    flow("open('/opt/x', 'w')")
    for command in (["schedule", "main:F", "--hardened", "--execution", "one"], ["resume", "one"]):
        assert project.laminar(*command).code == 1
    project.write("program.py", "from main import F\nif flow := F():\n    flow(execution='two')")
    assert project.python("program.py", LAMINAR_HARDENED="1").code == 1
    assert project.laminar("resume", "two").code == 1
    for execution in ("one", "two"):
        launches = project.ledger("F", execution).launches()
        assert [launch["engine"]["hardened"] for launch in launches] == [True, True]


def test_without_containers_the_setting_says_nothing(project, flow):
    project.write("laminar.yaml", json.dumps({"hardened": True, "executor": "thread"}))
    flow()
    result = project.laminar("schedule", "main:F")
    assert "warning: hardened (laminar.yaml): nothing to the thread executor, which has no containers" in result.err
