"""`docker build`: the command, running it with its output passed on, and what its failure was in words.

Everything is known from what the command prints, which differs between Docker's two builders.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from laminar.errors import EngineError, LaminarError, UsageError

_CLEAR = "\r\x1b[K"
_KEPT_LINES = 500
_SHOWN_LINES = 8

_FAULT_LINES = 12
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Built:
    """An image that was built.

    Attributes:
        image: Its tag.
        id: What the engine calls it; for ever the same content.
        platform: What it runs on, such as `linux/amd64`.
    """

    image: str
    id: str
    platform: str


def _engine_fault(said: str) -> LaminarError:
    return EngineError(
        f"the Docker engine could not build the image: {said}",
        remedy="Check that it runs, and that it has disk space: docker info, docker system df.",
    )


def _bad_tag(said: str) -> LaminarError:
    return UsageError(
        f"no image can have that name: {said}", remedy="Give --tag NAME[:TAG] in lower case, such as my-project:1."
    )


def _bad_platform(said: str) -> LaminarError:
    return UsageError(f"no such platform: {said}", remedy="Give one such as --platform linux/amd64 or linux/arm64.")


def _other_platform(said: str) -> LaminarError:
    return EngineError(
        f"the image cannot be built for that platform: {said}",
        remedy="Pull the base image for it first (docker pull --platform), on an engine that can run its programs; or take "
        "--platform out.",
    )


_FAULTS = (
    (
        re.compile("Cannot connect to the Docker daemon|error during connect|permission denied while trying to"),
        _engine_fault,
    ),
    (re.compile("no space left on device", re.IGNORECASE), _engine_fault),
    (re.compile("invalid reference format"), _bad_tag),
    (re.compile("unknown operating system or architecture"), _bad_platform),
    (re.compile("does not match the specified platform|exec format error"), _other_platform),
)
"""What is not the Dockerfile's fault, by what the engine says of it."""

_STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)")
"""What the builder without BuildKit prints before each step."""

_BUILDKIT_STEP = re.compile(r"^#(\d+) \[(?:\S+ )?(?:(\d+)/(\d+)|internal)\] (.*)")
_BUILDKIT_LINE = re.compile(r"^#(\d+) (?:\d+\.\d+ (.*)|(ERROR): (.*))")


def build_command(
    context: str,
    tag: str,
    id_file: str,
    *,
    platform: str | None = None,
    labels: Mapping[str, str] | None = None,
    arguments: Mapping[str, str] | None = None,
    network: str | None = None,
) -> list[str]:
    """The command that builds the image of a directory.

    Args:
        context: The directory, with the Dockerfile in it.
        tag: What the image will be called.
        id_file: File for its id.
        platform: Platform to build for, such as `linux/arm64`; the engine's where none is given.
        labels: What the image says of itself.
        arguments: Values for the Dockerfile's `ARG`s.
        network: What steps see of the network; the engine's default where none is given.
    """
    return [
        "docker",
        "build",
        "--force-rm",  # without it, an engine before BuildKit leaves the container of a step that has failed
        f"--tag={tag}",
        f"--iidfile={id_file}",
        *([f"--platform={platform}"] if platform else []),
        *(f"--label={key}={value}" for key, value in (labels or {}).items()),
        *(f"--build-arg={key}={value}" for key, value in (arguments or {}).items()),
        *([f"--network={network}"] if network else []),
        "--",
        context,
    ]


def build(
    context: str,
    tag: str,
    *,
    platform: str | None = None,
    labels: Mapping[str, str] | None = None,
    arguments: Mapping[str, str] | None = None,
    network: str | None = None,
    dockerfile: str = "the Dockerfile",
    quiet: bool = False,
) -> str:
    """Build an image; what the engine prints goes to stderr as it comes.

    Args:
        context: As `build_command` has it, like the other arguments.
        tag: As above.
        platform: As above.
        labels: As above.
        arguments: As above.
        network: As above.
        dockerfile: What messages call the Dockerfile.
        quiet: Show the number of the step only, and that only to people.

    Returns:
        The image's id.

    Raises:
        UsageError: The Dockerfile, or one of its steps, is at fault.
        EngineError: The engine is, or there is no image to begin with.
    """
    with tempfile.TemporaryDirectory(prefix="laminar-") as scratch:
        id_file = os.path.join(scratch, "id")
        command = build_command(
            context, tag, id_file, platform=platform, labels=labels, arguments=arguments, network=network
        )
        code, lines = _run(command, _show_step if quiet else sys.stderr.write)
        if quiet and sys.stderr.isatty():
            sys.stderr.write(_CLEAR)
        if code:
            raise failure(lines, dockerfile)
        with open(id_file, encoding="ascii") as file:
            return file.read().strip()


def failure(lines: Sequence[str], dockerfile: str) -> LaminarError:
    """The error of a build that failed and printed `lines`."""
    text = [line.rstrip() for line in (_ESCAPES.sub("", line) for line in lines) if line.strip()]
    said = " ".join(text[-1:]).removeprefix("ERROR: ").removeprefix("Error response from daemon: ")
    for pattern, error in _FAULTS:
        if fault := next((line for line in text[-_FAULT_LINES:] if pattern.search(line)), ""):
            return error(fault.removeprefix("ERROR: ").removeprefix("Error response from daemon: "))
    number, instruction, last = _buildkit_step(text) or _legacy_step(text)
    if instruction.startswith(("FROM ", "load metadata for ")):
        return _no_base(instruction.split()[-1] if "load" in instruction else instruction.split()[1], said, dockerfile)
    if not instruction:
        return UsageError(f"{dockerfile} cannot be built: {said}", remedy="Correct it.")
    ended = re.search(r"(?:returned a non-zero code|exit code): (\d+)", said)
    reason = f"exit code {ended[1]}" if ended else said
    shown = "\n".join(f"  {line}" for line in last if line != said)
    return UsageError(
        f"{dockerfile} fails at step {number}, {instruction}: {reason}",
        remedy=f"Correct that step. Its last lines:\n{shown}" if shown else "Correct that step.",
    )


def _no_base(image: str, said: str, dockerfile: str) -> EngineError:
    own = re.fullmatch(r"(?:docker\.io/(?:library/)?)?laminar(:.*)?", image)
    return EngineError(
        f"{dockerfile} begins FROM {image}, which is neither on the engine's machine nor to be pulled: {said}",
        remedy="Make laminar's base image once: laminar build --base"
        if own
        else "Correct the name, log in (docker login), or load the image (docker load).",
    )


def _legacy_step(lines: Sequence[str]) -> tuple[str, str, list[str]]:
    """Number, instruction and last lines of the step that failed, of the builder without BuildKit."""
    starts = [at for at, line in enumerate(lines) if _STEP.match(line)]
    if not starts:
        return "", "", []
    found = _STEP.match(lines[starts[-1]])
    assert found
    noise = (" ---> ", "Removing intermediate container ", "The command ")
    output = [line for line in lines[starts[-1] + 1 :] if not line.startswith(noise)]
    return f"{found[1]} of {found[2]}", found[3], output[-_SHOWN_LINES:]


def _buildkit_step(lines: Sequence[str]) -> tuple[str, str, list[str]] | None:
    """The same of BuildKit, which numbers its steps' lines; None where no line says that a step failed."""
    steps = {found[1]: found for line in lines if (found := _BUILDKIT_STEP.match(line))}
    output: dict[str, list[str]] = {}
    failed = ""
    for found in filter(None, map(_BUILDKIT_LINE.match, lines)):
        if found[3]:
            failed = found[1]
        else:
            output.setdefault(found[1], []).append(found[2])
    if failed not in steps:
        return None
    step = steps[failed]
    number = f"{step[2]} of {step[3]}" if step[2] else ""
    return number, step[4], output.get(failed, [])[-_SHOWN_LINES:]


def _show_step(line: str) -> None:
    """Show which step runs, in one line that is written over; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return
    if found := _STEP.match(line) or _BUILDKIT_STEP.match(line):
        sys.stderr.write(f"{_CLEAR}  {found[0].rstrip():.70}")


def _run(command: list[str], show: Callable[[str], object]) -> tuple[int, list[str]]:
    """Run a command; returns its exit code and the end of what it printed."""
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as client:
        assert client.stdout is not None
        for line in client.stdout:
            show(line)
            sys.stderr.flush()
            kept.append(line)
    return client.returncode, list(kept)
