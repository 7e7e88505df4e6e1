"""Which containers are made before their turn. How those are used is in tests/integration/test_ahead.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from laminar.executors.docker_ahead import Ahead
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
