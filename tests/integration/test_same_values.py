"""What layers save is what scheduler and readers get, whatever runs the layers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
EXECUTORS = ["thread", "process", "docker"]

EXPECTED = {
    "chain": {"run(ChainFlow).layer(Third).value": 41},
    "diamond": {
        "run(DiamondFlow).layer(Source).numbers": list(range(10)),
        "run(DiamondFlow).layer(Report).text": "total 45, largest 9",
    },
    "two_flows": {
        "run(MixFlow).layer(Mix).mixed == [Paint(Colour.RED, 2.5), Paint(Colour.BLUE, 0.5)]": True,
        "run(MixFlow).layer(Mix).mixed[1].colour is Colour.BLUE": True,
        "run(PourFlow).layer(Pour).poured": 1.25,
    },
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("example", EXPECTED)
def test_examples_give_the_same_values(project, read, example, executor):
    project.write("main.py", (EXAMPLES / example / "main.py").read_text())
    result = project.python("main.py", LAMINAR_EXECUTOR=executor)
    assert result.code == 0, result.err
    latest = "lambda flow: flow().executions()[-1]"
    values = read(**{str(n): f"(lambda run: {code})({latest})" for n, code in enumerate(EXPECTED[example])})
    assert list(values.values()) == list(EXPECTED[example].values())


IDENTITY = """
import json
from dataclasses import dataclass
from enum import Enum
from laminar import Flow, Layer

class Colour(Enum):
    RED = "red"

@dataclass(frozen=True)
class Paint:
    colour: Colour
    litres: float

class Cellar:
    class Shelf: ...

def mix(paint): ...

class PaintFlow(Flow): ...

def sameness(can):
    return {
        "dataclass": type(can.paint) is Paint and can.paint == Paint(Colour.RED, 2.5),
        "enum inside": can.paint.colour is Colour.RED,
        "enum": can.colour is Colour.RED,
        "class": can.kind is Paint,
        "nested class": type(can.shelf) is Cellar.Shelf,
        "function": can.function is mix,
        "lambda": can.double(2) == 4,
        "layer": can.layer is Can,
    }

@PaintFlow.register
class Can(Layer):
    def __call__(self) -> None:
        self.paint = Paint(Colour.RED, 2.5)
        self.colour = Colour.RED
        self.kind = Paint
        self.shelf = Cellar.Shelf()
        self.function = mix
        factor = 2
        self.double = lambda x: factor * x
        self.layer = Can

@PaintFlow.register
class Check(Layer):
    def __call__(self, can: Can) -> None:
        self.same = sameness(can)

if flow := PaintFlow():
    run = flow()
    print(json.dumps([run.id, sameness(run.layer(Can)), run.layer(Check).same]))
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_classes_are_the_programs_own_in_layers_and_in_readers(project, read, executor):
    project.write("main.py", IDENTITY)
    result = project.python("main.py", LAMINAR_EXECUTOR=executor)
    assert result.code == 0, result.err
    execution, in_program, in_layer = json.loads(result.out)
    in_reader = read(same=f"sameness(PaintFlow().execution({execution!r}).layer(Can))")["same"]
    for same in (in_program, in_layer, in_reader):
        assert [what for what, holds in same.items() if not holds] == []


def test_a_script_that_imports_the_flow_reads_what_the_program_saved(project):
    """Another program, whose `__main__` is not the flow's module; scheduled from there as well."""
    project.write("main.py", IDENTITY)
    project.write(
        "other.py",
        """
        from main import PaintFlow, Can, sameness

        if flow := PaintFlow():
            run = flow(execution="other")
            print(sorted(set(sameness(run.layer(Can)).values())), run.state)
        """,
    )
    result = project.python("other.py")
    assert (result.code, result.out) == (0, "[True] finished\n"), result.err
