"""Layers in containers: for each attempt, one that runs `laminar execute --layer NAME`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

from laminar.engine import faults
from laminar.engine.checks import Check, Subject, attempt, failed
from laminar.engine.executor import Capacity, Executor, Job, Launch, Leftover, Report, Visit
from laminar.engine.ports import Datastore
from laminar.errors import EngineError, StoreError, UsageError
from laminar.executors import docker_checkup
from laminar.executors.docker_command import (
    STORE,
    Place,
    check_options,
    docker_command,
    labels_of,
    shell_command,
)
from laminar.executors.docker_containers import Containers
from laminar.executors.docker_engine import Engine
from laminar.executors.docker_host import Host, lacks_socket, no_engine
from laminar.executors.docker_image import BASE_IMAGE, Images
from laminar.executors.docker_mounts import Mounts, uid_gid
from laminar.executors.docker_shell import shell
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import Task


class Docker(Executor):
    """A container for each attempt, by `docker run` or made ahead of its turn; a client that dies does not end the attempt.

    Args:
        image: Image of every layer whose Container names none. Where none is given: in a container, the scheduler's own
            image; else what `laminar build` made of the project; else laminar's, with the project mounted over its workdir.
        concurrency: Containers at one time, at most; what the engine's cores and memory allow where none is given.
        images: Layer -> image, above all else.
        mount: Directory that is mounted read-only over the workdir of every image.
        hardened: Whether containers have no capabilities, and write to mounts and a `/tmp` in memory only.
    """

    name = "docker"
    ahead = 2
    """Most commits let one or two layers go on; each container more may be made in vain."""

    def __init__(
        self,
        image: str | None = None,
        concurrency: int | None = None,
        images: dict[str, str] | None = None,
        mount: str | None = None,
        hardened: bool = False,
    ) -> None:
        self.image = image
        self.concurrency = concurrency
        self.images = images or {}
        self.defaults: dict[str, str] = {}
        self.mount = mount
        self.hardened = hardened
        self.built: str | None = None
        """What `laminar build` made of the project: for layers whose image nobody names, outside of containers."""
        self.make_base: Callable[[str | None], object] = _cannot_make
        """Makes laminar's own image for a platform; what is above executors puts it here."""

    def open(self, launch: Launch) -> None:
        """Find the engine, the store and the images; ask each image, once, whether it can run the flow.

        Raises:
            EngineError: No engine, no such image, or one that cannot run the flow.
            SkewError: An image's laminar speaks another version of the contract.
            StoreError: A container could not see the store, or not write to it.
            UsageError: What was asked for cannot be done with containers.
        """
        store = launch.datastore
        owner = store.owner()
        if not store.url or owner is None:
            raise UsageError(
                f"the {store!r} datastore cannot be mounted into a container.",
                remedy="Use a datastore in a directory, or the thread executor: --executor thread.",
            )
        if os.geteuid() not in (0, owner[0]):
            raise StoreError(
                f"the datastore {store!r} belongs to user {owner[0]}, as whom containers run; you are {os.geteuid()}, "
                "and what you make in it they could not write to.",
                remedy="Name a datastore of your own with --datastore, or run laminar as that user.",
            )
        self._launch = launch
        self._ids: dict[str, str] = {}
        self._engine = _connect(store.url)
        self._host = Host.find(self._engine)
        user = "0:0" if self._engine.rootless else f"{owner[0]}:{owner[1]}"
        self._place = Place(
            launch.flow,
            self._host.store(store.url),
            user,
            self._engine.remaps_users,
            self._engine.cpus,
            faults.environment(),
            self.hardened,
        )
        self._mounts = Mounts(self._host, launch.target, launch.app_dir, self.hardened, self._engine.rootless)
        self._images = Images(self._engine, self._place, store, launch.target, self.make_base)
        self._containers = Containers(self._engine, self._place, launch.execution, self._command)
        for layer, container in launch.containers.items():
            self._ids[layer] = self._check(layer, container)

    def checks(self, subject: Subject) -> Iterator[Check]:
        """The docker command, the engine and its clock, what containers will see, and the images."""
        command = attempt("docker", docker_checkup.command)
        yield command
        if command.status == "error":
            return
        try:
            engine = _connect(subject.store)
            self._host = Host.find(engine)
        except EngineError as error:
            yield failed("engine", error)
            return
        with closing(engine):
            yield attempt("engine", lambda: docker_checkup.resources(engine, subject.containers))
            yield docker_checkup.clock(engine)
            yield from self._checks_inside(engine, subject)

    def capacity(self) -> Capacity:
        """The engine's cores and memory, as `docker info` has them."""
        return Capacity(cpu=self._engine.cpus, memory=self._engine.memory, jobs=self.concurrency)

    def leftovers(self) -> list[Leftover]:
        """The containers of this execution's layers that have run, or run still; others are removed."""
        return self._containers.leftovers()

    def adopt(self, job: Job, report: Report) -> None:
        """Watch a container that is there."""
        self._containers.adopt(job, report)

    def discard(self, job: Job) -> None:
        """Keep what a container has printed, and remove it, running or not."""
        self._containers.discard(job)

    def sweep(self, flow: str, execution: str, store: Datastore) -> int:
        """Remove the containers of an execution, running or not."""
        with closing(_connect(store.url)) as engine:
            names = engine.containers(labels_of(flow, execution, Host.find(engine).store(store.url)))
            for name in names:
                engine.remove(name)
        return len(names)

    def expect(self, upcoming: Mapping[Task, Configuration]) -> None:
        """Have their containers made, and not started: a tenth of what a layer takes that does nothing."""
        self._containers.expect(upcoming)

    def submit(self, job: Job, report: Report) -> None:
        """Start a container."""
        self._containers.submit(job, report)

    def cancel(self, job: Job) -> None:
        """Stop the container."""
        self._containers.cancel(job)

    def close(self) -> None:
        """Remove what is left of this execution's containers."""
        self._containers.close()

    def leave(self) -> None:
        """Give the connection back; the containers run on."""
        self._containers.leave()

    def abandon(self) -> None:
        """Have the engine remove what runs, and wait for nothing."""
        self._containers.abandon()

    def shell(self, visit: Visit) -> int:
        """Run it in a container like the attempt's: from the image that it had, as long as the engine keeps that."""
        layer, container, facts = visit.task.layer, visit.configuration.container, visit.facts
        where = f"layer {layer}"
        image = facts.get("names", {}).get(layer) or self._image(layer, container)
        if identity := facts.get("images", {}).get(layer):
            self._images.check_kept(identity, image, f"attempt {visit.task.attempt} at {visit.task.address}")
        else:
            identity = self._images.resolve(image, self._host, container.platform, where)
        project = facts["mounts"].get(layer) if "mounts" in facts else self._mounted(image, self._launch.app_dir)
        self._check_runs(container, image, identity, project, where)
        title = f"{image}@{identity[:19]}…"
        if project is not None:
            title += f", with {os.path.abspath(project)} mounted over {container.workdir}"
        mounts = self._mounts.values(container, project)

        def command(visit: Visit, name: str) -> list[str]:
            return shell_command(visit, self._place, identity, name, mounts, title)

        return shell(visit, command)

    def datastore(self, store: object) -> str:
        """Where the store is mounted."""
        return STORE

    def facts(self) -> dict[str, Any]:
        """By layer: the image's id, its name, the directory mounted over its workdir; and whether all are hardened."""
        names = {layer: self._image(layer, container) for layer, container in self._launch.containers.items()}
        mounted = {layer: self._mounted(name, self._launch.app_dir) for layer, name in names.items()}
        mounts = {layer: os.path.abspath(directory) for layer, directory in mounted.items() if directory is not None}
        return {"images": dict(self._ids), "names": names, "mounts": mounts, "hardened": self.hardened}

    @property
    def warnings(self) -> list[str]:
        """What the images' answers give reason to say."""
        return self._images.warnings

    @property
    def summary(self) -> str:
        """The engine and the images."""
        hardened = ", hardened" if self.hardened else ""
        return f"docker{hardened} · {', '.join(self._images.titles)}"

    def _checks_inside(self, engine: Engine, subject: Subject) -> Iterator[Check]:
        subject = replace(subject, user="0:0" if engine.rootless else subject.user)
        place = Place(subject.flow, subject.store, subject.user, engine.remaps_users, hardened=self.hardened)
        images = {layer: self._image(layer, container) for layer, container in subject.containers.items()}
        projects = {layer: self._mounted(image, subject.app_dir) for layer, image in images.items()}
        made = Mounts(self._host, subject.target, subject.app_dir, self.hardened, engine.rootless)
        yield attempt("mounts", lambda: docker_checkup.mounts(made, subject, projects))
        layers = ((images[name], asked, projects[name] is not None) for name, asked in subject.containers.items())
        for name, container, mounted in docker_checkup.distinct(layers):
            look = partial(docker_checkup.image, engine, self._host, place, name, container, subject.target, mounted)
            yield attempt("image", look)

    def _named(self, layer: str, container: Container) -> str | None:
        """The image that is named for this very layer: only the command line stands above its Container."""
        return self.images.get(layer) or container.image or self.defaults.get(layer)

    def _image(self, layer: str, container: Container) -> str:
        """The image that a layer runs, by the name that the user knows."""
        named = self._named(layer, container) or self.image
        return named or self._host.image_name or self.built or BASE_IMAGE

    def _mounted(self, image: str, app_dir: str) -> str | None:
        """The directory of this machine that goes over the workdir, where one does."""
        if self.mount is None and image == BASE_IMAGE and not self._host.inside:
            return app_dir  # laminar's own image holds no project
        return self.mount

    def _check(self, layer: str, container: Container) -> str:
        """Raise what can be known of a layer's container before it starts; returns the id of its image."""
        where = f"layer {layer}"
        if container.user:
            user = uid_gid(container.user, where)
            self._launch.datastore.check(user)
            owner = self._launch.datastore.owner() or user
            if self._mounts.powerless and user[0] == 0 != owner[0]:
                raise StoreError(
                    f"the datastore belongs to user {owner[0]}, and {where} runs as root, who in a hardened container "
                    "cannot write to what is another user's.",
                    remedy="Take user= out of the layer's Container: containers run as the datastore's owner.",
                )
        image = self._image(layer, container)
        identity = self._images.resolve(image, self._host, container.platform, where)
        self._check_runs(container, image, identity, self._mounted(image, self._launch.app_dir), where)
        return identity

    def _check_runs(self, container: Container, image: str, identity: str, project: str | None, where: str) -> None:
        """Raise where the image cannot run the flow, or what is to be mounted is not there or cannot be read."""
        self._mounts.check(container, project, container.user or self._place.user, where)
        self._images.check(image, identity, container, asks_for_flow=project is None)

    def _command(self, task: Task, configuration: Configuration) -> list[str]:
        container, where = configuration.container, f"layer {task.layer}"
        image = self._image(task.layer, container)
        identity = self._images.resolve(image, self._host, container.platform, where)
        check_options(container, where, hardened=self.hardened)  # hooks may have changed them
        mounts = self._mounts.values(container, self._mounted(image, self._launch.app_dir))
        return docker_command(task, container, self._place, identity, mounts, image)


def _cannot_make(_platform: str | None) -> None:
    raise EngineError(f"there is no image {BASE_IMAGE} on this machine.", remedy="Make it: laminar build --base")


def _connect(store: str) -> Engine:
    try:
        return Engine()
    except EngineError as error:
        raise (no_engine(error, store) if lacks_socket() else error) from error
