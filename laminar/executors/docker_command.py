"""Where a layer becomes a docker command: a pure function from a job to an argument list. Running it is elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from laminar.model import wire
from laminar.model.configuration import Container
from laminar.model.wire import Task

STORE = "/mnt/laminar"
"""Where a container finds the datastore: outside the workdir, which may be mounted read-only."""

LABEL = "laminar"
"""Prefix of the labels by which a container says whose it is."""

_PIDS = 4096
"""Processes and threads of one container, at most: a fork bomb ends itself, not the machine."""


@dataclass(frozen=True)
class Place:
    """What all containers of a launch have in common.

    Attributes:
        flow: The flow's name.
        store: The datastore's directory on the engine's machine.
        user: `UID:GID` of the store's owner, as which containers run.
    """

    flow: str
    store: str
    user: str


def docker_command(
    task: Task, container: Container, place: Place, image: str, mounts: tuple[str, ...] = ()
) -> list[str]:
    """The command that runs one attempt in a container of its own.

    Args:
        task: What the executor process is to evaluate.
        container: How the user configured its container.
        place: What all containers of the launch have in common.
        image: Id of the image; resolved before, so nothing is pulled.
        mounts: Further `--mount` values.

    Returns:
        An argument list. Each value is glued to its option, so none can be taken for an option itself.
    """
    name, *command = container.command or wire.argv(task)
    return [
        "docker",
        "run",
        f"--name={container_name(task, place)}",
        *(f"--label={LABEL}.{key}={value}" for key, value in labels(task, place).items()),
        "--init",
        "--pull=never",
        "--security-opt=no-new-privileges",
        f"--pids-limit={_PIDS}",
        f"--cpus={container.cpu:g}",
        f"--memory={container.memory}m",
        f"--memory-swap={container.memory}m",
        f"--user={container.user or place.user}",
        f"--workdir={container.workdir}",
        f"--mount={mount(place.store, STORE)}",
        *(f"--mount={value}" for value in mounts),
        *(f"--mount={volume(value)}" for value in container.volumes),
        *(f"--env={key}={value}" for key, value in _environment(task, container).items()),
        *_optional(container),
        *container.options,
        image,
        name,
        *command,
    ]


def container_name(task: Task, place: Place) -> str:
    """The name of an attempt's container: the same whoever computes it, and unlike that of any other attempt."""
    identity = "\0".join((place.store, place.flow, task.execution, task.layer, str(task.index), str(task.attempt)))
    digest = sha256(identity.encode()).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{place.flow}-{task.layer}-{task.index}-{task.attempt}")[:80]
    return f"laminar-{readable}-{digest}"


def labels(task: Task, place: Place) -> dict[str, str]:
    """What a container says of itself."""
    return {
        "flow": place.flow,
        "execution": task.execution,
        "layer": task.layer,
        "index": str(task.index),
        "attempt": str(task.attempt),
        "store": store_label(place.store),
    }


def store_label(store: str) -> str:
    """Digest of the store's path: executions of one id in two stores are two executions."""
    return sha256(store.encode()).hexdigest()[:12]


def mount(source: str, target: str, *, read_only: bool = False, kind: str = "bind") -> str:
    """A `--mount` value: comma-separated fields, quoted where a path has a comma or a quote itself."""
    fields = [f"type={kind}", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    return ",".join('"' + field.replace('"', '""') + '"' if re.search('[,"]', field) else field for field in fields)


def volume(text: str) -> str:
    """The `--mount` value of `SOURCE:TARGET[:ro]`; a source that is not a path is a volume's name."""
    source, target, *mode = text.split(":")
    path = source.startswith(("/", ".", "~"))
    place = os.path.abspath(os.path.expanduser(source)) if path else source
    return mount(place, target, read_only=mode == ["ro"], kind="bind" if path else "volume")


def _environment(task: Task, container: Container) -> dict[str, str]:
    return {
        # A user without a passwd entry has no home and no name, which much software asks for.
        "HOME": "/tmp",  # noqa: S108 - the container's own
        "USER": "laminar",
        "PYTHONUNBUFFERED": "1",  # what a layer prints is seen when it prints it
        "PYTHONHASHSEED": "0",  # sets are written in the same order by every attempt
        **container.env,
        **wire.environment(task),
        wire.NOTICE: "1",
    }


def _optional(container: Container) -> Iterator[str]:
    if container.network is not None:
        yield f"--network={container.network}"
    if container.gpus is not None:
        yield f"--gpus={container.gpus}"
    if container.platform is not None:
        yield f"--platform={container.platform}"
    if container.shm_size is not None:
        yield f"--shm-size={container.shm_size}m"
