"""A small store, made by real runs, that the tests of `list`, `show` and the like look at and do not change."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Project, gate_in

MAIN = """
from laminar import Flow, Layer, Parameters, hooks, layers

class HelloFlow(Flow): ...

@HelloFlow.register
class Source(Layer):
    def __call__(self, parameters: Parameters) -> None:
        print("reading", parameters.n)
        if parameters.n < 0:
            raise ValueError(f"n is {parameters.n}")
        self.title = "three parts"
        self.raw = b"\\x00\\xff"
        self.table = {"a": [1, 2]}
        self.odd = {1, 2}
        self.shard(parts=range(parameters.n))

@HelloFlow.register(
    foreach=layers.ForEach(parameters=[layers.Parameter(layer=Source, attribute="parts")]),
    retry=layers.Retry(attempts=2, delay=0),
)
class Process(Layer):
    def __call__(self, source: Source) -> None:
        print("part", source.parts)
        print("of", source.title)
        if source.parts == 1 and self.attempt == 1:
            raise ValueError("part 1 has no header")
        self.score = source.parts * 2

@HelloFlow.register(catch=layers.Catch(KeyError))
class Join(Layer):
    def __call__(self, process: Process) -> None:
        self.total = sum(process.score)
        raise KeyError("kept")

@HelloFlow.register
class Gate(Layer):
    @hooks.entry
    def only_if_big(self, join: Join) -> bool:
        return join.total > 100

    def __call__(self, join: Join) -> None: ...

@HelloFlow.register
class Report(Layer):
    def __call__(self, gate: Gate) -> None: ...

class PausedFlow(Flow): ...

@PausedFlow.register
class Pages(Layer):
    def __call__(self) -> None:
        self.shard(numbers=range(3))

@PausedFlow.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Pages, attribute="numbers")]))
class Page(Layer):
    def __call__(self, pages: Pages) -> None:
        print("page", pages.numbers)
        if pages.numbers == 1:
            from gate import meet
            meet("page")

@PausedFlow.register
class Book(Layer):
    def __call__(self, page: Page) -> None: ...

class OtherFlow(Flow): ...

@OtherFlow.register
class Only(Layer):
    def __call__(self) -> None:
        self.escape = "\\x1b[31mred"
"""

_VARYING = [
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\b(?:just now|\d+ (?:s|min|h|days) ago)"), "AGE"),
    (re.compile(r"\b\d+\.\d s\b"), "SPAN"),
    (re.compile(r"\b\d+:\d\d:\d\d\b"), "LONG"),  # ten seconds and more
    (re.compile(r"\b\d\d:\d\d\.\d\d\b"), "CLOCK"),
    (re.compile(r"(?m)^( +(?:commit|code|inputs) +(?:\w+ )?)[0-9a-f]{12}$"), r"\1DIGEST"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"(?m)^( +log +)\d+ B$"), r"\1SIZE"),
    (re.compile(r"\bpeak \d+ MiB"), "PEAK"),
    (re.compile(r"\b\d+ MiB(?= of memory at most)"), "N MiB"),
    (re.compile(r"laminar \d\S+, python \d[\d.]+"), "VERSIONS"),
    (re.compile(r'"(laminar|python)": "\d[^"]+"'), r'"\1": VERSION'),
    (re.compile(r'"(duration_s|slowest_s|seconds|at|cpu_s)": \d[\d.e-]*'), r'"\1": SECONDS'),
    (re.compile(r'"(\w*bytes)": \d+'), r'"\1": SIZE'),
    (re.compile(r'"(memory_peak_mib)": \d[\d.]*'), r'"\1": MIB'),
    (re.compile(r'"(memory_peak_at)": \[\s+\d+,\s+\d+\s+\]'), r'"\1": [SPLIT, ATTEMPT]'),
    (re.compile(r'"slowest": "\w+"'), '"slowest": LAYER'),
    (re.compile(r" Slowest: .*"), ""),  # on a busy machine, something took a second
    (re.compile(r" \(\d+\.\d cores\)"), ""),  # so, too
    # Python's versions underline other parts of a traceback.
    (re.compile(r"(?m)^ +[~^]+\n"), ""),
    (re.compile(r"\\n +[~^]+(?=\\n)"), ""),
    (re.compile(r"(AGE|SPAN|LONG|PEAK) +"), r"\1  "),
    (re.compile(r"(?m) +$"), ""),
]


@dataclass
class Seen(Project):
    """The project, with four executions.

    `first` of HelloFlow and of OtherFlow finished; in the one of HelloFlow, a split was retried, an error caught, and two
    layers skipped. `bad-1` of HelloFlow failed. `paused` of PausedFlow was interrupted in the second of three splits.
    """

    def normal(self, text: str) -> str:
        """What a command printed, without what varies from run to run."""
        text = text.replace(str(self.path), "HERE")
        for pattern, word in _VARYING:
            text = pattern.sub(word, text)
        return text

    def look(self, command: str, **environ: str | None) -> str:
        """What a command that succeeds prints."""
        result = self.laminar(*command.split(), **environ)
        assert (result.code, result.err) == (0, ""), result
        return self.normal(result.out)


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    made = Seen(Path(tmp_path_factory.mktemp("seen")))
    made.write("main.py", MAIN)
    try:
        run_flows(made)
        yield made
    finally:
        made.end()


def run_flows(made: Seen) -> None:
    schedule = ["--executor", "process", "--progress", "quiet", "--execution"]
    with gate_in(made) as gate:
        paused = made.start(*made.script, "schedule", "main:PausedFlow", *schedule, "paused", "--max-parallel", "1")
        gate.wait(paused)
        paused.signal(signal.SIGINT)
        ended = paused.end()
        assert ended.code == 130, ended
    for target, execution, given, code in [
        ("main:HelloFlow", "first", ["-p", "n=3"], 0),
        ("main:OtherFlow", "first", [], 0),
        ("main:HelloFlow", "bad-1", ["-p", "n=-1"], 1),
    ]:
        result = made.laminar("schedule", target, *schedule, execution, *given)
        assert result.code == code, result
