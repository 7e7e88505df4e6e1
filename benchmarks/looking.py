"""What looking costs: `laminar --help` against `python -c pass`; `list`, `show`, `logs` on large stores against that help.

Two stores of 100,000 splits: 1,000 executions of 100, and one execution of a ForEach of 100,000. They are written through
the Ledger and the Lease, without flushing. One execution in ten was killed after its last commit but one: nobody recorded
that it ended, so what there is of it has to be looked for. Target: the help 100 ms above Python; all others 1,000 ms.
"""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import Work, alternate, difference_ms, ratio, show

from laminar.datastores import Local
from laminar.engine.artifacts import Entry
from laminar.engine.lease import Lease
from laminar.engine.ledger import Commit, Ledger, Plan
from laminar.engine.ports import Buffer
from laminar.model.grid import Axis, Grid
from laminar.model.wire import Task

ROUNDS = 7
PACKAGE = Path(__file__).resolve().parent.parent / "laminar"
LAMINAR = str(Path(sys.executable).parent / "laminar")
KILLED = 10
"""Of so many executions one was."""

GRAPH = {"Source": [], "Process": ["Source"], "Join": ["Process"]}
NUMBER: Entry = {"type": "int", "preview": "17", "codec": "json", "sizes": [2], "inline": "MTc="}


class Unflushed(Local):
    """A store whose making does not wait for the disk."""

    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        """Put `data`, some time."""
        return super().create(key, data, durable=False)


def execute(store: Local, identity: str, splits: int, *, killed: bool = False) -> None:
    """The records of one execution whose Process has so many splits."""
    ledger = Ledger(store, "Large", identity)
    ledger.create("main:Large", {})
    lease = Lease.take(ledger)
    facts = {"target": "main:Large", "executor": "process", "engine": {}, "versions": {}, "fingerprint": "", "argv": []}
    ledger.launch({"graph": GRAPH, **facts})
    for layer in GRAPH:
        many = splits if layer == "Process" else 1
        grid = Grid([Axis("Source", "parts", 0, [(splits, 1)])]) if layer == "Process" else None
        ledger.put_plan(layer, Plan(many, grid))
        if killed and layer == "Join":
            return
        for index in range(many):
            now = time.time()
            task = Task(layer=layer, index=index, splits=many, target="", execution=identity, datastore="")
            ledger.put_commit(task, Commit(1, {"value": NUMBER}, started=now, finished=now))
    store.append(f"runs/Large/{identity}/layers/Process/7/1/log", b"reading part 7\n" * 100)
    lease.release("done")


def measure(title: str, root: str, commands: list[str]) -> None:
    """Time commands on a store, in turns with Python and with the help."""

    def run(*command: str) -> None:
        environment = {**os.environ, "LAMINAR_DATASTORE": root}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)

    works: dict[str, Work] = {"python -c pass": lambda: run(sys.executable, "-c", "pass")}
    works |= {words: lambda words=words: run(LAMINAR, *words.split()) for words in ["--help", *commands]}  # type: ignore[misc]
    python, usage, *others = alternate(works, ROUNDS)
    slowest = max(others, key=lambda side: side.median)
    verdict = f"--help: {difference_ms(usage, python):+.0f} ms on Python (target: +100); {slowest.name}: "
    verdict += f"{slowest.median:.0f} ms (target: 1000), {ratio(slowest, usage):.1f} times the help"
    show(title, [python, usage, *others], verdict)


def main() -> None:
    """Both stores, one after the other."""
    compileall.compile_dir(PACKAGE, quiet=1)
    with TemporaryDirectory() as root:
        store = Unflushed(root)
        for number in range(1000):
            execute(store, f"run{number:04}", 98, killed=number % KILLED == 1)
        process = "run0500/Process"
        commands = ["list", "list --limit 0", "show latest", f"show {process}", f"show {process}/7"]
        commands += [f"logs {process}/7", "logs latest"]
        measure("looking at 1,000 executions of 100 splits", root, commands)
    with TemporaryDirectory() as root:
        execute(Unflushed(root), "wide", 99_998)
        commands = ["list", "show wide", "show wide/Process", "show wide/Process/7", "logs wide/Process/7"]
        measure("looking at one execution of 100,000 splits", root, commands)


if __name__ == "__main__":
    main()
