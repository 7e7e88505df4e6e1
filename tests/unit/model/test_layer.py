from __future__ import annotations

import pytest

from laminar import Layer
from laminar.errors import LayerError
from laminar.model.layer import RESERVED


class A(Layer):
    shade = "light"

    def __call__(self) -> None:
        self.colour = "red"


class B(Layer):
    def __call__(self, a: A) -> None:
        self.text = f"{a.shade} {a.colour}"


def test_a_layer_is_a_plain_class_for_tests() -> None:
    b = B()
    b(A(colour="blue", shade="dark"))
    assert b.text == "dark blue"
    a = A()
    a()
    assert a.colour == "red"


def test_outside_an_execution_it_is_the_only_split_and_the_first_attempt() -> None:
    a = A()
    assert (a.name, a.index, a.splits, a.attempt) == ("A", 0, 1, 1)
    assert a.configuration.retry.attempts == 1


@pytest.mark.parametrize("name", ["execution", "state", "scratch"])
def test_what_only_an_execution_has_says_so(name: str) -> None:
    with pytest.raises(AttributeError, match=f"A.{name} is there in an execution only"):
        getattr(A(), name)


def test_an_attribute_that_was_never_set_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'A' object has no attribute 'colour'"):
        _ = A().colour
    assert not hasattr(A(), "_private")


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_names_that_laminar_uses_are_refused(name: str) -> None:
    with pytest.raises(LayerError, match=f"assigns self.{name}") as caught:
        A(**{name: 1})
    assert caught.value.exit_code == 1


def test_a_layer_without_call_says_so() -> None:
    with pytest.raises(LayerError, match="layer Empty has no __call__"):
        type("Empty", (Layer,), {})()()


def test_what_a_hook_makes_of_the_configuration_stays_in_the_instance() -> None:
    a, other = A(), A()
    a.configuration.container.memory *= 2
    assert (a.configuration.container.memory, other.configuration.container.memory) == (3000, 1500)
    assert "configuration" not in vars(a)
