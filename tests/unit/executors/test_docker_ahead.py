"""Which containers are made before their turn. How those are used is in tests/integration/test_ahead.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from laminar.engine.executor import Job
from laminar.executors.docker_ahead import Ahead
from laminar.executors.docker_command import Place
from laminar.executors.docker_containers import Containers
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import Task

TASK = Task(target="main:F", execution="x", layer="A", datastore="/s")


class Asked:
    """Workers that only count what they are to do."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def start(self, call: Callable[[], None]) -> None:
        self.calls.append(call)


@pytest.mark.parametrize(
    ("container", "early"),
    [
        ({}, True),
        ({"env": {"A": "b"}, "secrets": {"key": "key.txt"}, "volumes": ["/data:/data", "./in:/in:ro"]}, True),
        ({"options": ["--env-file=words"]}, False),
        ({"options": ["--env=WORD"]}, False),
        ({"volumes": ["/data:/data", "cache:/cache"]}, False),
    ],
    ids=repr,
)
def test_what_its_making_takes_in_is_taken_in_in_its_turn(container: Any, early: bool) -> None:
    """The layer before it may write a file of variables, and fill a volume that the engine fills while it is empty."""
    workers: Any = Asked()
    ahead = Ahead(None, workers, lambda task, configuration: [])  # type: ignore[arg-type]
    ahead.expect({TASK: Configuration(container=Container(**container))})
    assert [len(workers.calls), ahead.take(TASK) is not None] == [int(early), early]


class Engine:
    """Notes what it is to start and to remove."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def start(self, name: str) -> None:
        self.asked.append(f"start {name}")

    def remove(self, name: str) -> None:
        self.asked.append(f"remove {name}")

    def state(self, name: str) -> None: ...

    def containers(self, labels: object) -> dict[str, dict[str, str]]:
        return {}

    def connect(self) -> None: ...

    def close(self) -> None: ...


def test_who_is_taken_over_starts_nothing_that_is_still_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command, made = tmp_path / "docker", tmp_path / "made"
    command.write_text(f"""#!/bin/sh\necho "$1" >> {tmp_path}/calls\n[ "$1" = run ] || cat {made}\n""")
    command.chmod(0o755)
    os.mkfifo(made)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    engine: Any = Engine()
    containers = Containers(
        engine, Place("F", "/s", "1:1"), "x", lambda task, configuration: ["docker", "run", "image"]
    )
    identities = Ahead.identities

    def while_it_is_made(ahead: Ahead) -> list[str]:
        made.write_text("its id\n")
        return identities(ahead)

    monkeypatch.setattr(Ahead, "identities", while_it_is_made)
    containers.expect({TASK: Configuration()})
    containers.submit(Job(TASK, Configuration(), lambda data: None, lambda: None), lambda job, exit_: None)
    containers.leave()
    containers.close()
    assert "remove its id" in engine.asked
    assert "start its id" not in engine.asked
    assert (tmp_path / "calls").read_text() == "create\n"
