"""Where a layer becomes a docker command: a pure function from a job to an argument list. Running it is elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from laminar.engine.executor import Visit
from laminar.errors import UsageError
from laminar.model import wire
from laminar.model.configuration import Container
from laminar.model.wire import Task

STORE = "/mnt/laminar"
"""Where a container finds the datastore: outside the workdir, which may be mounted read-only."""

LABEL = "laminar"
"""Prefix of the labels by which a container says whose it is."""

_PIDS = 4096
"""Processes and threads of one container, at most: a fork bomb ends itself, not the machine."""

_NO_KEYS = ",".join(["ctrl-@", "ctrl-^"] * 8)
"""Docker's own keys for leaving a container running begin with Ctrl-P, which is the previous line at any prompt.

It has to have some. Nobody types these, and Ctrl-@ (Ctrl-Space), which prompts and editors know, is late at worst.
"""


@dataclass(frozen=True)
class Place:
    """What all containers of a launch have in common.

    Attributes:
        flow: The flow's name.
        store: The datastore's directory, or its volume, on the engine's machine.
        user: `UID:GID` of the store's owner, as which containers run.
        cpus: Cores that the engine has, and refuses to exceed; None where that is not known.
        own_users: Whether containers must ask for the machine's own users, since the engine maps them to others.
        environ: Variables that all of them get.
        hardened: Whether they have no capabilities, and write to mounts and a `/tmp` in memory only.
    """

    flow: str
    store: str
    user: str
    own_users: bool = False
    cpus: float | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    hardened: bool = False


def docker_command(
    task: Task, container: Container, place: Place, image: str, mounts: tuple[str, ...] = (), title: str = ""
) -> list[str]:
    """The command that runs one attempt in a container of its own.

    Args:
        task: What the executor process is to evaluate.
        container: How the user configured its container.
        place: What all containers of the launch have in common.
        image: Id of the image; resolved before, so nothing is pulled.
        mounts: `--mount` values besides the store's.
        title: What the user calls the image.

    Returns:
        An argument list. Each value is glued to its option, so none can be taken for an option itself.
    """
    name, *command = container.command or wire.argv(task)
    return [
        "docker",
        "run",
        f"--name={container_name(task, place)}",
        *(f"--label={LABEL}.{key}={value}" for key, value in labels(task, place).items()),
        *_bounds(container, place),
        f"--mount={_store(place)}",
        *(f"--mount={value}" for value in mounts),
        *_as_user(container, place),
        *(f"--env={key}={value}" for key, value in {**wire.environment(task), **place.environ}.items()),
        f"--env={wire.NOTICE}=1",
        f"--env={wire.IMAGE}={title}",
        *_optional(container),
        *container.options,
        image,
        name,
        *command,
    ]


def create_command(command: Sequence[str]) -> list[str]:
    """The command that makes the container of a `docker_command`, does not start it, and prints its id."""
    program, run, *arguments = command
    assert run == "run"
    return [program, "create", *arguments]


def shell_command(
    visit: Visit, place: Place, image: str, name: str, mounts: tuple[str, ...] = (), title: str = ""
) -> list[str]:
    """The command for a container like an attempt's, for people to look around in.

    It cannot write to the datastore, it is gone when it ends, and its labels are not those of an attempt's: nothing that
    looks for these finds it.

    Args:
        visit: What to run there.
        place: What all containers of the launch have in common.
        image: Id of the image.
        name: Of the container.
        mounts: `--mount` values besides the store's.
        title: What the user is told of the image.
    """
    container = visit.configuration.container
    program, *arguments = visit.argv
    told = {**wire.environment(visit.task), wire.IMAGE: title} if visit.own else {}
    return [
        "docker",
        "run",
        "--rm",
        "--interactive",
        *(["--tty", f"--detach-keys={_NO_KEYS}"] if visit.terminal else []),
        f"--name={name}",
        f"--label={LABEL}.store={store_label(place.store)}",
        f"--label={LABEL}.shell={visit.task.execution}/{visit.task.address}",
        *_bounds(container, place),
        f"--mount={_store(place, read_only=True)}",
        *(f"--mount={value}" for value in mounts),
        *_as_user(container, place),
        *(f"--env={key}={value}" for key, value in told.items()),
        *_optional(container),
        *container.options,
        image,
        program,
        *arguments,
    ]


def probe_command(container: Container, place: Place, image: str, target: str, name: str) -> list[str]:
    """The command that asks an image about itself, run as the layers will be, and gone when it has answered."""
    return [
        "docker",
        "run",
        "--rm",
        f"--name={name}",
        f"--label={LABEL}.store={store_label(place.store)}",
        "--network=none",
        *_as_user(container, place),
        image,
        "laminar",
        "probe",
        target,
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


def labels_of(flow: str, execution: str, store: str) -> dict[str, str]:
    """What all containers of an execution carry, whichever launch has started them; `store` is on the engine's machine."""
    own = {"flow": flow, "execution": execution, "store": store_label(store)}
    return {f"{LABEL}.{key}": value for key, value in own.items()}


def store_label(store: str) -> str:
    """Digest of the store's path: executions of one id in two stores are two executions."""
    return sha256(store.encode()).hexdigest()[:12]


def mount(source: str, target: str, *, read_only: bool = False, kind: str = "bind") -> str:
    """A `--mount` value: comma-separated fields, quoted where a path has a comma or a quote itself."""
    fields = [f"type={kind}", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    return ",".join('"' + field.replace('"', '""') + '"' if re.search('[,"\r\n]', field) else field for field in fields)


def check_options(container: Container, where: str, *, hardened: bool = False) -> None:
    """Raise `UsageError` where `options` set what laminar sets itself, or undo its hardening; `where` names the layer."""
    for option in container.options:
        name, _, value = option.partition("=")
        if option.startswith("-") and not option.startswith("--"):
            rest = option[1:].lstrip("Pq") or option[1:]  # flags, which others may be glued to
            name, value = f"-{rest[:1]}", rest[1:]  # a short option may have its value glued to it
        ours = (name in ("-e", "--env") and value.startswith("LAMINAR_")) or (
            name in ("-l", "--label") and value.startswith(f"{LABEL}.")
        )
        if hardened and name in _UNDO:
            raise UsageError(
                f"{where} has {option!r} in container.options, and containers are to be hardened.",
                remedy="Take it out, or the setting: hardened. To give back a single thing: --cap-add=…, --tmpfs=PATH.",
            )
        if name in _OURS or ours:
            raise UsageError(
                f"{where} has {option!r} in container.options, which laminar sets itself.",
                remedy=_OURS.get(name, "Take it out: it says which work the container does."),
            )


_OURS = {
    **dict.fromkeys(("--name", "--init", "--pull", "--cidfile"), "Take it out: laminar needs it as it is."),
    **dict.fromkeys(("--rm", "-d", "--detach"), "Take it out: laminar waits for its containers and removes them."),
    **dict.fromkeys(("-i", "-t", "-it", "--interactive", "--tty"), "Take it out: layers have no terminal."),
    **dict.fromkeys(("-u", "--user"), "Set Container(user=...) instead."),
    **dict.fromkeys(("-w", "--workdir"), "Set Container(workdir=...) instead."),
    **dict.fromkeys(("-m", "--memory", "--memory-swap"), "Set Container(memory=...) instead, in MiB."),
    **dict.fromkeys(("--entrypoint",), "Set Container(command=...) instead."),
    **dict.fromkeys(
        ("--userns", "--restart"), "Take it out: laminar decides that by what the engine is, and by Retry."
    ),
    **dict.fromkeys(("--cpus",), "Set Container(cpu=...) instead."),
    **dict.fromkeys(("--gpus",), "Set Container(gpus=...) instead."),
    **dict.fromkeys(("--shm-size",), "Set Container(shm_size=...) instead, in MiB."),
    **dict.fromkeys(("--network", "--net"), "Set Container(network=...) instead."),
    **dict.fromkeys(("--platform",), "Set Container(platform=...) instead."),
}
"""Option of `docker run` -> what to do instead of passing it."""

_UNDO = ("--privileged", "--read-only")
"""What a hardened container's options must not set."""


def _bounds(container: Container, place: Place) -> Iterator[str]:
    yield f"--cpus={max(0.01, min(container.cpu, place.cpus or container.cpu)):g}"
    yield f"--memory={container.memory}m"
    yield f"--memory-swap={container.memory}m"


def _store(place: Place, *, read_only: bool = False) -> str:
    return mount(place.store, STORE, read_only=read_only, kind="bind" if place.store.startswith("/") else "volume")


def _as_user(container: Container, place: Place) -> Iterator[str]:
    yield "--init"
    yield "--pull=never"
    yield "--security-opt=no-new-privileges"
    yield f"--pids-limit={_PIDS}"
    if place.hardened:
        yield "--read-only"
        yield "--tmpfs=/tmp"
        yield "--cap-drop=ALL"
    yield f"--user={container.user or place.user}"
    if place.own_users:
        yield "--userns=host"
    yield f"--workdir={container.workdir}"
    environment = {
        # A user without a passwd entry has no home and no name, which much software asks for.
        "HOME": "/tmp",  # noqa: S108 - the container's own
        "USER": "laminar",
        "PYTHONUNBUFFERED": "1",  # what a layer prints is seen when it prints it
        "PYTHONHASHSEED": "0",  # sets are written in the same order by every attempt
        **container.env,
    }
    yield from (f"--env={key}={value}" for key, value in environment.items())


def _optional(container: Container) -> Iterator[str]:
    if container.network is not None:
        yield f"--network={container.network}"
    if container.gpus is not None:
        yield f"--gpus={container.gpus}"
    if container.platform is not None:
        yield f"--platform={container.platform}"
    if container.shm_size is not None:
        yield f"--shm-size={container.shm_size}m"
