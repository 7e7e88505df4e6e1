"""Layers in containers: for each attempt, one `docker run IMAGE laminar execute --layer NAME`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from laminar.engine import faults
from laminar.engine.checks import Check, Subject, attempt, failed
from laminar.engine.executor import Capacity, Executor, Exit, Job, Launch, Leftover, Report, Visit
from laminar.engine.ports import Datastore
from laminar.errors import EngineError, LaminarError, StoreError, UsageError
from laminar.executors import docker_checkup
from laminar.executors.docker_command import (
    LABEL,
    STORE,
    Place,
    check_options,
    container_name,
    docker_command,
    labels_of,
    shell_command,
)
from laminar.executors.docker_engine import Engine
from laminar.executors.docker_exit import exit_of
from laminar.executors.docker_host import Host, lacks_socket, no_engine
from laminar.executors.docker_image import BASE_IMAGE, Images
from laminar.executors.docker_mounts import Mounts, uid_gid
from laminar.executors.docker_shell import shell
from laminar.executors.docker_watch import attach, patiently, watch
from laminar.executors.workers import Workers
from laminar.model.configuration import Container

_GRACE_S = 10
_MAKING_S = 0.05
"""Exit code of what SIGKILL ended: the kernel, for memory, or somebody."""


class Docker(Executor):
    """Shells out to `docker run` for each attempt and waits for it; a client that dies does not end the attempt.

    Args:
        image: Image of every layer whose Container names none. Where none is given: in a container, the scheduler's own
            image; else what `laminar build` made of the project; else laminar's, with the project mounted over its workdir.
        concurrency: Containers at one time, at most; what the engine's cores and memory allow where none is given.
        images: Layer -> image, above all else.
        mount: Directory that is mounted read-only over the workdir of every image.
        hardened: Whether containers have no capabilities, and write to mounts and a `/tmp` in memory only.
    """

    name = "docker"

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
        self._workers = Workers("laminar-docker")
        self._names: dict[Job, str] = {}
        self._left: set[str] = set()
        self._ids: dict[str, str] = {}
        self._connects = False
        self._gone = False
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
        found = []
        for name, labels in self._containers().items():
            state = self._engine.state(name)
            if state is None or not labels.get(f"{LABEL}.layer"):
                continue
            self._left.add(name)
            if state.status == "created":
                self._engine.remove(name)
                continue
            layer, index, number = (labels[f"{LABEL}.{key}"] for key in ("layer", "index", "attempt"))
            found.append(Leftover(layer, int(index), int(number)))
        return found

    def adopt(self, job: Job, report: Report) -> None:
        """Watch a container that is there."""
        self._names[job] = container_name(job.task, self._place)
        self._workers.start(lambda: self._run(job, report, self._adopted))

    def discard(self, job: Job) -> None:
        """Keep what a container has printed, and remove it, running or not."""
        name = container_name(job.task, self._place)
        if self._engine.state(name) is not None:
            attach(job, ["docker", "logs", name], job.seen)
            self._engine.remove(name)

    def sweep(self, flow: str, execution: str, store: Datastore) -> int:
        """Remove the containers of an execution, running or not."""
        with closing(_connect(store.url)) as engine:
            names = engine.containers(labels_of(flow, execution, Host.find(engine).store(store.url)))
            for name in names:
                engine.remove(name)
        return len(names)

    def submit(self, job: Job, report: Report) -> None:
        """Start a container."""
        self._names[job] = container_name(job.task, self._place)
        self._left.add(self._names[job])
        self._workers.start(lambda: self._run(job, report, self._attempt))
        if not self._connects:
            self._connects = True
            self._workers.start(self._engine.connect)

    def cancel(self, job: Job) -> None:
        """Stop the container, never the client: killing that leaves the container running."""
        name = self._names.get(job)
        if name is not None:
            self._workers.start(lambda: self._stop(job, name))

    def close(self) -> None:
        """Remove what is left of this execution's containers: whoever has its lease is the only one to start any."""
        self._workers.close(timeout_s=_GRACE_S)
        try:
            # Also what the client of a scheduler that was killed has started since this one looked.
            late = self._containers() if self._left or self._connects else ()
            for name in {*self._left, *late}:
                self._engine.remove(name)
        except EngineError as error:
            left = " ".join(sorted(self._left))
            raise EngineError(
                error.message, remedy=f"Remove what is left of the run: docker rm --force {left}"
            ) from error
        finally:
            self._engine.close()

    def leave(self) -> None:
        """Give the connection back; the containers run on, and the threads that watch them here touch them no more."""
        self._gone = True
        self._names.clear()
        self._engine.close()

    def abandon(self) -> None:
        """Have the engine remove what runs; a client of its own sees to that after this process has gone."""
        names = list(self._names.values())
        if names:
            subprocess.Popen(
                ["docker", "rm", "--force", *names],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

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

    def _containers(self) -> dict[str, dict[str, str]]:
        """Name -> labels of the containers of this execution, whichever launch has started them."""
        return self._engine.containers(labels_of(self._launch.flow, self._launch.execution, self._place.store))

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

    def _run(self, job: Job, report: Report, attempt: Callable[[Job, str], Exit]) -> None:
        """See a container to its end, and report how that was. In a thread of its own."""
        name = self._names[job]
        try:
            exit_ = attempt(job, name)
        except EngineError:
            exit_ = Exit(vanished=True)
        except LaminarError as error:
            exit_ = Exit(error=error)
        except Exception as error:  # whatever it is, the scheduler waits for a report
            exit_ = Exit(
                error=EngineError(f"cannot start the docker command: {error}", remedy="Check its installation.")
            )
        if self._gone:
            return
        self._names.pop(job, None)
        report(job, exit_)
        with suppress(EngineError):  # close() tries again
            self._engine.remove(name)
            self._left.discard(name)

    def _attempt(self, job: Job, name: str) -> Exit:
        container = job.configuration.container
        image = self._image(job.task.layer, container)
        identity = self._images.resolve(image, self._host, container.platform, f"layer {job.task.layer}")
        check_options(container, f"layer {job.task.layer}", hardened=self.hardened)  # hooks may have changed them
        mounts = self._mounts.values(container, self._mounted(image, self._launch.app_dir))
        command = docker_command(job.task, container, self._place, identity, mounts, image)
        code, last, seen = attach(job, command)
        if code == 125 and "is already in use by container" in last:  # left by a run whose store was deleted since
            self._engine.remove(name)
            code, last, seen = attach(job, command)
        state = patiently(lambda: self._engine.state(name))
        if state is not None and (state.status == "running" or code < 0):  # the client died, the container did not
            state, last = watch(job, self._engine, name, seen)
        return exit_of(code, state, last, job)

    def _adopted(self, job: Job, name: str) -> Exit:
        state, last = watch(job, self._engine, name, job.seen)
        return exit_of(0, state, last, job)

    def _stop(self, job: Job, name: str) -> None:
        """Stop a container. One that is only being made is waited for: the engine would forget that it was to stop."""
        while job in self._names:
            with suppress(EngineError):  # asked again until it is done
                state = self._engine.state(name)
                if state is not None and state.status != "created":
                    self._engine.stop(name, _GRACE_S)
                    return
            time.sleep(_MAKING_S)


def _cannot_make(_platform: str | None) -> None:
    raise EngineError(f"there is no image {BASE_IMAGE} on this machine.", remedy="Make it: laminar build --base")


def _connect(store: str) -> Engine:
    try:
        return Engine()
    except EngineError as error:
        raise (no_engine(error, store) if lacks_socket() else error) from error
