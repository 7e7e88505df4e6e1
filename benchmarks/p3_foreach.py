"""P3: a ForEach of splits that do nothing, by the thread executor: in memory, durable in a directory, with the live view.

Each run has a process of its own, which tells how long the flow took and the most memory that it had. Ten times the splits
should take ten times as long.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from tempfile import TemporaryDirectory

from harness import Side, ratio, show

from laminar import Flow, Layer, datastores, executors, layers

SPLITS = 10_000
FEWER = 1_000
SEEN = 100_000
PAIRS = 3
INSIDE = "--inside"


class Fan(Flow):
    """Two layers."""


@Fan.register
class Items(Layer):
    """What is iterated over."""

    def __call__(self) -> None:
        """As many items as splits are asked for."""
        self.shard(items=range(int(sys.argv[-1])))


@Fan.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Items, attribute="items")]))
class Nothing(Layer):
    """A split for each item."""

    def __call__(self, items: Items) -> None:
        """Do nothing."""


def inside(store: str) -> None:
    """Run the flow in `store`, and print what it took: seconds, seconds of processor, MiB at most."""
    place = datastores.Memory() if store == "memory" else datastores.Local(store)
    began, spent = time.perf_counter(), time.process_time()
    Fan(datastore=place, executor=executors.Thread())()
    took = time.perf_counter() - began, time.process_time() - spent
    print(json.dumps([*took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def run(store: str, splits: int, progress: str = "plain") -> list[float]:
    """What `inside` prints, in a process of its own."""
    command = [sys.executable, __file__, INSIDE, store, str(splits)]
    environ = {**os.environ, "LAMINAR_PROGRESS": progress, "TERM": "xterm-256color"}
    done = subprocess.run(command, check=True, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    told: list[float] = json.loads(done.stdout)
    return told


def pairs(title: str, target: str, rounds: int, place: Callable[[int], str]) -> None:
    """Many splits and fewer, alternating; `place` makes the store of each run, by its number."""
    sides = {splits: Side(f"{splits:,} splits", [], []) for splits in (SPLITS, FEWER)}
    peak = dict.fromkeys(sides, 0.0)
    for number in range(rounds):
        for splits, side in sides.items():
            took_s, cpu_s, mib = run(place(number * 2 + (splits == FEWER)), splits)
            side.times_ms.append(took_s * 1000)
            side.cpu_ms.append(cpu_s * 1000)
            peak[splits] = max(peak[splits], mib)
    many, few = sides.values()
    verdict = f"{many.median / 1000:.2f} s, {ratio(many, few):.1f} times as long for {SPLITS // FEWER} times as many"
    memory = f"{peak[SPLITS]:.0f} MiB at most, {peak[FEWER]:.0f} for {FEWER:,}"
    show(title, [many, few], f"{verdict}; {memory}   ({target})")


def views(rounds: int) -> None:
    """The live view, which draws all the while, against none."""
    sides = {"tty": Side(f"{SEEN:,} splits, live view", [], []), "quiet": Side("no view", [], [])}
    peak = dict.fromkeys(sides, 0.0)
    for number in range(rounds):
        for progress in sorted(sides, reverse=bool(number % 2)):
            took_s, cpu_s, mib = run("memory", SEEN, progress)
            sides[progress].times_ms.append(took_s * 1000)
            sides[progress].cpu_ms.append(cpu_s * 1000)
            peak[progress] = max(peak[progress], mib)
    live, quiet = sides.values()
    memory = f"{peak['tty']:.0f} MiB at most, {peak['quiet']:.0f} without"
    show(
        "P3: the live view", [live, quiet], f"{ratio(live, quiet):.2f} times as long; {memory}   (target: 1.05 at most)"
    )


def main() -> None:
    """Memory three times; the directory once: it is the disk that is measured there."""
    pairs("P3: no-op ForEach, memory store", "target: 1 s at most", PAIRS, lambda _: "memory")
    views(PAIRS)
    with TemporaryDirectory() as directory:
        pairs("P3: the same, local store", "target: 5 s at most", 1, lambda number: f"{directory}/{number}")


if __name__ == "__main__":
    inside(sys.argv[2]) if INSIDE in sys.argv else main()
