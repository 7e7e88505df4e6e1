"""What looking costs: `list`, `show` and `logs` on a large store, against `laminar --help`.

Two stores of 100,000 splits: 1,000 executions of 100, and one execution of a ForEach of 100,000. They are written through
the Ledger, without flushing. Target: 1,000 ms, and 100 ms above `laminar --help` on the first store.
"""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import alternate, difference_ms, show

from laminar.datastores import Local
from laminar.engine.artifacts import Entry
from laminar.engine.ledger import Commit, Ledger, Plan
from laminar.engine.ports import Buffer
from laminar.model.grid import Axis, Grid
from laminar.model.wire import Task

ROUNDS = 7
PACKAGE = Path(__file__).resolve().parent.parent / "laminar"
LAMINAR = str(Path(sys.executable).parent / "laminar")
GRAPH = {"Source": [], "Process": ["Source"], "Join": ["Process"]}
NUMBER: Entry = {"type": "int", "preview": "17", "codec": "json", "sizes": [2], "inline": "MTc="}


class Unflushed(Local):
    """A store whose making does not wait for the disk."""

    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        """Put `data`, some time."""
        return super().create(key, data, durable=False)


def execute(store: Local, identity: str, splits: int) -> None:
    """The records of one execution whose Process has so many splits."""
    ledger = Ledger(store, "Large", identity)
    ledger.create("main:Large", {})
    ledger.launch({"target": "main:Large", "graph": GRAPH, "executor": "process", "engine": {}, "versions": {}})
    for layer in GRAPH:
        many = splits if layer == "Process" else 1
        grid = Grid([Axis("Source", "parts", 0, [(splits, 1)])]) if layer == "Process" else None
        ledger.put_plan(layer, Plan(many, grid))
        for index in range(many):
            now = time.time()
            task = Task(layer=layer, index=index, splits=many, target="", execution=identity, datastore="")
            ledger.put_commit(task, Commit(1, {"value": NUMBER}, started=now, finished=now))
    store.append(f"runs/Large/{identity}/layers/Process/7/1/log", b"reading part 7\n" * 100)


def measure(title: str, root: str, commands: list[list[str]]) -> None:
    """Time commands on a store, in turns with the help."""

    def run(*arguments: str) -> None:
        environment = {**os.environ, "LAMINAR_DATASTORE": root}
        subprocess.run([LAMINAR, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)

    names = ["--help", *(" ".join(command) for command in commands)]
    sides = alternate({name: lambda name=name: run(*name.split()) for name in names}, ROUNDS)  # type: ignore[misc]
    verdict = [f"{side.name}: {difference_ms(side, sides[0]):+.0f} ms" for side in sides[1:]]
    show(title, sides, "; ".join(verdict) + "   (target: +100 ms, 1000 ms in all)")


def main() -> None:
    """Both stores, one after the other."""
    compileall.compile_dir(PACKAGE, quiet=1)
    with TemporaryDirectory() as root:
        store = Unflushed(root)
        for number in range(1000):
            execute(store, f"run{number:04}", 98)
        place = "run0500/Process"
        commands = [["list"], ["list", "--limit", "0"], ["show", "latest"], ["show", place], ["show", f"{place}/7"]]
        measure(
            "inspect: 1,000 executions of 100 splits", root, [*commands, ["logs", f"{place}/7"], ["logs", "latest"]]
        )
    with TemporaryDirectory() as root:
        execute(Unflushed(root), "wide", 99_998)
        commands = [["list"], ["show", "wide"], ["show", "wide/Process"], ["show", "wide/Process/7"]]
        measure("inspect: one execution of 100,000 splits", root, [*commands, ["logs", "wide/Process/7"]])


if __name__ == "__main__":
    main()
