"""Containers, clients and schedulers that are killed at random, for half a minute: the values are those of a quiet run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

from laminar.errors import InfrastructureError
from tests.faults.invariants import commits, unchanged, verify
from tests.integration.conftest import clients_of

SPLITS = 40
CHAOS_S = float(os.environ.get("CHAOS_S", "30"))
LIMIT_S = CHAOS_S + 600
"""When something must be wrong, on the slowest of machines."""

MAIN = f"""
import os, time, uuid
from laminar import Flow, Layer, layers

def called(layer):
    if folder := os.environ.get("CALLS"):
        name = "-".join((layer.name, str(layer.index), str(layer.attempt), uuid.uuid4().hex))
        with open(os.path.join(folder, name), "w") as file:
            file.write(str(time.time()))

OPTIONS = dict(
    container=layers.Container(cpu=0.5, memory=100, env=dict(CALLS="/calls"), volumes=["CALLS_HERE:/calls"]),
    retry=layers.Retry(infrastructure=5, delay=0.01),
)

class F(Flow): ...

@F.register(**OPTIONS)
class Parts(Layer):
    def __call__(self) -> None:
        called(self)
        self.shard(parts=range({SPLITS}))

@F.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Parts, attribute="parts")]), **OPTIONS)
class Each(Layer):
    def __call__(self, parts: Parts) -> None:
        called(self)
        print("begun", flush=True)
        time.sleep(1 if "CALLS" in os.environ else 0)  # in the quiet run nobody strikes
        self.square = parts.parts ** 2
        self.text = str(parts.parts) * 2000

@F.register(**OPTIONS)
class Join(Layer):
    def __call__(self, each: Each) -> None:
        called(self)
        self.total = sum(each.square)
        self.lengths = [len(text) for text in each.text]
"""

RESUME = """
import main
main.F().execution("one").resume()
"""

VALUES = """
import json, sys, main
from laminar.datastores import Local
execution = main.F(datastore=Local(sys.argv[1])).execution("one")
join, each = execution.layer(main.Join), execution.layer(main.Each)
print(json.dumps([join.total, join.lengths, list(each.square), list(each.text)]))
"""


def test_chaos(project, engine):
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))
    print(f"CHAOS_SEED={seed}")  # noqa: T201 - to run it again
    calls = project.path.parent / "calls"
    calls.mkdir()
    project.write("main.py", MAIN.replace("CALLS_HERE", str(calls)))
    project.write("resume.py", RESUME)
    project.write("values.py", VALUES)
    quiet = project.laminar("schedule", "main:F", "--execution", "one", "--executor", "thread", "--datastore", "quiet")
    assert quiet.code == 0, quiet.err

    chaos = Chaos(project, engine, random.Random(seed))
    chaos.run()
    print(dict(chaos.done), f"in {chaos.took:.0f} s")  # noqa: T201 - to run it again
    assert {"scheduler", "container"} <= chaos.done.keys()

    assert engine.containers() == []
    verify(project.store)
    values = [json.loads(project.python("values.py", store).out) for store in ("quiet", ".laminar")]
    assert values[0] == values[1]
    committed = {}
    for path in commits(project.store):
        _, _, _, _, layer, index, _ = path.split("/")
        committed[layer, index] = os.path.getmtime(project.store / path)
    assert len(committed) == SPLITS + 2
    made = Counter()
    for path in calls.iterdir():
        layer, index, attempt, _ = path.name.split("-")
        made[layer, index, attempt] += 1
        if text := path.read_text():  # else it was killed there
            assert float(text) < committed[layer, index] + 0.1, f"{path.name} was called after the commit"
    assert set(made.values()) == {1}


class Chaos:
    """Runs the execution, and kills what runs until CHAOS_S are over; then it may end in peace."""

    def __init__(self, project, engine, dice):
        self.project = project
        self.engine = engine
        self.dice = dice
        self.done = Counter()
        self.took = 0.0
        self._deck = []

    def run(self):
        began = time.monotonic()
        environ = {"LAMINAR_MOUNT": "."}
        running = self.project.start(*self.project.script, "schedule", "main:F", "--execution", "one", **environ)
        before = {}
        next_s = began + 2
        while True:
            self.took = time.monotonic() - began
            assert self.took < LIMIT_S, self.done
            code = running.process.poll()
            if code is None:
                if next_s < time.monotonic() < began + CHAOS_S:
                    next_s = time.monotonic() + self.dice.uniform(0.1, 1.0)
                    self.strike(running)
                time.sleep(0.02)
                continue
            said = running.end()
            verify(self.project.store)
            unchanged(before, self.project.store)
            before = commits(self.project.store)
            if code == 0:
                return
            assert code in (-signal.SIGKILL, InfrastructureError.exit_code), said.err
            self.done[f"launch that ended {code}"] += 1
            begun = (self.project.store / "runs/F/one/execution.json").exists()
            command = [sys.executable, "resume.py"]
            if not begun:
                command = [*self.project.script, "schedule", "main:F", "--execution", "one"]
            running = self.project.start(*command, **environ)

    def strike(self, running):
        """Kill something, of a kind that comes as often as the others."""
        if not self._deck:
            self._deck = ["scheduler", "container", "container", "remove", "client", "client"]
            self.dice.shuffle(self._deck)
        kind = self._deck.pop()
        if kind == "scheduler":
            running.signal(signal.SIGKILL)
        elif kind == "client":
            if not (clients := clients_of(running.process.pid)):
                return
            os.kill(self.dice.choice(clients), signal.SIGKILL)
        else:
            if not (there := self.engine.containers()):
                return
            how = ["kill"] if kind == "container" else ["rm", "--force"]
            subprocess.run(["docker", *how, self.dice.choice(there)], capture_output=True)
        self.done[kind] += 1
