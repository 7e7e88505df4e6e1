"""What a layer sees and leaves while it is evaluated, in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from laminar import Layer, hooks, wiring
from laminar.datastores import Datastore
from laminar.engine.evaluate import evaluate, failure_of
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Commit, Ledger, Started
from laminar.errors import EngineError, ExecutionError, SkewError
from laminar.model.configuration import Configuration
from laminar.model.wire import Task
from laminar.version import __version__

from ..conftest import MakeFlow, begun


class A(Layer):
    def __call__(self) -> None:
        self.value = 1


class B(Layer):
    def __call__(self, a: A) -> None:
        self.value = a.value + 1


def test_a_layer_knows_where_it_is(make_flow: MakeFlow) -> None:
    class Tells(Layer):
        def __call__(self) -> None:
            self.told = (self.name, self.index, self.splits, self.attempt, self.execution.id, str(self.state))

    assert make_flow(Tells)(execution="x").layer(Tells).told == ("Tells", 0, 1, 1, "x", "running")


def test_scratch_is_a_directory_of_the_attempt_and_gone_afterwards(make_flow: MakeFlow) -> None:
    class Writes(Layer):
        def __call__(self) -> None:
            assert self.scratch == self.scratch
            with open(f"{self.scratch}/file", "w") as file:
                file.write("x")
            self.place = self.scratch
            if self.attempt == 1:
                places.append(self.place)
                raise ValueError

    places: list[str] = []
    with pytest.raises(ExecutionError):
        make_flow(Writes)()
    assert not os.path.exists(places[0])


def test_what_a_constructor_assigns_is_saved(make_flow: MakeFlow) -> None:
    class Constructs(Layer):
        def __init__(self) -> None:
            super().__init__(limit=10)

        def __call__(self) -> None:
            self.half = self.limit / 2

    layer = make_flow(Constructs)().layer(Constructs)
    assert (layer.limit, layer.half) == (10, 5)


def test_an_attribute_read_before_it_is_set_is_an_error_that_lists_what_is(make_flow: MakeFlow) -> None:
    class Reads(Layer):
        def __call__(self) -> None:
            self.one = 1
            _ = self.two

    with pytest.raises(ExecutionError, match="AttributeError: layer Reads has not set 'two'; it has set: one"):
        make_flow(Reads)()


def test_a_reserved_name_is_refused_where_it_is_assigned_and_not_tried_again(make_flow: MakeFlow) -> None:
    class Assigns(Layer):
        def __call__(self) -> None:
            self.index = 3  # type: ignore[misc]

    with pytest.raises(ExecutionError, match=r"attempt 1: layer Assigns assigns self\.index") as caught:
        make_flow(Assigns)()
    assert caught.value.exit_code == 1


def test_an_artifact_that_cannot_be_saved_never_masks_the_users_error(make_flow: MakeFlow) -> None:
    class Both(Layer):
        def __call__(self) -> None:
            self.generator = (x for x in ())
            raise ZeroDivisionError("mine")

    with pytest.raises(ExecutionError, match="ZeroDivisionError: mine"):
        make_flow(Both)()


def test_a_users_error_whose_message_raises_is_still_named(make_flow: MakeFlow) -> None:
    class Rude(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError

    class Raises(Layer):
        def __call__(self) -> None:
            raise Rude

    with pytest.raises(ExecutionError, match=r"Rude: \(its message cannot be shown: RuntimeError\)"):
        make_flow(Raises)()


def test_a_commit_names_what_it_was_made_from(make_flow: MakeFlow, store: Datastore) -> None:
    execution = make_flow(A, B)()
    ledger = Ledger(store, "F", execution.id)
    a, b = ledger.commit("A", 0), ledger.commit("B", 0)
    assert a is not None
    assert b is not None
    assert b.inputs == {"A": a.checksum}
    assert a.inputs == {}
    assert b.versions["laminar"] == __version__
    assert a.started <= a.finished <= b.finished


def test_what_was_not_read_is_no_input(make_flow: MakeFlow, store: Datastore) -> None:
    class Waits(Layer):
        def __call__(self, a: A) -> None: ...

    execution = make_flow(A, Waits)()
    commit = Ledger(store, "F", execution.id).commit("Waits", 0)
    assert commit is not None
    assert commit.inputs == {}


def test_an_attempt_begins_when_its_scheduler_starts_it(make_flow: MakeFlow, store: Datastore) -> None:
    flow = make_flow(A)
    task = Task(layer="A", target="", execution="x", datastore="")
    ledger = Ledger(store, "F", "x")
    ledger.create("", {})
    ledger.put_started(task, Started(Configuration()))
    started = ledger.started(task, Configuration())
    archive = wiring.archive(store)
    assert evaluate(flow.node("A"), task, started, Inputs(ledger, archive, flow.execution("x")))
    commit = ledger.commit("A", 0)
    assert commit is not None
    assert commit.started == started.at > 0


def test_a_split_that_is_committed_is_not_evaluated_again(make_flow: MakeFlow, store: Datastore) -> None:
    begun(store, "x").put_commit(Task(layer="A", target="", execution="x", datastore=""), Commit(9, {}))
    flow = make_flow(A, B)
    with pytest.raises(ExecutionError, match="layer A did not set 'value'; it set: nothing"):
        flow.execution("x").resume()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (SkewError("other code."), "refused"),
        (EngineError("no engine."), "infrastructure"),
        (OSError("broken pipe"), "infrastructure"),
    ],
    ids=repr,
)
def test_an_error_outside_the_users_code_is_not_the_users(error: Exception, kind: str) -> None:
    failure = failure_of(error)
    assert failure.kind == kind
    assert failure.error == type(error).__name__
    assert str(error) in failure.message


def test_a_layer_is_read_by_several_names_once(make_flow: MakeFlow, store: Any) -> None:
    class Twice(Layer):
        def __call__(self, one: A, two: A) -> None:
            self.sum = one.value + two.value

    assert make_flow(A, Twice)().layer(Twice).sum == 2


def test_what_is_deleted_again_is_not_saved(make_flow: MakeFlow) -> None:
    class Deletes(Layer):
        @hooks.execution
        def around(self) -> Iterator[None]:
            yield
            del self.by_the_hook

        def __call__(self) -> None:
            self.shard(sharded=[1, 2], kept=[3])
            self.assigned = self.by_the_hook = 1
            del self.sharded, self.assigned

    deletes = make_flow(Deletes)().layer(Deletes)
    assert list(deletes.kept) == [3]
    for name in ("sharded", "assigned", "by_the_hook"):
        with pytest.raises(AttributeError, match=f"did not set '{name}'; it set: kept"):
            getattr(deletes, name)


def test_a_property_that_reads_what_is_not_set_says_what_that_is(make_flow: MakeFlow) -> None:
    class Asks(Layer):
        @property
        def double(self) -> Any:
            return 2 * self.missing

        def __call__(self) -> None:
            self.value = self.double

    with pytest.raises(ExecutionError, match="layer Asks has not set 'missing'"):
        make_flow(Asks)()
    with pytest.raises(AttributeError, match="'Asks' object has no attribute 'missing'"):
        _ = Asks().double


def test_names_that_begin_with_an_underscore_are_the_users_own(make_flow: MakeFlow) -> None:
    class Hides(Layer):
        _bound = _load = _read = "mine"

        def __call__(self) -> None:
            self._context = self._configuration = "mine, too"
            self.value = [
                self._context,
                self._configuration,
                self.index,
                self.configuration.container.memory,
                self._bound,
            ]
            self.shard(items=[1])

    hides = make_flow(Hides)().layer(Hides)
    assert hides.value == ["mine, too", "mine, too", 0, 1500, "mine"]
    assert (list(hides.items), hides.splits) == ([1], 1)
    alone = Hides()
    alone()
    assert alone.value == hides.value
