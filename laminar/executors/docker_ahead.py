"""Containers that are made before the turn of their attempts has come: `docker create` now, `docker start` then."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from laminar.errors import EngineError
from laminar.executors.docker_command import create_command
from laminar.executors.docker_engine import Engine
from laminar.executors.docker_mounts import volume_source
from laminar.executors.workers import Workers
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import Task

_MAKING_S = 5.0


class _Made(NamedTuple):
    """A container that has not run. Its id is no other's, whatever its name has come to stand for."""

    identity: str
    command: list[str]


Making = Future[_Made | None]
"""Its result is None where it could not be made: what is wrong will be said when the attempt is run."""


class Ahead:
    """Those of one launch: none of them runs, none is anybody's result, and what goes wrong with one is no error.

    Args:
        engine: Has them.
        workers: Threads to make and remove them in.
        command: The `docker run` command of an attempt.
    """

    def __init__(self, engine: Engine, workers: Workers, command: Callable[[Task, Configuration], list[str]]) -> None:
        self._engine = engine
        self._workers = workers
        self._command = command
        self._expected: dict[Task, Making] = {}
        self._there: set[Making] = set()

    def expect(self, upcoming: Mapping[Task, Configuration]) -> None:
        """Have a container for each of these that may have one by now, and for no other. From one thread, as `take`."""
        for task in self._expected.keys() - upcoming.keys():
            self._workers.start(partial(self._remove, self._expected.pop(task)))
        for task, configuration in upcoming.items():
            if task not in self._expected and _may_be_early(configuration.container):
                making: Making = Future()
                self._expected[task] = making
                self._there.add(making)
                self._workers.start(partial(self._make, making, task, configuration))

    def take(self, task: Task) -> Making | None:
        """What is made for an attempt that has its turn now, to be given to `identity`; None where nothing is."""
        return self._expected.pop(task, None)

    def identity(self, making: Making, command: list[str]) -> str:
        """The id of a container, once it is made; empty where there is none that `command` would have made."""
        made = making.result()
        if made is not None and made.command != command:  # what it was made from has changed since
            self._remove(making)
            return ""
        self._there.discard(making)
        return made.identity if made else ""

    def identities(self) -> list[str]:
        """Those that are there, and those that soon will be, for who is about to leave."""
        made = wait(list(self._there), _MAKING_S).done
        return [made.identity for made in (making.result() for making in made) if made]

    def _make(self, making: Making, task: Task, configuration: Configuration) -> None:
        made = None
        with suppress(Exception):
            command = self._command(task, configuration)
            done = subprocess.run(
                create_command(command),
                capture_output=True,
                stdin=subprocess.DEVNULL,
                text=True,
                start_new_session=True,  # Ctrl-C at the terminal would end the client, and not what it began
            )
            if done.returncode == 0:
                made = _Made(done.stdout.strip(), command)
        making.set_result(made)

    def _remove(self, making: Making) -> None:
        if made := making.result():
            with suppress(EngineError):  # what is left when the launch ends is removed then
                self._engine.remove(made.identity)
        self._there.discard(making)


def _may_be_early(container: Container) -> bool:
    """Whether a container is the same whenever it is made: what runs by now may write what its making takes in.

    That is files and variables that options name (`--env-file`), and what others have put into a volume: the engine fills an
    empty one from the image.
    """
    return not container.options and all(is_path for _, is_path in map(volume_source, container.volumes))
