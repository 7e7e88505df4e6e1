"""P1: a chain of ten layers, each in a container of its own, against ten `docker run IMAGE python3 -c pass` in a row.

The floor's containers get the very options that laminar gives to its own. Ours is the whole command, from the start of the
scheduler to its end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import alternate, ratio, show

from laminar.executors.docker_command import Place, docker_command, mount
from laminar.executors.docker_image import BASE_IMAGE
from laminar.model.configuration import WORKDIR, Container
from laminar.model.wire import Task

LENGTH = 10
PAIRS = 5

FLOW = """
from laminar import Flow, Layer

class Chain(Flow): ...

@Chain.register
class L0(Layer):
    def __call__(self) -> None: ...
"""
LINK = """
@Chain.register
class L{number}(Layer):
    def __call__(self, previous: L{before}) -> None: ...
"""


def floor(directory: str, names: list[str]) -> None:
    """Ten containers, one after the other; `names` gets theirs."""
    place = Place("Chain", f"{directory}/.laminar", f"{os.getuid()}:{os.getgid()}")
    container = Container(command=["python3", "-c", "pass"])
    project = mount(directory, WORKDIR, read_only=True)
    execution = uuid.uuid4().hex
    for index in range(LENGTH):
        task = Task(target="main:Chain", execution=execution, layer=f"L{index}", datastore="/mnt/laminar")
        command = docker_command(task, container, place, BASE_IMAGE, (project,))
        subprocess.run(command, check=True)
        names.append(next(word for word in command if word.startswith("--name=")).removeprefix("--name="))


def chain(directory: str) -> None:
    """The chain, by the command line."""
    command = [sys.executable, "-m", "laminar", "schedule", "main:Chain", "--progress", "quiet"]
    subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Five pairs."""
    names: list[str] = []
    with TemporaryDirectory() as directory:
        links = (LINK.format(number=number, before=number - 1) for number in range(1, LENGTH))
        Path(directory, "main.py").write_text(FLOW + "".join(links))
        Path(directory, ".laminar").mkdir()
        try:
            ours, least = alternate(
                {
                    f"laminar schedule, a chain of {LENGTH}": lambda: chain(directory),
                    f"{LENGTH} x docker run python3 -c pass": lambda: floor(directory, names),
                },
                PAIRS,
            )
        finally:
            subprocess.run(["docker", "rm", "--force", *names], check=False, stdout=subprocess.DEVNULL)
    verdict = f"ratio {ratio(ours, least):.3f}   (target: 1.15 at most)"
    show(f"P1: {LENGTH} layers in a row, {BASE_IMAGE}", [ours, least], verdict)


if __name__ == "__main__":
    main()
