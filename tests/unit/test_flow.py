from __future__ import annotations

from typing import Any

import pytest

from laminar import Execution, Flow, Layer
from laminar.configurations import layers
from laminar.datastores import Local, Memory
from laminar.errors import FlowError
from laminar.executors import Thread


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
    with pytest.raises(FlowError, match="cannot be registered to flow F: it is not a layer"):
        flow("F").register()(thing)


def test_a_layer_is_registered_once() -> None:
    with pytest.raises(FlowError, match="flow F has a layer A already"):
        flow("F", layers=(A,)).register(A)


def test_nothing_is_registered_to_flow_itself() -> None:
    with pytest.raises(FlowError, match="layer A is registered to Flow itself"):
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
