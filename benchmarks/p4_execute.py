"""P4: `laminar execute` of a no-op layer, against `python -c pass` in the same image, and against `import click` alone.

All sides run in one container, so that what a container costs is on none of them. The task is as the scheduler sends it:
the run before the measurement leaves the flow's fingerprint, which every executor process compares with its own code.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import alternate, difference_ms, show

PAIRS = 15
INSIDE = "--inside"

FLOW = """
from laminar import Flow, Layer

class NoOp(Flow): ...

@NoOp.register
class Nothing(Layer):
    def __call__(self) -> None: ...
"""


def outside() -> None:
    """Start the container, with these scripts mounted, and a directory of its own for the rest."""
    from laminar.executors.docker_image import BASE_IMAGE

    here = Path(__file__).resolve()
    subprocess.run(
        [
            *("docker", "run", "--rm", "--init"),
            f"--mount=type=bind,source={here.parent},target=/benchmarks,readonly",
            *(BASE_IMAGE, "python", f"/benchmarks/{here.name}", INSIDE),
        ],
        check=True,
    )


def inside() -> None:
    """Measure."""
    with TemporaryDirectory() as directory:
        os.chdir(directory)
        Path("main.py").write_text(FLOW)
        variables = schedule()
        count = iter(range(1, 1000))

        def execute() -> None:
            # Each time another split: one that is committed already would be done at once.
            environment = {**os.environ, **variables, "LAMINAR_INDEX": str(next(count)), "LAMINAR_SPLITS": "1000"}
            run(["laminar", "execute", "--layer", "Nothing"], environment)

        ours, least, click = alternate(
            {
                "laminar execute --layer Nothing": execute,
                "python -c pass": lambda: run([sys.executable, "-c", "pass"]),
                "python -c 'import click'": lambda: run([sys.executable, "-c", "import click"]),
            },
            PAIRS,
        )
        assert len(list(Path(".laminar/runs/NoOp/one/layers/Nothing").glob("*/COMMIT"))) == PAIRS + 2
    over, of_click = difference_ms(ours, least), difference_ms(click, least)
    verdict = f"+{over:.1f} ms, of which click {of_click:.1f}   (target: +50 at most)"
    show("P4: one executor process, all sides in one container", [ours, least, click], verdict)


def schedule() -> dict[str, str]:
    """Run the flow once; returns the variables that a scheduler sets for its executor processes."""
    from laminar.datastores import Local
    from laminar.engine.ledger import Ledger
    from laminar.model.wire import Task, environment

    run(["laminar", "schedule", "main:NoOp", "--executor", "process", "--execution", "one", "--progress", "quiet"])
    launch = Ledger(Local(".laminar"), "NoOp", "one").launches()[0]
    task = Task(
        target=launch["target"],
        execution="one",
        layer="Nothing",
        datastore=os.path.abspath(".laminar"),
        fingerprint=launch["fingerprint"],
    )
    return environment(task)


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    inside() if INSIDE in sys.argv else outside()
