from __future__ import annotations

from typing import Any

import pytest

from laminar import Execution, Flow, Layer, Parameters
from laminar.configurations import layers, schedulers
from laminar.datastores import Local, Memory
from laminar.errors import FlowError, UsageError
from laminar.executors import Thread
from laminar.launch import settings_of


class A(Layer):
    def __call__(self) -> None:
        self.value = 1


class B(Layer):
    def __call__(self, a: A) -> None:
        self.value = a.value + 1


def flow(name: str, *bases: type[Flow], layers: tuple[type[Layer], ...] = (), **configuration: Any) -> type[Flow]:
    made = type(name, bases or (Flow,), {"__module__": __name__})
    for layer in layers:
        made.register(**configuration)(layer)
    return made


def test_registering_returns_the_layer_bare_and_with_a_configuration() -> None:
    made = flow("F")
    assert made.register(A) is A
    assert made.register(retry=layers.Retry(attempts=2))(B) is B
    assert list(made.registry()) == ["A", "B"]
    assert made.registry()["B"].configuration.retry.attempts == 2


@pytest.mark.parametrize("thing", [int, A(), len, "A", Flow], ids=["class", "instance", "function", "text", "flow"])
def test_only_layers_are_registered(thing: Any) -> None:
    with pytest.raises(FlowError, match="cannot be registered to flow F: it is neither a layer nor parameters"):
        flow("F").register()(thing)


def test_a_layer_is_registered_once() -> None:
    with pytest.raises(FlowError, match="flow F has a layer A already"):
        flow("F", layers=(A,)).register(A)


def test_nothing_is_registered_to_flow_itself() -> None:
    with pytest.raises(FlowError, match="A is registered to Flow itself"):
        Flow.register(A)
    assert Flow.registry() == {}


def test_a_flow_takes_its_options_by_name_only() -> None:
    with pytest.raises(TypeError):
        Flow(Memory())  # type: ignore[misc]
    with pytest.raises(TypeError):
        Flow(store=Memory())  # type: ignore[call-arg]


# Inheritance


def test_flows_inherit_layers_also_those_registered_later() -> None:
    one, two = flow("One", layers=(A,)), flow("Two")
    both = flow("Both", one, two)
    two.register(B)
    assert set(both.registry()) == {"A", "B"}
    execution = both(datastore=Memory(), executor=Thread())()
    assert execution.layer(B).value == 2
    assert set(one.registry()) == {"A"}


def test_one_layer_by_two_ways_is_one_layer() -> None:
    base = flow("Base", layers=(A,))
    diamond = flow("Diamond", flow("Left", base), flow("Right", base, layers=(B,)))
    assert set(diamond.registry()) == {"A", "B"}
    assert set(flow("Same", flow("L", layers=(A,)), flow("R", layers=(A,))).registry()) == {"A"}


def test_another_layer_of_the_same_name_is_an_error_that_names_both() -> None:
    other = type("A", (Layer,), {"__call__": A.__call__})
    made = flow("Both", flow("One", layers=(A,)), flow("Two", layers=(other,)))
    with pytest.raises(FlowError, match="flow Both gets another layer A from One than from Two") as caught:
        made.registry()
    assert caught.value.remedy


def test_another_configuration_of_one_layer_is_an_error_that_names_both() -> None:
    one = flow("One", layers=(A,), retry=layers.Retry(attempts=2))
    with pytest.raises(FlowError, match="flow Both gets another configuration of layer A from One than from Two"):
        flow("Both", one, flow("Two", layers=(A,))).registry()
    assert flow("Both", one, flow("Three", layers=(A,), retry=layers.Retry(attempts=2))).registry()


def test_a_flow_cannot_replace_a_layer_that_it_inherits() -> None:
    child = flow("Child", flow("Parent", layers=(A,)))
    child.register(type("A", (Layer,), {"__call__": A.__call__}))
    with pytest.raises(FlowError, match="flow Child gets another layer A from Child than from Parent"):
        child().graph()


# Truth


def test_a_flow_in_a_program_is_true() -> None:
    assert flow("F", layers=(A,))()


def test_one_layer_is_looked_at_without_the_others() -> None:
    class Broken(Layer):
        def __call__(self, a: int) -> None: ...

    made = flow("F", layers=(A, Broken))()
    assert made.node("A").layer is A
    with pytest.raises(FlowError, match="annotated with int"):
        made.graph()
    with pytest.raises(FlowError, match="annotated with int"):
        made.node("Broken")


def test_an_execution_that_was_not_scheduled_says_why_it_has_nothing() -> None:
    execution = Execution(flow("F", layers=(A,))(datastore=Memory()), "")
    assert repr(execution) == "<Execution not scheduled of F>"
    for name in ("state", "parameters"):
        with pytest.raises(AttributeError, match="flow F was not scheduled here: this module is being imported"):
            getattr(execution, name)


def test_the_store_is_the_flows_else_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    memory = Memory()
    assert flow("F")(datastore=memory).store() is memory
    monkeypatch.setenv("LAMINAR_DATASTORE", str(tmp_path / "there"))
    store = flow("F")().store()
    assert isinstance(store, Local)
    assert store.url == str(tmp_path / "there")


# Parameters that a class declares


class Options(Parameters):
    rate: float = 0.5
    names: list[str]


class More(Options):
    count: int = 1


class Shows(Layer):
    def __call__(self, options: Options, parameters: Parameters) -> None:
        self.seen = [type(options), options.rate, options.names, parameters == options]


def declaring(kind: type[Parameters], *layers: type[Layer]) -> Flow:
    made = flow("F", layers=layers)
    assert made.register(kind) is kind
    return made(datastore=Memory(), executor=Thread())


def test_declared_parameters_reach_layers_and_readers_with_their_defaults() -> None:
    execution = declaring(More, Shows)(names=["a"])
    assert execution.layer(Shows).seen == [More, 0.5, ["a"], True]
    assert execution.parameters == More(names=["a"])
    assert isinstance(execution.parameters, More)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "parameters Options: names is missing; it has no default."),
        ({"names": [], "rat": 1}, "there is no parameter 'rat'. Did you mean 'rate'?"),
        ({"names": ["a", 1]}, "names[1] is 1, not str. To give the text, quote it"),
        ({"names": [], "rate": "fast"}, "rate is 'fast', not float."),
        (
            {"rate": True, "n": 1},
            "Options:\n- there is no parameter 'n'.\n- names is missing; it has no default.\n- rate is True",
        ),
    ],
)
def test_what_is_not_as_declared_is_refused_before_anything_starts(given: dict[str, Any], words: str) -> None:
    made = declaring(Options, Shows)
    with pytest.raises(UsageError) as caught:
        made(**given)
    assert words in caught.value.message
    assert caught.value.remedy.startswith("Options has: rate = 0.5, names.")
    assert made.executions() == []


def test_a_layer_takes_what_is_registered_or_less() -> None:
    with pytest.raises(FlowError, match="parameter 'options' of Shows takes Options, which is not registered to F"):
        flow("F", layers=(Shows,))().graph()
    assert declaring(More, Shows).graph()


def test_a_flow_has_one_class_of_parameters() -> None:
    one, two = flow("One"), flow("Two")
    one.register(Options)
    with pytest.raises(FlowError, match="flow One has parameters Options already"):
        one.register(More)
    assert flow("Same", one, two).parameters() is Options
    two.register(More)
    assert flow("Narrower", one, two).parameters() is More
    other = flow("Other")
    other.register(type("Others", (Parameters,), {"__annotations__": {"x": "int"}}))
    with pytest.raises(FlowError, match="flow Both gets other parameters from One than from Other"):
        flow("Both", one, other).parameters()
    with pytest.raises(FlowError, match="declare 'execution', which is the execution's id"):
        flow("F").register(type("Reserved", (Parameters,), {"__annotations__": {"execution": "str"}}))


# How it is scheduled, and what is there afterwards


def test_the_code_says_how_it_is_scheduled() -> None:
    settings = settings_of(flow("F")(scheduler=schedulers.Scheduler(max_parallel=3)))
    assert (settings["max_parallel"], settings.source("max_parallel")) == (3, "code")
    assert settings.source("fail_fast") == "default"
    assert settings_of(flow("F")(scheduler=schedulers.Scheduler(fail_fast=True)))["fail_fast"] is True


def test_a_datastore_lists_what_it_has() -> None:
    store = Memory()
    made = flow("F", layers=(A, B))
    first, second = made(datastore=store, executor=Thread())(), made(datastore=store, executor=Thread())()
    assert [execution.id for execution in store.list_executions(flow=made)] == [first.id, second.id]
    listed = store.list_layers(execution=first)
    assert [(layer.name, store.list_artifacts(layer=layer)) for layer in listed] == [("A", ["value"]), ("B", ["value"])]
    assert [layer.value for layer in listed] == [1, 2]
    assert store.list_layers(execution=made(datastore=store).execution("none")) == []
