"""`laminar build --base`: laminar's own image, from the laminar that is installed and an image with Python."""

from __future__ import annotations

import json
import os
import platform as machine
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from laminar.engine.telling import tell
from laminar.errors import EngineError, UsageError
from laminar.executors.docker_engine import Engine
from laminar.executors.docker_image import BASE_IMAGE
from laminar.images import builder, wheels
from laminar.images.builder import Built
from laminar.version import __version__

_DOCKERFILE = os.path.join(os.path.dirname(__file__), "Dockerfile")
_OLDEST = (3, 11)
_ASK_S = 600  # the image may have to be pulled

_ASK = """
import json, platform, sys
about = {"python": sys.version_info[:2], "kind": [sys.platform, platform.machine(), platform.libc_ver()[0]]}
try:
    import ensurepip, venv
except ImportError:
    about["venv"] = False
print(json.dumps(about))
"""


@dataclass(frozen=True)
class Python:
    """The Python of an image: its version, what its compiled modules need, and whether it makes virtual environments."""

    version: tuple[int, int]
    kind: tuple[str, str, str]
    venv: bool

    @classmethod
    def here(cls) -> Python:
        """This process's."""
        return cls(sys.version_info[:2], (sys.platform, machine.machine(), machine.libc_ver()[0]), venv=True)

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} on {' '.join(filter(None, self.kind))}"


def make(platform: str | None = None) -> None:
    """Make laminar's own image where it is missing, saying so; raises as `build` does."""
    tell(f"image {BASE_IMAGE} is not on this machine; making it, once, from the laminar that is installed here")
    build(platform=platform, quiet=True)


def build(
    python: str | None = None, tag: str | None = None, platform: str | None = None, *, quiet: bool = False
) -> Built:
    """Make laminar's own image.

    Args:
        python: Image with Python to begin from; the official one with this Python's version where none is given.
        tag: What to call it; `laminar:VERSION`, which is looked for where no image is named, where none is given.
        platform: Platform to build for; the engine's where none is given.
        quiet: Show little of it.

    Raises:
        UsageError: The image's Python cannot run laminar.
        EngineError: There is no engine, no such image, or it cannot build.
        InfrastructureError: The installed laminar cannot be copied.
    """
    python = python or f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"
    tag = tag or BASE_IMAGE
    engine = Engine()
    try:
        theirs = _ask(python, platform)
        packed = wheels.closure(compiled=theirs.version == Python.here().version and theirs.kind == Python.here().kind)
        _say_stripped(packed, python, theirs)
        with tempfile.TemporaryDirectory(prefix="laminar-") as context:
            _fill(context, packed, theirs)
            arguments = {"BASE": python, "VERSION": __version__}
            identity = builder.build(
                context,
                tag,
                platform=platform,
                arguments=arguments,
                network="none",
                dockerfile="the Dockerfile of laminar's own image",
                quiet=quiet,
            )
        record = engine.image(identity) or {}
    finally:
        engine.close()
    if not quiet and not _has_client(identity, platform):
        tell(
            f"note: no docker command of this machine runs in {tag}. Layers do not need one; a scheduler in a container of "
            "this image does.\nTo add one, begin your Dockerfile:\n"
            f"  FROM {tag}\n  COPY --from=docker:cli /usr/local/bin/docker /usr/local/bin/"
        )
    return Built(tag, identity, f"{record.get('Os')}/{record.get('Architecture')}")


def _ask(image: str, platform: str | None) -> Python:
    """What Python an image has; it is pulled where it is not on the engine's machine.

    Raises:
        EngineError: There is no such image.
        UsageError: It has no Python that laminar can use.
    """
    chosen = [f"--platform={platform}"] if platform else []
    command = ["docker", "run", "--rm", "--network=none", *chosen, "--entrypoint=python3", "--", image, "-c", _ASK]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_S)
    except subprocess.TimeoutExpired:
        raise EngineError(f"image {image} did not answer in {_ASK_S} s.", remedy="Pull it first: docker pull") from None
    said = " ".join(done.stderr.split("docker: ")[-1].split("Run 'docker run --help'")[0].split()).removeprefix(
        "Error response from daemon: "
    )
    if done.returncode == 125:
        raise EngineError(
            f"laminar's own image is to begin from {image}, which cannot be run: {said}",
            remedy="Name one that is on the engine's machine or can be pulled, with Python and its venv module: "
            "laminar build --base --python IMAGE",
        )
    remedy = "Name an image with Python 3.11 or later, such as python:3.11-slim: laminar build --base --python IMAGE"
    try:
        about = json.loads(done.stdout)
        python = Python(tuple(about["python"]), tuple(about["kind"]), about.get("venv", True))
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"image {image} runs no Python: {said or done.stdout}", remedy=remedy) from None
    if python.version < _OLDEST:
        raise UsageError(f"image {image} has {python}; laminar needs 3.11 or later.", remedy=remedy)
    if not python.venv:
        raise UsageError(
            f"the Python of image {image} cannot make virtual environments.", remedy=f"{remedy}\n(Debian: python3-venv)"
        )
    return python


def _say_stripped(packed: Iterable[wheels.Wheel], image: str, python: Python) -> None:
    names = [wheel.name for wheel in packed if wheel.stripped]
    if names:
        tell(
            f"note: {', '.join(names)} go into the image without their compiled parts, which are for {Python.here()}; "
            f"{image} has {python}."
        )


def _fill(context: str, packed: Sequence[wheels.Wheel], python: Python) -> None:
    """Write the build context. The engine's cache tells apart what changes often, laminar's own wheel."""
    shutil.copy(_DOCKERFILE, os.path.join(context, "Dockerfile"))
    for folder in ("dependencies", "laminar", "client"):
        os.mkdir(os.path.join(context, folder))
    for wheel in packed:
        wheel.write(os.path.join(context, "laminar" if wheel.name == wheels.ROOT else "dependencies"))
    client = shutil.which("docker")
    if client and _is_program_for(client, python):
        shutil.copy(client, os.path.join(context, "client", "docker"))


_MACHINES = {"x86_64": 62, "aarch64": 183}
"""Machines by the number that programs for Linux have for them (ELF's e_machine)."""


def _is_program_for(path: str, python: Python) -> bool:
    """Whether a file is a Linux program for the image's kind of machine. Whether it finds its libraries, the build tries."""
    with open(path, "rb") as file:
        head = file.read(20)
    return head[:4] == b"\x7fELF" and int.from_bytes(head[18:20], "little") == _MACHINES.get(python.kind[1])


def _has_client(identity: str, platform: str | None) -> bool:
    chosen = [f"--platform={platform}"] if platform else []
    command = ["docker", "run", "--rm", "--network=none", *chosen, identity, "docker", "--version"]
    return subprocess.run(command, capture_output=True).returncode == 0
