from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar import Flow, Layer, Parameters
from laminar.configurations import layers
from laminar.errors import FlowError
from laminar.model.configuration import Configuration
from laminar.model.graph import Registration, build
from laminar.model.layer import RESERVED

Edges = dict[str, list[str]]


@st.composite
def dags(draw: st.DrawFn) -> Edges:
    """Layer -> the layers that it takes, in an order in which each comes after those that it takes."""
    names = [f"L{number}" for number in range(draw(st.integers(1, 8)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:at]), unique=True)) if at else [] for at, name in enumerate(names)
    }


STYLES = ("classes", "strings", "future", "local strings", "local classes")


def defined(edges: Edges, style: str, order: list[str]) -> Flow:
    """The flow of a module that defines these layers, in `order`, with annotations of that style."""
    quote = '"{}"' if "strings" in style else "{}"
    lines = ["class F(Flow): ..."]
    for name in order:
        taken = "".join(f", {other.lower()}: {quote.format(other)}" for other in edges[name])
        lines += ["@F.register", f"class {name}(Layer):", f"    def __call__(self{taken}): ..."]
    if "local" in style:
        lines = ["def make():", *(f"    {line}" for line in lines), "    return F", "F = make()"]
    if "future" in style:
        lines.insert(0, "from __future__ import annotations")
    namespace: dict[str, Any] = {"Flow": Flow, "Layer": Layer, "__name__": "a_module_of_a_user"}
    exec(compile("\n".join(lines), "<a module of a user>", "exec", dont_inherit=True), namespace)
    made: Flow = namespace["F"]()
    return made


@given(dags(), st.sampled_from(STYLES), st.randoms(use_true_random=False))
def test_annotations_of_every_style_draw_the_same_graph(edges: Edges, style: str, random: Any) -> None:
    order = list(edges)
    if "classes" not in style:  # a class must be there when it is named
        random.shuffle(order)
    graph = defined(edges, style, order).graph()
    assert {node.name: list(node.dependencies) for node in graph} == edges
    names = [node.name for node in graph]
    assert all(names.index(taken) < names.index(name) for name, taken_all in edges.items() for taken in taken_all)
    assert [graph.node(name).name for name in names] == names


@given(dags(), st.sampled_from(["strings", "future", "local strings"]), st.data())
def test_every_cycle_is_reported_as_a_path_of_edges(edges: Edges, style: str, data: st.DataObject) -> None:
    first = data.draw(st.sampled_from(list(edges)))
    reached = {first}
    for name in edges:
        if reached & set(edges[name]):
            reached.add(name)
    last = data.draw(st.sampled_from(sorted(reached)))
    edges = {**edges, first: [*(name for name in edges[first] if name != last), last]}
    with pytest.raises(FlowError, match="flow F has a cycle: ") as caught:
        defined(edges, style, list(edges)).graph()
    path = caught.value.message.split("cycle: ")[1].split(" (")[0].split(" -> ")
    assert path[0] == path[-1]
    assert len(path) >= 2
    assert all(after in edges[before] for before, after in pairwise(path))
    assert "__call__" in caught.value.remedy


def graph_of(*made: type[Layer]) -> Any:
    return build("F", {layer.__name__: Registration(layer, layers.Configuration()) for layer in made})


class A(Layer):
    def __call__(self) -> None: ...


class Base:
    """Not a layer."""


def layer(call: Callable[..., Any], **members: Any) -> type[Layer]:
    return type("B", (Layer,), {"__call__": call, **members})


def untyped(self, a): ...  # type: ignore[no-untyped-def]
def many(self: Any, *a: A) -> None: ...
def named(self: Any, **a: A) -> None: ...
def positional(self: Any, a: A, /) -> None: ...
def mistyped(self: Any, a: AA) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def number(self: Any, a: int) -> None: ...
def optional(self: Any, a: A | None) -> None: ...
def stranger(self: Any, a: Base) -> None: ...


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (untyped, "parameter 'a' of layer B of flow F has no annotation"),
        (many, "parameter 'a' of layer B of flow F is variadic positional"),
        (named, "parameter 'a' of layer B of flow F is variadic keyword"),
        (positional, "parameter 'a' of layer B of flow F is positional-only"),
        (mistyped, r"annotated with 'AA', which is not defined\.\nRegistered layers are: A, B\. Did you mean 'A'"),
        (number, "annotated with int, which is not a layer"),
        (optional, "which is not a layer"),
        (stranger, "annotated with Base, which is not a layer"),
    ],
)
def test_an_annotation_that_draws_no_edge_is_named(call: Callable[..., Any], words: str) -> None:
    with pytest.raises(FlowError) as caught:
        graph_of(A, layer(call))
    assert caught.match(words)
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def takes_a(self: Any, a: A) -> None: ...


def test_a_layer_that_is_not_registered_is_named_with_what_to_write() -> None:
    with pytest.raises(FlowError, match="takes layer A, which is not registered to F") as caught:
        graph_of(layer(takes_a))
    assert "@F.register over class A" in caught.value.remedy


def test_another_class_of_the_same_name_is_not_the_layer() -> None:
    with pytest.raises(FlowError, match="another class of that name is"):
        graph_of(type("A", (Layer,), {"__call__": lambda self: None}), layer(takes_a))


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_names_that_laminar_uses_are_refused(name: str) -> None:
    with pytest.raises(FlowError, match=f"layer B of flow F defines '{name}'"):
        graph_of(layer(lambda self: None, **{name: 1}))


def test_a_layer_needs_a_call() -> None:
    with pytest.raises(FlowError, match="layer B of flow F has no __call__"):
        graph_of(type("B", (Layer,), {}))


def test_a_flow_needs_layers() -> None:
    with pytest.raises(FlowError, match="flow F has no layers") as caught:
        graph_of()
    assert "@F.register" in caught.value.remedy


def test_all_problems_are_in_one_error() -> None:
    with pytest.raises(FlowError, match="cannot be run, for 2 reasons") as caught:
        graph_of(A, layer(untyped), type("C", (Layer,), {}))
    assert "parameter 'a' of layer B" in caught.value.remedy
    assert "layer C of flow F has no __call__" in caught.value.remedy


@pytest.mark.parametrize(
    "annotation",
    [
        "two words",
        "A[int]",
        pytest.param("A.B", id="attribute"),
        pytest.param("1", id="number"),
    ],
)
def test_an_annotation_that_cannot_be_evaluated_is_an_error_in_words(annotation: str) -> None:
    def call(self: Any, a: Any) -> None: ...

    call.__annotations__["a"] = annotation
    with pytest.raises(FlowError, match="parameter 'a' of layer B of flow F"):
        graph_of(A, layer(call))


def test_a_call_without_self_is_an_error_in_words() -> None:
    def call() -> None: ...

    with pytest.raises(FlowError, match="layer B of flow F"):
        graph_of(layer(call))


def test_parameters_are_taken_beside_layers_and_draw_no_edge() -> None:
    class Typed(Parameters):
        n: int

    def call(self: Any, one: Parameters, a: A, two: Typed, again: A) -> None: ...

    call.__annotations__.update(one=Parameters, two=Typed)
    registered = {kind.__name__: Registration(kind, Configuration()) for kind in (A, layer(call))}
    node = build("F", registered, declared=Typed).node("B")
    assert node.inputs == {"one": Parameters, "a": A, "two": Typed, "again": A}
    assert node.dependencies == ("A",)


def test_a_decorated_call_draws_the_edges_of_what_it_wraps() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    assert graph_of(A, layer(logged(takes_a))).node("B").dependencies == ("A",)


def test_an_inherited_call_draws_its_edges_too() -> None:
    class Parent(Layer):
        def __call__(self, a: A) -> None: ...

    assert graph_of(A, type("B", (Parent,), {})).node("B").dependencies == ("A",)


def test_a_name_of_the_module_wins_over_a_layer_registered_under_that_name() -> None:
    class Helper(Layer):
        def __call__(self) -> None: ...

    source = "class Helper: ...\nclass B(Layer):\n    def __call__(self, helper: 'Helper'): ..."
    namespace: dict[str, Any] = {"Layer": Layer, "__name__": "m"}
    exec(compile(source, "<m>", "exec", dont_inherit=True), namespace)
    with pytest.raises(FlowError, match="annotated with Helper, which is not a layer"):
        graph_of(Helper, namespace["B"])


def test_a_quoted_annotation_under_postponed_evaluation_is_a_layer() -> None:
    edges = {"L0": [], "L1": ["L0"]}
    assert {
        node.name: list(node.dependencies) for node in defined(edges, "future strings", ["L1", "L0"]).graph()
    } == edges


def test_a_configuration_that_cannot_be_meant_is_named() -> None:
    registry = {"A": Registration(A, layers.Configuration(container=layers.Container(cpu=0)))}
    with pytest.raises(FlowError, match=r"layer A of flow F has container\.cpu = 0"):
        build("F", registry)


def test_a_layer_that_is_not_there_is_an_error_with_the_nearest() -> None:
    with pytest.raises(FlowError, match="flow F has no layer 'Aa'") as caught:
        graph_of(A).node("Aa")
    assert "Did you mean 'A'" in caught.value.remedy
