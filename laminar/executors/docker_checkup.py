"""What `laminar doctor` looks at for the Docker executor: one function for each check. Nothing is pulled or changed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from functools import partial

from laminar.engine.checks import Check, Subject, skew
from laminar.errors import EngineError, UsageError
from laminar.executors.docker_command import Place, probe_command
from laminar.executors.docker_engine import Engine
from laminar.executors.docker_host import Host
from laminar.executors.docker_image import BASE_IMAGE, ask, platform_error, verdict
from laminar.executors.docker_mounts import Mounts
from laminar.model.configuration import Container

_COMMAND_S = 20


def command() -> Check:
    """Whether there is a docker command, and which; it asks no engine.

    Raises:
        EngineError: There is none that runs.
    """
    try:
        done = subprocess.run(["docker", "--version"], capture_output=True, text=True, timeout=_COMMAND_S)
    except FileNotFoundError:
        raise EngineError(
            "there is no docker command on this machine.",
            remedy="Install Docker, or run the layers without containers: --executor process",
        ) from None
    except subprocess.TimeoutExpired:
        raise EngineError(
            f"docker --version has not ended in {_COMMAND_S} s.", remedy="Check its installation."
        ) from None
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise EngineError(f"docker --version fails: {said[-300:]}", remedy="Check its installation.")
    return Check("docker", "ok", done.stdout.strip())


def resources(engine: Engine, containers: Mapping[str, Container]) -> Check:
    """What the engine is and has, and whether that is what the layers ask for."""
    users = "" if not engine.rootless else "; rootless: root in a container is this user outside"
    users = users or (
        "; it maps users, and laminar's containers ask for the machine's own" if engine.remaps_users else ""
    )
    words = (
        f"{engine.version} on {engine.machine or 'its machine'}: {engine.cpus} cores, {engine.memory} MiB, "
        f"{engine.platform}{users}"
    )
    large = [name for name, asked in containers.items() if asked.memory > engine.memory or asked.cpu > engine.cpus]
    if not large:
        return Check("engine", "ok", words)
    return Check(
        "engine",
        "warning",
        f"{words}; {', '.join(large)} {'asks' if len(large) == 1 else 'ask'} for more, and will run alone.",
        "Give the engine more (Docker Desktop: Settings, Resources), or lower cpu= and memory= in the layer's Container.",
    )


def clock(engine: Engine) -> Check:
    """Whether the engine's clock, which dates the layers' records, agrees with this machine's."""
    if engine.skew_s is None:
        return Check("engine-clock", "ok", "the engine does not tell its time")
    return skew("engine-clock", engine.skew_s, "the engine's clock")


def mounts(made: Mounts, subject: Subject, projects: Mapping[str, str | None]) -> Check:
    """Whether the containers will see the datastore, the project, volumes and secrets, and may read them.

    Args:
        made: Makes them for the flow.
        subject: What is looked at.
        projects: The directory over the workdir of each layer that has one.

    Raises:
        LaminarError: Something is missing, or the containers' user cannot read it.
    """
    if not subject.store:
        raise UsageError(
            "the flow's datastore cannot be mounted into a container.",
            remedy="Use a datastore in a directory, or the thread executor.",
        )
    store = made.host.store(subject.store)
    if subject.target:
        for layer, container in subject.containers.items():
            made.check(container, projects[layer], container.user or subject.user, f"layer {layer}")
    where = f"{store} on the engine's machine" if made.host.inside else store
    return Check("mounts", "ok", f"containers run as {subject.user} and see the datastore, {where}")


def image(
    engine: Engine, host: Host, place: Place, name: str, container: Container, target: str, mounted: bool
) -> Check:
    """Whether an image is there and can run the layers; asked once, with `docker run IMAGE laminar probe`.

    Raises:
        LaminarError: It cannot.
    """
    identity = host.image if host.image and name == host.image_name else ""
    record = engine.image(identity or name)
    if record is None:
        if name == BASE_IMAGE:
            return Check(
                "image",
                "warning",
                f"{name} is not on this machine; it is made when a layer first needs it.",
                "Make it now: laminar build --base",
            )
        return Check(
            "image",
            "warning",
            f"{name} is not on this machine; it is pulled when a layer first needs it.",
            f"Pull it now (docker pull {name}), or build it (docker build -t {name} .).",
        )
    error = platform_error(record, engine.platform, name, container.platform)
    if error:
        raise error
    # A project that is not known cannot be asked for; a mounted one is looked at where it is.
    answer = ask(name, partial(probe_command, container, place, str(record["Id"]), target or "main"))
    user = container.user or place.user
    warning = verdict(answer, name, target, container, user, asks_for_flow=bool(target) and not mounted)
    words = f"{name}: laminar {answer.laminar}, wire version {answer.wire}, Python {answer.python}"
    if mounted and target:
        words += ", with the project mounted"
    if warning:
        return Check("image", "warning", f"{warning}.", "Values may not cross: use the same versions in both.")
    return Check("image", "ok", words)


def distinct(layers: Iterator[tuple[str, Container, bool]]) -> Iterator[tuple[str, Container, bool]]:
    """The first of the layers that run one image in one way."""
    seen = set()
    for name, container, mounted in layers:
        key = (name, container.platform, container.user, container.workdir, mounted)
        if key not in seen:
            seen.add(key)
            yield name, container, mounted
