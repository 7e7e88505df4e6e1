"""The live view in a real terminal, through all that can happen to a run; docs/live-view.md shows what it looks like."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.tmux import Terminal, captures, terminal

SHOWN = captures(Path(__file__).resolve().parents[2] / "docs" / "live-view.md")

MAIN = """
from gate import meet
from laminar import Flow, Layer, Parameters, executors, hooks, layers

class Survey(Flow): ...

@Survey.register
class Source(Layer):
    def __call__(self) -> None:
        self.shard(parts=["north", "south", "east", "west"])

each_part = layers.ForEach(parameters=[layers.Parameter(layer=Source, attribute="parts")])

@Survey.register(foreach=each_part, retry=layers.Retry(attempts=2, delay=0, jitter=0), container=layers.Container(cpu=0.1))
class Process(Layer):
    def __call__(self, source: Source, parameters: Parameters) -> None:
        print("reading", source.parts)
        print("\\x1b[32mfitting\\x1b[0m", end="\\r")
        print("fitting", source.parts, end="", flush=True)
        if source.parts == "south" and self.attempt <= parameters.failures:
            raise ValueError("south has no header")
        meet(source.parts)

@Survey.register
class Gate(Layer):
    @hooks.entry
    def is_large(self, source: Source) -> bool:
        return len(source.parts) > 100

    def __call__(self, source: Source) -> None: ...

@Survey.register
class Join(Layer):
    def __call__(self, process: Process) -> None: ...

in_processes = Survey(executor=executors.Process())
in_threads = Survey(executor=executors.Thread(concurrency=4))  # however many cores there are
"""

MANY = """
from gate import meet
from laminar import Flow, Layer, datastores, executors, layers

class Many(Flow): ...

@Many.register
class Items(Layer):
    def __call__(self) -> None:
        self.shard(items=range(10_000))

@Many.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Items, attribute="items")]))
class Each(Layer):
    def __call__(self, items: Items) -> None:
        if items.items in (5000, 7000):
            print("item", items.items)
            meet(str(items.items))

@Many.register
class Last(Layer):
    def __call__(self, each: Each) -> None: ...

flow = Many(datastore=datastores.Memory(), executor=executors.Thread(concurrency=4))
"""


def survey(project, flow: str, failures: int) -> list[str]:
    """The command that schedules the survey, where the south fails so often."""
    project.write("main.py", MAIN)
    given = ["-p", f"failures={failures}", "--execution", "demo"]
    return ["schedule", f"main:{flow}", *given]


def normal(project, text: str) -> str:
    """Without what varies from run to run: times, and how wide they are."""
    text = text.replace(str(project.path), "/home/you")
    text = re.sub(r" +(~?)(?:\d+\.\d s|\d+:\d\d:\d\d|\d+ s)\b", r" \1TIME", text)
    text = re.sub(r" Slowest: .*", "", text)
    text = re.sub(r"\n[~^ ]+\n", "\n", text)  # Python's versions underline other parts of a traceback
    text = re.sub(r"peak \d+ MiB", "peak 20 MiB", text)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip() not in ("", "demo"))


def shows(project, heading: str, screen: str) -> None:
    """Assert that this is what the page shows."""
    assert normal(project, screen) == normal(project, SHOWN[heading]), f"{heading}:\n{screen}"


def comes_to_show(project, heading: str, seen: Terminal) -> None:
    """Wait until this is what the terminal shows, while a run goes on: which process is the quicker is nobody's to say."""
    shown = normal(project, SHOWN[heading])
    seen.wait(lambda screen: normal(project, screen) == shown, heading)


def test_a_run_with_a_retry_and_a_skipped_layer(project, gate):
    with terminal(project, *survey(project, "in_processes", failures=1)) as seen:
        comes_to_show(project, "While it runs", seen)
        for _ in range(4):
            gate.open()
        shows(project, "Done", seen.until("^exit code 0"))


def test_a_run_that_fails(project, gate):
    with terminal(project, *survey(project, "in_processes", failures=2)) as seen:
        comes_to_show(project, "A split has failed", seen)
        for _ in range(3):
            gate.open()
        seen.until("^exit code 1")
        shows(project, "Failed", seen.text)


def test_ten_thousand_splits(project, gate):
    project.write("main.py", MANY)
    with terminal(project, "schedule", "main:flow", "--execution", "demo", lines=12) as seen:
        comes_to_show(project, "Ten thousand splits", seen)
        gate.open()
        gate.open()
        seen.until("^exit code 0", r"✓ Each +done +10000/10000")


def test_a_terminal_that_changes_its_size_is_drawn_anew(project, gate):
    with terminal(project, *survey(project, "in_threads", failures=1), "--max-parallel", "2") as seen:
        seen.until("2 running · 1 retrying", "fitting north$", "fitting east$")
        seen.resize(56, 20)
        comes_to_show(project, "In fifty-six columns", seen)
        seen.resize(100, 30)
        seen.until(
            r"^Survey  demo  thread · .laminar {50,}", r"^  ● Process +─{21} ", r" /2 .* fitting east$", "^  2 of 4 "
        )
        seen.resize(100, 6)
        seen.until(r"^ +and 3 more layers: 1 waiting, 1 skipped, 1 done$")
        for _ in range(4):
            gate.open()
        seen.until("^exit code 0")


def test_ctrl_c(project, gate):
    with terminal(project, *survey(project, "in_processes", failures=0)) as seen:
        seen.until(*(rf"fitting {part}$" for part in ("north", "south", "east", "west")))
        gate.open()
        seen.until(r"● Process .* 1/4 ")
        seen.type("C-c")
        shows(project, "Interrupted", seen.until("^exit code 130"))
