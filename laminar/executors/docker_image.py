"""Images: which one a layer runs, its id, and whether it can run there, found out before the first layer starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from typing import Any

from laminar.engine import layout, records
from laminar.engine.ports import Datastore
from laminar.engine.telling import tell
from laminar.errors import EngineError, SkewError
from laminar.executors.docker_command import Place, probe_command
from laminar.executors.docker_engine import Engine
from laminar.executors.docker_host import Host
from laminar.model.configuration import Container
from laminar.version import WIRE_VERSION, __version__

BASE_IMAGE = f"laminar:{__version__}"
"""The image of this laminar version; where no image is named it runs the project, mounted read-only."""

_PROBE_S = 120


@dataclass(frozen=True)
class Probe:
    """What an image says of itself, run as the layers will be.

    Attributes:
        laminar: Version of the laminar in it.
        wire: Version of the contract that it speaks.
        python: Version of its Python.
        found: Whether the flow's module is where the containers will start.
        unreadable: Some of the files there that the containers' user cannot read.
    """

    laminar: str
    wire: int
    python: str
    found: bool
    unreadable: list[str]


class Images:
    """The images of one launch.

    Args:
        engine: Has them.
        place: What all containers of the launch have in common.
        store: Keeps the images' answers.
        target: The flow that they are asked for.
        make_base: Makes laminar's own image, for a platform, where the engine does not have it; it is in no registry.
    """

    def __init__(
        self, engine: Engine, place: Place, store: Datastore, target: str, make_base: Callable[[str | None], object]
    ) -> None:
        self._engine = engine
        self._place = place
        self._store = store
        self._target = target
        self._make_base = make_base
        self._ids: dict[tuple[str, str | None], str] = {}
        self._lock = threading.Lock()
        self.warnings: list[str] = []

    @property
    def titles(self) -> list[str]:
        """`NAME@sha256:…` of each."""
        return [f"{name}@{identity[:19]}…" for (name, _), identity in self._ids.items()]

    def resolve(self, name: str, host: Host, platform: str | None, where: str) -> str:
        """The id of an image, resolved once per launch; pulled if it is not on the engine's machine.

        Raises:
            EngineError: It is neither there nor to be pulled, or is built for another platform.
        """
        with self._lock:
            if (name, platform) not in self._ids:
                self._ids[name, platform] = self._find(name, host, platform, where)
            return self._ids[name, platform]

    def check_kept(self, identity: str, name: str, whose: str) -> None:
        """Raise `EngineError` where the engine no longer has an image; `name` is what it was called.

        What that name stands for by now may be another image, so nothing is pulled.
        """
        if self._engine.image(identity) is None:
            raise EngineError(
                f"the image of {whose}, {name} ({identity[:19]}…), is not on this machine any more.",
                remedy=f"Look from another one: --image IMAGE, such as --image {name}, which may hold other code by now.",
            )

    def check(self, name: str, identity: str, container: Container, *, asks_for_flow: bool) -> None:
        """Raise where an image cannot run the flow; `asks_for_flow` unless the project is mounted over its workdir."""
        if name == BASE_IMAGE and not asks_for_flow:
            return  # it is this laminar's, and need not hold the project
        user = container.user or self._place.user
        command = partial(probe_command, container, self._place, identity, self._target)
        key = (identity, user, container.workdir, self._target, *(["hardened"] if self._place.hardened else []))
        warning = verdict(_probe(self._store, name, command, key), name, self._target, container, user, asks_for_flow)
        if warning and warning not in self.warnings:
            self.warnings.append(warning)

    def _find(self, name: str, host: Host, platform: str | None, where: str) -> str:
        if host.image and name == host.image_name:
            return host.image  # what this container runs, whatever the name stands for by now
        record = self._engine.image(name)
        if record is None:
            self._obtain(name, platform, where)
            record = self._engine.image(name)
        if record is None:
            raise EngineError(f"image {name} was made or pulled and is not there.", remedy="Check the Docker engine.")
        error = platform_error(record, self._engine.platform, name, platform)
        if error:
            raise error
        return str(record["Id"])

    def _obtain(self, name: str, platform: str | None, where: str) -> None:
        if name == BASE_IMAGE:
            self._make_base(platform)
        else:
            _pull(name, platform, where)


def no_laminar(where: str) -> EngineError:
    """The error of an image without laminar."""
    return EngineError(
        f"{where} has no laminar in it.",
        remedy=f"Begin its Dockerfile with FROM {BASE_IMAGE}, or add: RUN pip install laminar=={__version__}",
    )


def _probe(store: Datastore, name: str, command: Callable[[str], list[str]], key: tuple[str, ...]) -> Probe:
    """Ask an image, once: the answer is kept in the store, since what has an id never changes.

    Args:
        store: Where answers are kept.
        name: What the user calls it, for messages.
        command: `docker run … IMAGE laminar probe TARGET`, of the container's name.
        key: All that the answer depends on; the image's id first.

    Raises:
        EngineError: It has no laminar, or cannot be started.
    """
    digest = sha256("\0".join(key).encode()).hexdigest()
    place = layout.image(digest)
    known = records.load(store, place, "image")
    if known is None:
        known = {"answer": asdict(ask(name, command)), "image": key[0]}  # apart: a record has names of its own
        records.create(store, place, "image", known, durable=False)
    return Probe(**known["answer"])


def verdict(answer: Probe, name: str, target: str, container: Container, user: str, asks_for_flow: bool) -> str:
    """Raise where the image cannot run the flow; returns a warning, or nothing.

    Raises:
        SkewError: It speaks another version of the contract.
        EngineError: The flow is not in it, or the containers' user cannot read it.
    """
    if answer.wire != WIRE_VERSION:
        raise SkewError(
            f"image {name} holds laminar {answer.laminar}, which speaks wire version {answer.wire}; "
            f"this is laminar {__version__}, which speaks {WIRE_VERSION}.",
            remedy=f"Rebuild the image with laminar {__version__}.",
        )
    if answer.unreadable and asks_for_flow:
        raise EngineError(
            f"user {user} of the containers cannot read {', '.join(answer.unreadable)} in image {name}.",
            remedy="Make them readable in its Dockerfile (RUN chmod -R a+rX .), "
            "or set user= in the layer's Container to a user who can read them and may write to the datastore.",
        )
    if not answer.found and asks_for_flow:
        raise EngineError(
            f"image {name} has no {target} in {container.workdir}.",
            remedy="Copy the project there (WORKDIR and COPY in its Dockerfile), name the directory that has it "
            "as Container(workdir=...), or mount it while you edit: --mount.",
        )
    ours = ".".join(map(str, sys.version_info[:2]))
    theirs = ".".join(answer.python.split(".")[:2])
    if answer.laminar != __version__ or ours != theirs:
        image = f"image {name} holds laminar {answer.laminar} on Python {theirs}"
        return f"{image}, the scheduler {__version__} on Python {ours}"
    return ""


def platform_error(image: Mapping[str, Any], engine: str, name: str, asked: str | None) -> EngineError | None:
    """The error of an image that is built for another platform than it will run on."""
    theirs = f"{image['Os']}/{image['Architecture']}"
    wanted = asked or engine
    if wanted == theirs or wanted.startswith(f"{theirs}/"):
        return None
    return EngineError(
        f"image {name} is built for {theirs}; it is to run on {wanted}.",
        remedy=f"Build or pull it for {wanted} (docker build --platform {wanted}), "
        f"or say Container(platform={theirs!r}) where the engine can emulate that.",
    )


def _pull(image: str, platform: str | None, where: str) -> None:
    """`docker pull`, which knows the user's credentials and shows its own progress.

    Raises:
        EngineError: It cannot be pulled.
    """
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    chosen = [f"--platform={platform}"] if platform else []
    tell(f"image {image} is not on this machine; pulling it")
    done = subprocess.run(
        ["docker", "pull", *quiet, *chosen, "--", image], stdout=sys.stderr.fileno(), stderr=subprocess.PIPE, text=True
    )
    if done.returncode:
        reason = " ".join(done.stderr.split()).removeprefix("Error response from daemon: ")
        raise EngineError(
            f"there is no image {image} ({where}) on this machine, and it cannot be pulled: {reason}",
            remedy=f"Build it (docker build -t {image} .), or name another one with --image.",
        )


def ask(name: str, command: Callable[[str], list[str]]) -> Probe:
    """Ask an image about itself.

    Args:
        name: What the user calls it, for messages.
        command: `docker run … IMAGE laminar probe TARGET`, of the container's name.

    Raises:
        EngineError: It has no laminar, or cannot be started.
    """
    container = f"laminar-probe-{os.urandom(6).hex()}"
    try:
        done = subprocess.run(
            command(container), capture_output=True, text=True, timeout=_PROBE_S, stdin=subprocess.DEVNULL
        )
    except BaseException as error:
        # The client is gone, the container is not: an image that does not answer, or a user who does not wait for it.
        subprocess.run(["docker", "rm", "--force", "--volumes", container], capture_output=True)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise EngineError(
            f"image {name} did not answer laminar's questions in {_PROBE_S} s.",
            remedy="Check what its entry point does.",
        ) from None
    said = done.stderr.strip() or done.stdout.strip()
    if done.returncode == 127 and "laminar" in said:
        raise no_laminar(f"image {name}")
    try:
        return Probe(**json.loads(done.stdout.splitlines()[-1]))
    except (ValueError, IndexError, TypeError):
        raise EngineError(
            f"image {name} cannot run laminar: exit code {done.returncode}: {' '.join(said.split())[-500:]}",
            remedy="Check its entry point and its Python: the image must run `laminar` as it runs any command.",
        ) from None
