"""Hooks: which ones a layer has, in which order, and how they open and close."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from laminar import Flow, Layer, hooks
from laminar.errors import FlowError, LayerError
from laminar.model.hooks import EXECUTION, Hook, Opened, defined_in


class Other(Layer):
    def __call__(self) -> None: ...


def names(owner: type[Any]) -> list[str]:
    return [name for _, name, _ in defined_in(owner)]


class Base:
    @hooks.execution
    def first(self) -> None: ...

    @hooks.submission
    def second(self) -> None: ...

    @hooks.execution
    def third(self) -> None: ...


def test_hooks_are_in_their_order_inherited_ones_first() -> None:
    class Derived(Base):
        @hooks.retry
        def fourth(self) -> None: ...

    assert names(Derived) == ["Base.first", "Base.second", "Base.third", "Derived.fourth"]
    assert [kind for kind, _, _ in defined_in(Derived)] == ["execution", "submission", "execution", "retry"]


def test_a_hook_that_overrides_one_takes_its_place_and_a_method_removes_it() -> None:
    class Derived(Base):
        @hooks.execution
        def third(self) -> None: ...

        @hooks.entry
        def first(self) -> None: ...

        def second(self) -> None: ...

    assert names(Derived) == ["Derived.first", "Derived.third"]
    assert [kind for kind, _, _ in defined_in(Derived)] == ["entry", "execution"]


def test_a_hook_stays_a_method() -> None:
    class Hooked(Layer):
        @hooks.entry
        def runs(self, other: Other) -> bool:
            return bool(other.count)

        def __call__(self) -> None: ...

    assert Hooked().runs(Other(count=1))
    assert not Hooked().runs(Other(count=0))


def test_a_flows_hooks_come_before_the_layers() -> None:
    class F(Flow):
        @hooks.execution
        def of_flow(self) -> None: ...

    @F.register
    class Hooked(Layer):
        @hooks.execution
        def of_layer(self) -> None: ...

        def __call__(self) -> None: ...

    found = F().graph().node("Hooked").hooks_of(EXECUTION)
    assert [(hook.name, hook.own) for hook in found] == [("F.of_flow", False), ("Hooked.of_layer", True)]


@pytest.mark.parametrize("kind", [hooks.execution, hooks.submission, hooks.retry, hooks.entry])
def test_what_a_hook_takes_is_an_edge_of_the_graph(kind: Any) -> None:
    class F(Flow): ...

    F.register(Other)

    @F.register
    class Hooked(Layer):
        @kind
        def hook(self, other: Other) -> None: ...

        def __call__(self) -> None: ...

    assert F().graph().node("Hooked").dependencies == ("Other",)
    assert list(F().graph().nodes) == ["Other", "Hooked"]


def test_a_flows_hook_that_takes_a_layer_does_not_let_it_wait_for_itself() -> None:
    class F(Flow):
        @hooks.submission
        def look(self, other: Other) -> None: ...

    F.register(Other)

    @F.register
    class Hooked(Layer):
        def __call__(self) -> None: ...

    nodes = F().graph().nodes
    assert (nodes["Other"].dependencies, nodes["Hooked"].dependencies) == ((), ("Other",))


def test_a_cycle_through_a_flows_hook_says_what_to_look_at() -> None:
    class F(Flow):
        @hooks.submission
        def look(self, needs: Needs) -> None: ...

    F.register(Other)

    @F.register
    class Needs(Layer):
        def __call__(self, other: Other) -> None: ...

    with pytest.raises(FlowError, match=r"cycle: (Other -> Needs -> Other|Needs -> Other -> Needs)") as error:
        F().graph()
    assert "a flow's hooks count for each layer" in error.value.remedy


@pytest.mark.parametrize("of_flow", [True, False])
def test_an_entry_hook_that_yields_is_refused(of_flow: bool) -> None:
    class Yields:
        @hooks.entry
        def runs(self) -> Iterator[bool]:
            yield True

    class F(Flow, *([Yields] if of_flow else [])): ...  # type: ignore[misc]

    @F.register
    class Hooked(Layer, *([] if of_flow else [Yields])):  # type: ignore[misc]
        def __call__(self) -> None: ...

    with pytest.raises(FlowError, match=r"entry hook Yields\.runs yields") as error:
        F().graph()
    assert error.value.remedy == "Let it return True or False."


def test_a_hook_that_takes_what_is_no_layer_is_named() -> None:
    class F(Flow): ...

    @F.register
    class Hooked(Layer):
        @hooks.execution
        def hook(self, other: Other) -> None: ...

        def __call__(self) -> None: ...

    with pytest.raises(FlowError, match=r"parameter 'other' of hook Hooked\.hook, for layer Hooked of flow F takes"):
        F().graph()


# Opening and closing


LAYER = SimpleNamespace(name="L")


class Told:
    """Hooks that tell what happens to them."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def plain(self, name: str) -> Hook:
        return self._hook(name, lambda layer: self.log.append(name))

    def around(self, name: str, *, opens: Exception | None = None, closes: Exception | None = None) -> Hook:
        def hook(layer: Any) -> Iterator[None]:
            self.log.append(f"open {name}")
            if opens:
                raise opens
            try:
                yield
            except BaseException as error:
                self.log.append(f"{name} sees {error}")
                if closes:
                    raise closes from None
                raise
            else:
                self.log.append(f"close {name}")
                if closes:
                    raise closes

        return self._hook(name, hook)

    def swallows(self, name: str, *, again: bool = False, always: bool = False) -> Hook:
        def hook(layer: Any) -> Iterator[None]:
            try:
                yield
            except BaseException as error:
                self.log.append(f"{name} swallows {error}")
            if again:
                yield
            while always:
                try:
                    yield
                except BaseException:
                    self.log.append(f"{name} goes on")
                    if self.log.count(f"{name} goes on") > 1:
                        return

        return self._hook(name, hook)

    def _hook(self, name: str, function: Any) -> Hook:
        return Hook(EXECUTION, f"L.{name}", function, {}, own=True)


def opened(hooks: Sequence[Hook]) -> Opened:
    return Opened(hooks, lambda hook: {}, LAYER)


def test_they_close_in_reverse() -> None:
    told = Told()
    with opened([told.around("a"), told.plain("b"), told.around("c")]):
        told.log.append("call")
    assert told.log == ["open a", "b", "open c", "call", "close c", "close a"]


def test_all_see_the_error_and_none_can_hide_it() -> None:
    told = Told()
    error = ValueError("on purpose")
    chain = [told.around("a"), told.swallows("b"), told.around("c", closes=KeyError("another"))]
    with pytest.raises(ValueError, match="on purpose") as raised, opened(chain):
        raise error
    assert raised.value is error
    assert told.log == ["open a", "open c", "c sees on purpose", "b swallows on purpose", "a sees on purpose"]


def test_an_error_in_a_second_half_is_seen_by_those_that_close_after_it() -> None:
    told = Told()
    with (
        pytest.raises(KeyError, match="late"),
        opened([told.around("a"), told.around("b", closes=KeyError("late")), told.around("c")]),
    ):
        pass
    assert told.log[3:] == ["close c", "close b", "a sees 'late'"]


def test_one_that_cannot_open_closes_those_before_it() -> None:
    told = Told()
    with (
        pytest.raises(ValueError, match="at first"),
        opened([told.around("a"), told.around("b", opens=ValueError("at first")), told.around("c")]),
    ):
        raise AssertionError("not reached")
    assert told.log == ["open a", "open b", "a sees at first"]


def test_one_that_yields_twice_is_named() -> None:
    told = Told()
    with (
        pytest.raises(LayerError, match=r"hook L\.b of layer L yields twice") as error,
        opened([told.around("a"), told.swallows("b", again=True)]),
    ):
        pass
    assert error.value.remedy == "Let it yield once."
    assert told.log[-1] == "a sees hook L.b of layer L yields twice.\nLet it yield once."


@pytest.mark.parametrize("error", [ValueError("on purpose"), None])
def test_one_that_yields_and_yields_does_not_keep_the_others_open(error: Exception | None) -> None:
    told = Told()
    with pytest.raises((ValueError, LayerError), match=r"on purpose|yields twice"):  # noqa: PT012, SIM117
        with opened([told.around("a"), told.swallows("b", always=True)]):
            if error:
                raise error
    assert told.log[-1].startswith("a sees")


@pytest.mark.parametrize("error", [StopIteration("mine"), GeneratorExit("mine"), SystemExit("mine")])
def test_errors_that_mean_something_to_generators_are_errors_like_others(error: BaseException) -> None:
    told = Told()
    with pytest.raises(type(error)) as raised, opened([told.around("a"), told.swallows("b"), told.around("c")]):
        raise error
    assert raised.value is error
    assert told.log[2:] == ["c sees mine", "b swallows mine", "a sees mine"]
