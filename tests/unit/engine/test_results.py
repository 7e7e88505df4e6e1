"""Reading results, through `Execution`."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from laminar import Execution, Layer, Parameters, wiring
from laminar.configurations import layers
from laminar.datastores import Datastore, Memory
from laminar.engine import layout
from laminar.engine.ledger import Ledger, Plan
from laminar.errors import CorruptError, ExecutionError, FlowError, UsageError

from ..conftest import MakeFlow, begun

WAIT_S = 120.0


class A(Layer):
    shade = "light"
    untouched = "as the class has it"

    def __call__(self) -> None:
        self.colour = "red"
        self.shade = "dark"
        self._secret = 1
        self.gone = 1
        del self.gone
        self.data = b"x" * 5000


class Fails(Layer):
    def __call__(self, a: A) -> None:
        self.partly = 1
        raise ValueError("on purpose")


class Last(Layer):
    def __call__(self, fails: Fails) -> None: ...


@pytest.fixture
def execution(make_flow: MakeFlow) -> Execution:
    """One that failed: A finished, Fails failed, Last never began."""
    flow = make_flow(A, Fails, Last)
    with pytest.raises(ExecutionError):
        flow(execution="x", n=1, names=["a"])
    return flow.execution("x")


def test_attributes_are_the_artifacts(execution: Execution) -> None:
    a = execution.layer(A)
    assert isinstance(a, A)
    assert (a.colour, a.data) == ("red", b"x" * 5000)
    assert a.data is a.data, "loaded once"


def test_an_artifact_wins_over_an_attribute_of_its_class(execution: Execution) -> None:
    a = execution.layer(A)
    assert (a.shade, a.untouched) == ("dark", "as the class has it")
    assert A.shade == "light"
    assert a.name == "A"


@pytest.mark.parametrize("name", ["never", "gone"])
def test_what_was_not_set_is_an_error_that_lists_what_was(execution: Execution, name: str) -> None:
    with pytest.raises(AttributeError, match=f"layer A did not set '{name}'; it set: colour, data, shade"):
        getattr(execution.layer(A), name)


def test_what_there_is_is_listed_without_loading_it(execution: Execution, store: Memory) -> None:
    a = execution.layer(A)
    for key in [key for key in store._data if key.startswith(layout.BLOBS)]:
        del store._data[key]
    assert {"colour", "data", "shade", "untouched"} <= set(dir(a))
    assert repr(a) == "<A: colour, data, shade>"
    assert repr(execution.layer(Fails)) == "<Fails: layer Fails failed in execution x: ValueError: on purpose>"
    assert "partly" not in dir(execution.layer(Fails))
    assert repr(A()).startswith("<tests.unit.engine.test_results.A object at")


def test_names_that_begin_with_an_underscore_are_not_saved(execution: Execution, store: Datastore) -> None:
    assert not hasattr(execution.layer(A), "_secret")
    commit = Ledger(store, "F", "x").commit("A", 0)
    assert commit is not None
    assert list(commit.artifacts) == ["colour", "shade", "data"]


def test_what_has_not_finished_is_an_error_that_says_so(execution: Execution) -> None:
    with pytest.raises(AttributeError, match=r"layer Fails failed in execution x: ValueError: on purpose"):
        _ = execution.layer(Fails).partly
    with pytest.raises(AttributeError, match=r"layer Last has not finished in execution x \(it is waiting\)"):
        _ = execution.layer(Last).anything


def test_states(execution: Execution) -> None:
    assert execution.state == "failed"
    assert [str(execution.layer(layer).state) for layer in (A, Fails, Last)] == ["finished", "failed", "waiting"]
    failed = execution.layer(Fails).state
    assert failed.failed
    assert failed.error is not None
    assert (failed.error.error, failed.error.message) == ("ValueError", "on purpose")


def test_parameters_are_read_back(execution: Execution) -> None:
    assert execution.parameters == Parameters(n=1, names=["a"])


def contents(store: Memory) -> dict[str, bytes]:
    return dict(store._data)


def test_reading_a_failed_run_changes_nothing(execution: Execution, store: Memory) -> None:
    before = contents(store)
    for layer in (A, Fails, Last):
        read = execution.layer(layer)
        _ = read.state, read.splits, hasattr(read, "partly"), hasattr(read, "colour")
        read.assigned_by_a_reader = 1
    _ = execution.state, execution.parameters, execution.flow.executions()
    assert contents(store) == before
    assert not hasattr(execution.layer(A), "assigned_by_a_reader")


def test_readers_do_not_see_each_others_changes(execution: Execution) -> None:
    one = execution.layer(A)
    one.colour = "blue"
    assert execution.layer(A).colour == "red"


def test_a_corrupt_artifact_is_named_and_the_others_are_read(execution: Execution, store: Memory) -> None:
    (key,) = store.keys(layout.BLOBS)
    store._data[key] = b"y" * 5000
    assert execution.layer(A).colour == "red"
    with pytest.raises(CorruptError, match="artifact 'data' of A is corrupt"):
        _ = execution.layer(A).data
    del store._data[key]
    with pytest.raises(CorruptError, match="artifact 'data' of A is lost"):
        _ = execution.layer(A).data


def test_a_corrupt_commit_is_never_taken_for_not_run(execution: Execution, store: Memory) -> None:
    store._data[layout.commit("F", "x", "A", 0)] = b"garbage"
    for read in (lambda: execution.layer(A).colour, lambda: execution.state, lambda: hasattr(execution.layer(A), "x")):
        with pytest.raises(CorruptError, match="COMMIT is unreadable"):
            read()


def test_an_input_that_is_corrupt_fails_the_layer_that_reads_it(make_flow: MakeFlow) -> None:
    class Damages(Layer):
        def __call__(self, a: A) -> None:
            memory: Any = wiring.datastore(self.execution.flow.store())
            memory._data[next(memory.keys(layout.BLOBS))] = b"y" * 5000

    class Reads(Layer):
        def __call__(self, a: A, damages: Damages) -> None:
            self.size = len(a.data)

    with pytest.raises(ExecutionError, match="Reads/0 failed at attempt 1: artifact 'data' of A is corrupt"):
        make_flow(A, Damages, Reads)()


def test_an_execution_that_is_not_there_says_so(make_flow: MakeFlow) -> None:
    flow = make_flow(A)
    for read in (lambda: flow.execution("nope").state, lambda: flow.execution("nope").parameters):
        with pytest.raises(AttributeError, match="flow F has no execution 'nope' in datastore memory"):
            read()
    with pytest.raises(AttributeError, match="flow F has no execution 'nope' in the datastore memory"):
        _ = flow.execution("nope").layer(A).colour
    with pytest.raises(UsageError, match="invalid execution id"):
        _ = flow.execution("../x").state
    assert repr(flow.execution("nope")) == "<Execution nope of F>"


def test_a_layer_that_is_not_the_flows_is_refused(execution: Execution) -> None:
    with pytest.raises(FlowError, match="flow F has no layer 'Aa'") as caught:
        execution.layer(type("Aa", (Layer,), {"__call__": A.__call__}))
    assert "Did you mean 'A'?" in caught.value.remedy
    with pytest.raises(FlowError, match="flow F has another class registered as A"):
        execution.layer(type("A", (Layer,), {"__call__": A.__call__}))


def test_executions_are_listed_oldest_first(make_flow: MakeFlow) -> None:
    flow = make_flow(A)
    assert flow.executions() == []
    for identity in ("z", "a", "m"):
        flow(execution=identity)
    assert [execution.id for execution in flow.executions()] == ["z", "a", "m"]


def test_a_run_is_read_while_it_runs(make_flow: MakeFlow) -> None:
    began, go_on = threading.Event(), threading.Event()

    class Waits(Layer):
        def __call__(self, a: A) -> None:
            began.set()
            assert go_on.wait(WAIT_S)
            self.value = 1

    flow = make_flow(A, Waits)
    run = threading.Thread(target=lambda: flow(execution="x"))
    run.start()
    try:
        assert began.wait(WAIT_S)
        execution = flow.execution("x")
        waits = execution.layer(Waits)
        assert execution.state == "running"
        assert waits.state.running
        assert (waits.splits, execution.layer(A).colour) == (1, "red")
        with pytest.raises(AttributeError, match=r"has not finished in execution x \(it is running\)"):
            _ = waits.value
    finally:
        go_on.set()
        run.join(WAIT_S)
    assert waits.value == 1, "the same reader, once it is there"
    assert execution.state == "finished"


def test_splits_are_read_by_index(make_flow: MakeFlow, store: Datastore) -> None:
    class Split(Layer):
        def __call__(self) -> None:
            self.number = self.index * 10

    begun(store, "x").put_plan("Split", Plan(3))
    execution = make_flow(Split).execution("x").resume()
    assert [execution.layer(Split, index=index).number for index in range(3)] == [0, 10, 20]
    assert execution.layer(Split, index=2).index == 2
    assert execution.layer(Split).splits == 3


def test_a_split_that_there_is_not_is_said_so(execution: Execution) -> None:
    with pytest.raises(AttributeError) as caught:
        _ = execution.layer(A, index=5).colour
    assert "has not finished" not in str(caught.value)


class Retried(Layer):
    def __call__(self) -> None:
        if self.attempt < 2:
            raise ValueError
        self.made_by = self.attempt


def test_a_layer_read_back_says_which_attempt_made_it_and_how(make_flow: MakeFlow) -> None:
    retry = layers.Retry(attempts=2, delay=0)
    read = make_flow(Retried, configuration={"Retried": {"retry": retry}})().layer(Retried)
    assert (read.made_by, read.attempt, read.configuration.retry.attempts) == (2, 2, 2)


def test_the_scratch_of_a_layer_that_has_run_is_gone_and_says_so(execution: Execution) -> None:
    with pytest.raises(AttributeError, match="scratch is gone"):
        _ = execution.layer(A).scratch


class Described(Layer):
    """Its class has a method, a property that can be set, and artifacts of the same names."""

    def colour(self) -> str:
        return "by the method"

    def shout(self) -> str:
        return f"{self.size}!"

    @property
    def size(self) -> int:
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        self._size = size

    def __call__(self) -> None:
        self.colour = "red"  # type: ignore[assignment, method-assign]
        self.size = 5


def test_an_artifact_wins_over_a_method_and_a_property_of_its_class(make_flow: MakeFlow) -> None:
    class Reads(Layer):
        def __call__(self, described: Described) -> None:
            self.seen = (described.colour, described.size, described.shout())

    execution = make_flow(Described, Reads)(execution="x")
    assert execution.layer(Reads).seen == ("red", 5, "5!")
    described = execution.layer(Described)
    assert (described.colour, described.size, described.shout()) == ("red", 5, "5!")
    assert Described.shout(Described(size=3)) == "3!"


def test_methods_of_a_layer_that_has_not_run_are_there_all_the_same(make_flow: MakeFlow) -> None:
    class Helps(Layer):
        def help(self) -> str:
            return self.name

        @classmethod
        def kind(cls) -> str:
            return cls.__name__

        def __call__(self) -> None:
            raise ValueError

    flow = make_flow(Helps)
    with pytest.raises(ExecutionError):
        flow(execution="x")
    helps = flow.execution("x").layer(Helps)
    assert (helps.help(), helps.kind()) == ("Helps", "Helps")
