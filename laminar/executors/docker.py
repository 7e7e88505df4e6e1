"""Layers in containers: for each attempt, one `docker run IMAGE laminar execute --layer NAME`."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import suppress
from typing import Any

from laminar.engine.executor import Capacity, Executor, Exit, Job, Launch, Report
from laminar.errors import EngineError, UsageError
from laminar.executors.docker_command import LABEL, STORE, Place, container_name, docker_command, mount, store_label
from laminar.executors.docker_engine import Engine, State
from laminar.executors.output import follow
from laminar.executors.workers import Workers
from laminar.model.configuration import Container
from laminar.model.names import execution_id
from laminar.version import __version__

BASE_IMAGE = f"laminar:{__version__}"
"""The image of this laminar version; where no image is named it runs the project, mounted read-only."""

_GRACE_S = 10


class Docker(Executor):
    """Shells out to `docker run` for each attempt and waits for it; a client that dies does not end the attempt.

    Args:
        image: Image of every layer whose Container names none; laminar's own, with the project mounted, where none is given.
        concurrency: Containers at one time, at most; what the engine's cores and memory allow where none is given.
        images: Layer -> image, above all else.
    """

    name = "docker"

    def __init__(
        self, image: str | None = None, concurrency: int | None = None, images: dict[str, str] | None = None
    ) -> None:
        self.image = image
        self.concurrency = concurrency
        self.images = images or {}

    def open(self, launch: Launch) -> None:
        """Find the engine, the images and the store, before anything starts.

        Raises:
            EngineError: No engine, or no such image.
            StoreError: A container's user cannot write to the store.
            UsageError: The store is not one that a container can see.
        """
        store = launch.datastore
        owner = store.owner()
        if not store.url or owner is None:
            raise UsageError(
                f"the {store!r} datastore cannot be mounted into a container.",
                remedy="Use a datastore in a directory, or the thread executor: --executor thread.",
            )
        self._launch = launch
        self._workers = Workers("laminar-docker")
        self._ids: dict[str, str] = {}
        self._mounts: dict[str, tuple[str, ...]] = {}
        self._names: dict[Job, str] = {}
        self._engine = Engine()
        self._place = Place(launch.flow, os.path.realpath(store.url), f"{owner[0]}:{owner[1]}")
        found: dict[str, str] = {}
        for layer, container in launch.containers.items():
            image = self.images.get(layer) or container.image or self.image or BASE_IMAGE
            if image not in found:
                found[image] = self._engine.image_id(image, f"of layer {layer}")
            self._ids[layer] = found[image]
            self._mounts[layer] = _project(launch, container, image)
            if container.user:
                store.check(_uid_gid(container.user, layer))
        self._title = ", ".join(f"{image}@{identity[:19]}…" for image, identity in found.items())

    def capacity(self) -> Capacity:
        """The engine's cores and memory, as `docker info` has them."""
        return Capacity(cpu=self._engine.cpus, memory=self._engine.memory, jobs=self.concurrency)

    def submit(self, job: Job, report: Report) -> None:
        """Start a container."""
        layer = job.task.layer
        container = job.configuration.container
        command = docker_command(job.task, container, self._place, self._ids[layer], self._mounts[layer])
        name = self._names[job] = container_name(job.task, self._place)
        self._workers.start(lambda: self._run(job, name, command, report))

    def cancel(self, job: Job) -> None:
        """Stop the container, never the client: killing that leaves the container running."""
        name = self._names.get(job)
        if name is not None:
            self._workers.start(lambda: self._stop(name))

    def close(self) -> None:
        """Remove what is left of this execution's containers."""
        self._workers.close(timeout_s=_GRACE_S)
        labels = {
            f"{LABEL}.flow": self._launch.flow,
            f"{LABEL}.execution": execution_id(self._launch.execution),
            f"{LABEL}.store": store_label(self._place.store),
        }
        for name in self._engine.containers(labels):
            self._engine.remove(name)
        self._engine.close()

    def datastore(self, store: object) -> str:
        """Where the store is mounted."""
        return STORE

    def facts(self) -> dict[str, Any]:
        """Image ids by layer."""
        return {"images": dict(self._ids)}

    @property
    def summary(self) -> str:
        """The engine and the images."""
        return f"docker · {self._title}"

    def _run(self, job: Job, name: str, command: list[str], report: Report) -> None:
        """Run the client to its end, then ask the engine how the container ended. In a thread of its own."""
        try:
            code, last = _attach(job, command)
            state = self._engine.state(name)
            while state is not None and state.status == "running":  # the client died, the container did not
                self._engine.wait(name)
                state = self._engine.state(name)
            exit_ = _exit(code, state, last, job)
        except EngineError:
            exit_ = Exit(vanished=True)
        except OSError as error:
            exit_ = Exit(
                error=EngineError(f"cannot start the docker command: {error}", remedy="Check its installation.")
            )
        self._names.pop(job, None)
        report(job, exit_)
        with suppress(EngineError):  # close() sweeps what is left
            self._engine.remove(name)

    def _stop(self, name: str) -> None:
        with suppress(EngineError):
            self._engine.stop(name, _GRACE_S)


def _attach(job: Job, command: list[str]) -> tuple[int, str]:
    """Run the client and pass on what it prints; returns its exit code and its last words."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C at the terminal is the scheduler's to handle
    ) as client:
        assert client.stdout is not None
        last = follow(client.stdout.fileno(), job)
    return client.returncode, last.decode("utf-8", "replace")


def _exit(code: int, state: State | None, last: str, job: Job) -> Exit:
    """How the attempt ended, from the client's exit code and the engine's state of the container."""
    if state is None:
        return (
            Exit(error=_start_error(last, job)) if code == 125 and "Cannot connect" not in last else Exit(vanished=True)
        )
    if state.status == "created":
        return Exit(code=state.code, error=_start_error(state.error or last, job))
    if state.code in (126, 127) and (tini := _TINI.search(last)):
        return Exit(code=state.code, error=_no_command(tini.group(1), job))
    return Exit(code=state.code, oom=state.oom)


_TINI = re.compile(r"^\[FATAL tini \(\d+\)\] exec (.+) failed: ", re.MULTILINE)
"""What the engine's init says where the image has no such command."""


def _start_error(said: str, job: Job) -> EngineError:
    """Why a container could not be started, in words."""
    message = re.sub(r"\s+", " ", said.split("docker: ")[-1].split("Run 'docker run --help'")[0]).strip()
    message = message.removeprefix("Error response from daemon: ")
    return EngineError(
        f"the container of {job.task.address} cannot be started: {message}",
        remedy=f"Check the Container of layer {job.task.layer}.",
    )


def _no_command(command: str, job: Job) -> EngineError:
    if command == "laminar":
        return EngineError(
            f"the image of layer {job.task.layer} has no laminar in it.",
            remedy=f"Begin its Dockerfile with FROM {BASE_IMAGE}, or add: RUN pip install laminar=={__version__}",
        )
    return EngineError(
        f"the image of layer {job.task.layer} has no command {command!r}.",
        remedy="Correct container.command, or install the command in the image.",
    )


def _project(launch: Launch, container: Container, image: str) -> tuple[str, ...]:
    """The project directory over the workdir, where laminar's own image is run: it holds no project."""
    if image != BASE_IMAGE:
        return ()
    return (mount(os.path.realpath(launch.app_dir), container.workdir, read_only=True),)


def _uid_gid(user: str, layer: str) -> tuple[int, int]:
    uid, _, gid = user.partition(":")
    if not uid.isdigit() or not (gid or "0").isdigit():
        raise UsageError(
            f"layer {layer} has container.user = {user!r}.", remedy="Give numbers, UID or UID:GID, such as '1000:1000'."
        )
    return int(uid), int(gid or 0)  # without a group, the engine takes root's
