"""What docs/promises.md promises of flows, whatever runs the layers: each run below holds many promises at once."""

from __future__ import annotations

import pytest

EXECUTORS = ["thread", "process", "docker"]

AUTHORING = """
from __future__ import annotations

import os
import threading
from laminar import Flow, Layer, Parameters, hooks, layers


def foreach(*of):
    return layers.ForEach(parameters=[layers.Parameter(layer=a, attribute=b, index=c) for a, b, c in of])


def why(read):
    try:
        return read()
    except (AttributeError, IndexError) as error:
        return str(error)


class Left(Flow):
    @hooks.execution
    def of_left(self):
        self._order = ["left opens"]
        self.lock = threading.Lock()
        yield
        self._order.append("left closes")
        self.order = self._order


class Right(Flow):
    @hooks.submission
    def of_right(self):
        self.configuration.container.env = {"STEP": f"{self.name} of {self.execution.id}"}


class Both(Left, Right):
    @hooks.execution
    def of_both(self):
        self._order.append("both opens")
        yield
        self._order.append("both closes")


@Both.register
class Options(Parameters):
    rate: float = 0.5
    names: list[str]


@Left.register
class Source(Layer):
    shade = "of the class"
    untouched = "of the class"

    def colour(self) -> str:
        return "of the class"

    def shout(self) -> str:
        return self.shade.upper()

    def __call__(self, options: Options) -> None:
        self.shade = "saved"
        self.colour = "saved"
        self.given = [options.rate, options.names]
        self._hidden = threading.Lock()
        self.whole = [1, 2]  # one element
        self.shard(three=(n for n in range(1, 4)), one=["only"], none=[])
        self.locked = self.lock.locked()


class Base(Layer):
    @hooks.execution
    def open_base(self, source: Source):
        self._order.append(f"base sees {len(source.three)}")
        yield
        self._order.append("base closes")


@Right.register(foreach=foreach((Source, "three", None), (Source, "whole", None)), retry=layers.Retry(attempts=3, delay=0))
class Pairs(Base):
    @hooks.submission
    def fit(self, source: Source) -> None:
        self.configuration.container.memory = 100 * source.three[self.index]

    @hooks.retry
    def grow(self) -> None:
        self.configuration.container.memory *= 2

    @hooks.execution
    def open_pairs(self):
        self._order.append("pairs opens")
        yield
        self._order.append("pairs closes")

    def __call__(self, source: Source) -> None:
        if self.index == 0 and self.attempt < 3:
            self.leaked = self.attempt
            raise ConnectionError
        self.pair = (source.three, source.whole, source.one[0])
        self.seen = [self.name, self.index, self.splits, self.attempt, self.execution.id]
        self.memory = self.configuration.container.memory
        self.folder = self.scratch
        with open(os.path.join(self.scratch, "file"), "w") as file:
            self.wrote = file.write("abc")
        if self.index != 1:
            self.some = self.index
        self.shard(parts=[(self.index, n) for n in range(self.index)])


@Both.register(foreach=foreach((Pairs, "pair", None)))
class OneToOne(Layer):
    def __call__(self, pairs: Pairs) -> None:
        self.got = (self.index, pairs.pair[0])


@Both.register(foreach=foreach((Pairs, "parts", 2)))
class OfSplitTwo(Layer):
    def __call__(self, pairs: Pairs) -> None:
        self.part = pairs.parts


@Both.register(foreach=foreach((Source, "three", None), (Source, "none", None)))
class Empty(Layer):
    def __call__(self, source: Source) -> None:
        raise AssertionError


@Both.register(catch=layers.Catch(ZeroDivisionError))
class Join(Layer):
    def __call__(self, source: "Source", pairs: "Pairs", one: OneToOne, two: OfSplitTwo, empty: Empty) -> None:
        self.three = (len(source.three), source.three[-1], list(source.three[::-2]), list(source.one), list(source.none))
        self.of_class = (source.shade, source.colour, source.untouched, source.shout(), hasattr(source, "_hidden"))
        self.parts = [list(part) for part in pairs.parts]
        self.got, self.of_two = list(one.got), list(two.part)
        self.empty = (list(empty.anything), empty.splits, str(empty.state))
        self.errors = [
            why(lambda: source.three[3]),
            why(lambda: source.absent),
            why(lambda: pairs.some),
            why(lambda: pairs.leaked),
            why(lambda: self.later),
        ]
        self.now = [str(self.state), str(pairs.state)]
        self.half = 1 / 0


@Both.register
class Never(Layer):
    @hooks.entry
    def wanted(self, join: Join) -> bool:
        return False

    def __call__(self) -> None: ...


@Both.register(foreach=foreach((Never, "items", None)))
class OverNever(Layer):
    @hooks.entry
    def always(self) -> bool:
        return True

    def __call__(self, never: Never) -> None: ...


@Both.register
class Anyway(Layer):
    @hooks.entry
    def always(self) -> bool:
        return True

    def __call__(self, over: OverNever, join: Join) -> None:
        self.states = [str(over.state), join.state.error.message]
        self.why = why(lambda: over.items)
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_flow_is_authored_the_same_whatever_runs_it(project, read, executor):
    project.write("main.py", AUTHORING)
    options = ["--execution", "one", "-p", 'names=["a", "b"]', "-p", "rate=2.5"]
    result = project.laminar("schedule", "main:Both", *options, LAMINAR_EXECUTOR=executor)
    assert result.code == 0, result.err
    run = "Both().execution('one')"
    join, pairs = f"{run}.layer(Join)", f"{run}.layer(Pairs)"
    values = read(
        given=f"{run}.layer(Source).given",
        parameters=f"[{run}.parameters.rate, type({run}.parameters) is Options]",
        locked=f"[{run}.layer(Source).locked, hasattr({run}.layer(Source), 'lock')]",
        pair=f"list({pairs}.pair)",
        seen=f"list({pairs}.seen)",
        memory=f"list({pairs}.memory)",
        started=f"[{run}.layer(Pairs, index=n).configuration.container.memory for n in range(3)]",
        environ=f"{run}.layer(Pairs, index=1).configuration.container.env",
        order=f"{pairs}.order[0]",
        folders=f"[len(set({pairs}.folder)), [os.path.exists(folder) for folder in {pairs}.folder]]",
        one_split=f"[{run}.layer(Pairs, index=2).some, list({run}.layer(Pairs, index=2).parts)]",
        three=f"{join}.three",
        of_class=f"{join}.of_class",
        of_reader=f"[{run}.layer(Source).colour, {run}.layer(Source).shout()]",
        parts=f"{join}.parts",
        got=f"{join}.got",
        of_two=f"{join}.of_two",
        empty=f"{join}.empty",
        errors=f"{join}.errors",
        now=f"{join}.now",
        half=f"[hasattr({join}, 'half'), {join}.state.error.error, hasattr({join}, 'order')]",
        states=f"[str({run}.layer(layer).state) for layer in (Never, OverNever, Anyway)] + [{run}.state]",
        anyway=f"{run}.layer(Anyway).states",
        why=f"[{run}.layer(Anyway).why, why(lambda: {run}.layer(Never).items)]",
    )
    around = ["left opens", "both opens", "both closes", "left closes"]
    skipped = "was skipped in execution one:"
    assert values == {
        "given": [2.5, ["a", "b"]],
        "parameters": [2.5, True],
        "locked": [False, False],
        "pair": [[n, [1, 2], "only"] for n in (1, 2, 3)],
        "seen": [["Pairs", n, 3, 3 if n == 0 else 1, "one"] for n in range(3)],
        "memory": [400, 200, 300],
        "started": [400, 200, 300],
        "environ": {"STEP": "Pairs of one"},
        "order": [*around[:2], "base sees 3", "pairs opens", "pairs closes", "base closes", *around[2:]],
        "folders": [3, [False] * 3],
        "one_split": [2, [[2, 0], [2, 1]]],
        "three": [3, 3, [3, 1], ["only"], []],
        "of_class": ["saved", "saved", "of the class", "SAVED", False],
        "of_reader": ["saved", "SAVED"],
        "parts": [[1, 0], [2, 0], [2, 1]],
        "got": [[0, 1], [1, 2], [2, 3]],
        "of_two": [[2, 0], [2, 1]],
        "empty": [[], 0, "finished"],
        "errors": [
            "Source.three has 3 items; there is no item 3",
            "layer Source did not set 'absent'; it set: colour, given, locked, none, one, order, shade, three, whole",
            "layer Pairs did not set 'some' in 1 of its 3 splits: 1",
            "layer Pairs did not set 'leaked'; it set: folder, memory, order, pair, parts, seen, some, wrote",
            "layer Join has not set 'later'; it has set: empty, got, of_class, of_two, parts, three",
        ],
        "now": ["running", "finished"],
        "half": [False, "ZeroDivisionError", False],
        "states": ["skipped", "skipped", "finished", "finished"],
        "anyway": ["skipped", "division by zero"],
        "why": [
            f"layer OverNever {skipped} Never, which it iterates over, was skipped",
            f"layer Never {skipped} Never.wanted returned False",
        ],
    }


FAILING = """
import os
import sys
from laminar import Flow, Layer, layers


class F(Flow): ...


@F.register
class Source(Layer):
    def __call__(self) -> None:
        self.shard(numbers=[1, 2, 4])


@F.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=Source, attribute="numbers")]))
class Inverse(Layer):
    default = 0

    def __call__(self, source: Source) -> None:
        if source.numbers == 2 and os.path.exists("broken"):
            self.leaked = self.default = 1
            raise ValueError("on purpose")
        self.value = 1 / source.numbers


@F.register
class Total(Layer):
    def __call__(self, inverse: Inverse) -> None:
        self.total = sum(inverse.value)
        self.leaked = [hasattr(inverse, "leaked"), inverse.default]


@F.register
class Exits(Layer):
    def __call__(self) -> None:
        if os.path.exists("broken"):
            self.leaked = 1
            sys.exit(0)


@F.register
class Free(Layer):
    def __call__(self) -> None:
        self.value = 1


def why(read):
    try:
        return read()
    except AttributeError as error:
        return str(error)
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_run_that_failed_is_read_and_resumed_the_same_whatever_ran_it(project, read, executor):
    project.write("main.py", FAILING)
    project.write("broken", "")
    schedule = ["schedule", "main:F", "--execution", "one"]
    failed = project.laminar(*schedule, LAMINAR_EXECUTOR=executor)
    assert failed.code == 1, failed.err
    assert "the layer called sys.exit(0)" in failed.err
    assert "Inverse/1 failed (attempt 1): ValueError: on purpose" in failed.err
    project.laminar(*schedule, LAMINAR_EXECUTOR=executor).fails(2, "flow F has an execution 'one' already")
    run = "F().execution('one')"
    before = read(
        states=f"[str({run}.layer(layer).state) for layer in (Source, Inverse, Total, Exits, Free)] + [{run}.state]",
        error=f"[{run}.layer(Inverse).state.error.message, {run}.layer(Exits).state.error.error]",
        why=f"[why(lambda: layer.total) for layer in ({run}.layer(Inverse), {run}.layer(Total))]",
        free=f"{run}.layer(Free).value",
        listed="[[run.id for run in F().executions()], [layer.name for layer in F().store().list_layers(execution="
        f"{run})], F().store().list_artifacts(layer={run}.layer(Free))]",
    )
    committed = sorted(project.commits("F", "one"))
    assert before == {
        "states": ["finished", "failed", "waiting", "failed", "finished", "failed"],
        "error": ["on purpose", "SystemExit"],
        "why": [
            "layer Inverse failed in execution one: ValueError: on purpose",
            "layer Total has not finished in execution one (it is waiting)",
        ],
        "free": 1,
        "listed": [["one"], ["Source", "Inverse", "Exits", "Free"], ["value"]],
    }

    (project.path / "broken").unlink()
    project.write("go_on.py", "from main import F\nif flow := F():\n    print(flow.execution('one').resume().state)")
    resumed = project.python("go_on.py", LAMINAR_EXECUTOR=executor)
    assert (resumed.code, resumed.out) == (0, "finished\n"), resumed.err
    after = read(
        total=f"[{run}.layer(Total).total, {run}.layer(Total).leaked]",
        attempts=f"[{run}.layer(layer).attempt for layer in (Source, Exits, Free)]",
        second=f"{run}.layer(Inverse, index=1).attempt",
        leaked=f"why(lambda: {run}.layer(Exits).leaked)",
    )
    assert after == {
        "total": [1.75, [False, 0]],
        "attempts": [1, 2, 1],
        "second": 2,
        "leaked": "layer Exits did not set 'leaked'; it set: nothing",
    }
    assert {"Source", "Free"} <= set(committed)
