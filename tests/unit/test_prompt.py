"""The prompt of `laminar shell`, apart from a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from laminar import Execution, Layer
from laminar.cli.prompt import _Completer, _Console, exit_code, run
from laminar.engine.termination import Terminated


class Source(Layer):
    def __call__(self) -> None:
        self.title = "three parts"
        self.table = list(range(1000))


@pytest.fixture
def complete(make_flow: Any) -> Callable[[str], list[str]]:
    execution: Execution = make_flow(Source)(execution="x")
    layer = execution.layer(Source)

    def read(name: str) -> Any:
        raise AssertionError(f"{name} is loaded")

    object.__setattr__(layer._laminar, "read", read)
    completer = _Completer({"source": layer, "text": "abc"})

    def complete(text: str) -> list[str]:
        found = []
        while (each := completer.complete(text, len(found))) is not None:
            found.append(each)
        return found

    return complete


def test_artifacts_are_offered_and_not_loaded(complete: Callable[[str], list[str]]) -> None:
    assert complete("source.t") == ["source.table", "source.title"]
    assert {"source.table", "source.title", "source.index"} <= set(complete("source."))
    assert not [name for name in complete("source.") if name.startswith("source._")]


def test_all_else_is_completed_as_python_does(complete: Callable[[str], list[str]]) -> None:
    assert complete("sourc") == ["source"], "a layer can be called, and is not meant to be here"
    assert complete("tex") == ["text"]
    assert complete("text.upp") == ["text.upper()"]


def test_a_signal_to_end_ends_the_prompt_also_while_code_runs() -> None:
    with pytest.raises(Terminated):
        _Console({"Terminated": Terminated}).push("raise Terminated")


def test_code_is_run_among_the_names() -> None:
    names: dict[str, Any] = {"n": 2}
    run("m = n * 3", names)
    assert names["m"] == 6


@pytest.mark.parametrize(("code", "number"), [(None, 0), (0, 0), (7, 7), ("words", 1)])
def test_exit_codes(code: Any, number: int) -> None:
    assert exit_code(SystemExit(code)) == number
