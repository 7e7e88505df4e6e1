"""Shards, ForEach, hooks, conditions and Catch: the same values whatever runs the layers."""

from __future__ import annotations

import pytest

EXECUTORS = ["thread", "process", "docker"]

MAIN = """
from laminar import Flow, Layer, hooks, layers


class F(Flow):
    @hooks.execution
    def mark(self):
        self.context = "of the flow"
        yield
        self.closed = True


def over(layer, attribute):
    return layers.ForEach(parameters=[layers.Parameter(layer=layer, attribute=attribute)])


@F.register
class Source(Layer):
    def __call__(self) -> None:
        self.shard(items=(number * number for number in range(4)))


@F.register(foreach=over(Source, "items"), retry=layers.Retry(attempts=2, delay=0))
class Square(Layer):
    @hooks.submission
    def size(self, source: Source) -> None:
        self.configuration.container.memory = 200 + source.items[self.index]

    @hooks.retry
    def grow(self) -> None:
        self.configuration.container.memory += 100

    def __call__(self, source: Source) -> None:
        if self.index == 1 and self.attempt == 1:
            raise ConnectionError
        self.item = (self.index, self.splits, source.items, self.context)
        self.memory = self.configuration.container.memory
        self.shard(parts=[f"{self.index}{letter}" for letter in "ab"[: self.index]])


@F.register(catch=layers.Catch(ZeroDivisionError))
class Join(Layer):
    def __call__(self, square: Square) -> None:
        self.items = list(square.item)
        self.parts = list(square.parts)
        self.last = square.parts[-1]
        self.memory = list(square.memory)
        1 / 0


@F.register
class Never(Layer):
    @hooks.entry
    def large(self, join: Join) -> bool:
        return max(join.memory) > 1000

    def __call__(self) -> None: ...


@F.register
class After(Layer):
    def __call__(self, never: Never) -> None: ...


@F.register
class Report(Layer):
    @hooks.entry
    def always(self) -> bool:
        return True

    def __call__(self, never: Never, join: Join) -> None:
        self.text = f"{never.state}; {join.state.error.message}; {join.last}"
"""

MEMORY = [200, 301, 204, 209]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_same_values_whatever_runs_the_layers(project, read, engine, executor):
    project.write("main.py", MAIN)
    result = project.laminar("schedule", "main:F", "--execution", "one", LAMINAR_EXECUTOR=executor)
    assert result.code == 0, result.err
    run = "F().execution('one')"
    values = read(
        items=f"{run}.layer(Join).items",
        parts=f"{run}.layer(Join).parts",
        memory=f"{run}.layer(Join).memory",
        recorded=f"[{run}.layer(Square, index=n).configuration.container.memory for n in range(4)]",
        attempts=f"[{run}.layer(Square, index=n).attempt for n in range(4)]",
        closed=f"list({run}.layer(Square).closed)",
        caught=f"{run}.layer(Join).state.error.error",
        states=f"[str({run}.layer(layer).state) for layer in (Join, Never, After, Report)]",
        report=f"{run}.layer(Report).text",
    )
    assert values == {
        "items": [[n, 4, n * n, "of the flow"] for n in range(4)],
        "parts": ["1a", "2a", "2b", "3a", "3b"],
        "memory": MEMORY,
        "recorded": MEMORY,
        "attempts": [1, 2, 1, 1],
        "closed": [True] * 4,
        "caught": "ZeroDivisionError",
        "states": ["finished", "skipped", "skipped", "finished"],
        "report": "skipped; division by zero; 3b",
    }
    if executor == "docker":
        started = [event["laminar.layer"] for event in engine.events("start")]
        assert sorted(started) == ["Join", "Report", "Source", *["Square"] * 5]


def test_what_a_submission_hook_asks_for_reaches_the_engine(project, engine, gate):
    project.write(
        "main.py",
        """
        from gate import meet
        from laminar import Flow, Layer, hooks

        class F(Flow): ...

        @F.register
        class A(Layer):
            @hooks.submission
            def grow(self) -> None:
                self.configuration.container.memory = 321
                self.configuration.container.env = {"MINE": self.name}

            def __call__(self) -> None:
                meet("A")
        """,
    )
    running = project.start(*project.script, "schedule", "main:F")
    gate.wait(running)
    record = engine.inspect(engine.running("A"))
    gate.open()
    result = running.end()
    assert result.code == 0, result.err
    assert record["HostConfig"]["Memory"] == 321 << 20
    assert "MINE=A" in record["Config"]["Env"]


CHAIN = """
from laminar import Flow, Layer, Parameters, layers

class First(Flow): ...
class Second(Flow): ...

@First.register
class Options(Parameters):
    numbers: list[int] = [1, 2]

@Second.register
class Given(Parameters):
    total: int

@First.register
class Sum(Layer):
    def __call__(self, options: Options) -> None:
        self.total = sum(options.numbers)

@Second.register(container=layers.Container(command=COMMAND))
class Double(Layer):
    def __call__(self, given: Given) -> None:
        self.doubled = 2 * given.total

if first := First():
    chained = first(execution="one").next(flow=Second(), linker=lambda run: Given(total=run.layer(Sum).total))
    print(chained.layer(Double).doubled)
"""


@pytest.mark.parametrize("command", [None, ["python", "main.py"]], ids=["execute", "program"])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_flow_chained_to_another(project, read, engine, executor, command):
    """In the second flow's container the block that chains it is skipped: its layers run all the same."""
    if command and executor != "docker":
        pytest.skip("only containers have commands")
    project.write("main.py", CHAIN.replace("COMMAND", repr(command)))
    result = project.python("main.py", LAMINAR_EXECUTOR=executor)
    assert (result.code, result.out) == (0, "6\n"), result.err
    assert read(value="Second().execution('one').layer(Double).doubled") == {"value": 6}
    if executor == "docker":
        assert [event["laminar.flow"] for event in engine.events("start")] == ["First", "Second"]
