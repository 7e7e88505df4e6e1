"""One layer, evaluated in a container that a person starts; and containers that are configured to reach `flow()`."""

from __future__ import annotations

import os

import pytest

from laminar.version import WIRE_VERSION

MAIN = """
import os
from laminar import Flow, Layer, layers

class Other(Flow): ...

class F(Flow): ...

@Other.register
@F.register
class A(Layer):
    def __call__(self) -> None:
        self.value = 1

@F.register
class B(Layer):
    def __call__(self, a: A) -> None:
        self.value = a.value + int(os.environ["HAND"])
        self.attempt_was = self.attempt

if other := Other():
    other()

if flow := F():
    flow()
"""

ENVIRONMENT = {"LAMINAR_TARGET": "main:F", "LAMINAR_DATASTORE": "/mnt/laminar", "LAMINAR_WIRE": str(WIRE_VERSION)}


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        (["laminar", "execute", "--layer", "B"], {"LAMINAR_EXECUTION": "mine", "LAMINAR_ATTEMPT": "2", **ENVIRONMENT}),
        (["laminar", "execute", "--layer=B", "--target=main:F", "--execution=mine", "--datastore=/mnt/laminar"], {}),
        (
            ["python", "main.py"],
            {"LAMINAR_LAYER": "B", "LAMINAR_EXECUTION": "mine", "LAMINAR_ATTEMPT": "2", **ENVIRONMENT},
        ),
    ],
    ids=["variables", "options", "program"],
)
def test_a_layer_is_evaluated_and_committed(project, engine, command, variables):
    project.write("main.py", MAIN)
    failed = project.laminar("schedule", "main:F", "--execution", "mine")
    failed.fails(1, "B/0 failed at attempt 1: KeyError: 'HAND'", users="KeyError: 'HAND'")
    assert project.states("F", "mine") == {"A": "committed", "B": "attempts [1]"}

    mounts = [f"--mount=type=bind,source={project.store},target=/mnt/laminar"]
    mounts += [f"--mount=type=bind,source={project.path},target=/laminar,readonly"]
    environment = [f"--env={name}={value}" for name, value in {**variables, "HAND": "41"}.items()]
    user = f"--user={os.getuid()}:{os.getgid()}"
    engine.docker("run", "--rm", user, *mounts, *environment, engine.image, *command)

    assert project.states("F", "mine") == {"A": "committed", "B": "committed"}
    assert project.value("F", "mine", "B.value") == 42
    assert project.value("F", "mine", "B.attempt_was") == (2 if variables else 1)
    assert not (project.store / "runs/Other").exists()


def test_a_container_may_be_configured_to_run_the_program(project, engine):
    """Both flows of the file: the second flow's container passes by the first, and is not recorded as that one's."""
    container = 'container=layers.Container(command=["python", "main.py"], env={"HAND": "41"})'
    project.write("main.py", MAIN.replace(".register\n", f".register({container})\n"))
    result = project.python("main.py")
    assert result.code == 0, result.err
    ran = engine.events("start")
    assert [(event["laminar.flow"], event["laminar.layer"]) for event in ran] == [
        ("Other", "A"),
        ("F", "A"),
        ("F", "B"),
    ]
    (other,) = project.store.glob("runs/Other/*")
    (run,) = project.store.glob("runs/F/*")
    assert project.states("Other", other.name) == {"A": "committed"}
    assert project.value("F", run.name, "B.value") == 42


def test_a_program_that_reaches_no_flow_has_not_succeeded(project, engine):
    container = 'container=layers.Container(command=["python", "-c", "print(1)"])'
    project.write("main.py", MAIN.replace(".register\n", f".register({container})\n"))
    result = project.laminar("schedule", "main:F")
    result.fails(1, "A/0 failed at attempt 1: exited 0 without committing", "flow()")
    assert project.states("F", result.execution) == {"A": "attempts [1]"}
