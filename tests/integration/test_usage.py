"""What a container has used is in the records, as the kernel's control group has it."""

from __future__ import annotations

import json

FLOW = """
import os
import subprocess
import sys
import time

from laminar import Flow, Layer, layers

class F(Flow): ...

HELD = "b'x' * (150 << 20)"

@F.register(container=layers.Container(memory=400))
class Holds(Layer):
    def __call__(self) -> None:
        held = b"x" * (200 << 20)
        self.n = len(held)

@F.register(container=layers.Container(memory=128))
class Writes(Layer):
    def __call__(self) -> None:
        path = os.path.join(self.scratch, "big")
        with open(path, "wb") as file:
            for _ in range(300):
                file.write(os.urandom(1 << 20))
            os.fsync(file.fileno())

@F.register
class Starts(Layer):
    def __call__(self) -> None:
        subprocess.run([sys.executable, "-c", HELD], check=True)

@F.register
class Works(Layer):
    def __call__(self) -> None:
        while time.process_time() < 0.5:
            pass
        raise ValueError("no")

@F.register(container=layers.Container(memory=100))
class Bursts(Layer):
    def __call__(self) -> None:
        self.n = len(b"x" * (200 << 20))
"""


def test_what_layers_use_is_in_the_records(project):
    project.write("main.py", FLOW)
    result = project.laminar("schedule", "main:F", "--execution", "one", "--progress", "json")
    assert result.code == 1, result.err
    ledger = project.ledger("F", "one")
    found = {name: commit.usage for name, commit in project.commits("F", "one").items()}
    assert {usage.measured for usage in found.values()} == {"container"}
    assert 200 < found["Holds"].memory_peak_mib < 300, found
    assert found["Writes"].memory_peak_mib < 80, found  # its file is more than twice its limit
    assert 150 < found["Starts"].memory_peak_mib < 250, found
    failed, burst = ledger.failure("Works", 0, 1).usage, ledger.failure("Bursts", 0, 1).usage
    assert failed.cpu_s > 0.4, failed
    assert burst == (None, 100.0, "container")
    events = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    told = {each["layer"]: each["usage"] for each in events if each["event"] in ("split_done", "attempt_failed")}
    assert told["Holds"] == found["Holds"]._asdict()
    assert (told["Works"], told["Bursts"]) == (failed._asdict(), burst._asdict())
    shown = project.laminar("show", "one/Holds/0").out
    assert "MiB of memory at most\n" in shown, shown
    assert "advice     asks for 1500 MiB" in project.laminar("show", "one/Works/0").out
