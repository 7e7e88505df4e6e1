"""Hooks, entry conditions and Catch, through `flow()`: threads and memory."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from laminar import Flow, Layer, hooks, launch, layers
from laminar.datastores import Datastore, Memory
from laminar.engine.events import AttemptFailed, Event, Warned
from laminar.engine.executor import Capacity, Job, Report
from laminar.engine.ledger import Ledger, Plan
from laminar.errors import ExecutionError, Interrupted, StoreError
from laminar.executors import Thread

from ..conftest import MakeFlow, begun


def run(flow: type[Flow], **options: Any) -> Any:
    return flow(datastore=Memory(), executor=Thread(), **options)()


def twice(**others: Any) -> dict[str, Any]:
    return {"retry": layers.Retry(attempts=2, delay=0), **others}


class Warnings:
    """An observer that keeps the warnings."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.messages.append(event.message)

    def close(self) -> None: ...


class A(Layer):
    def __call__(self) -> None:
        self.value = 1
        self.shard(items=range(3))


OVER_A = {"foreach": layers.ForEach(parameters=[layers.Parameter(layer=A, attribute="items")])}


# Execution hooks


def test_hooks_of_the_flow_are_around_those_of_the_layer() -> None:
    log: list[str] = []

    class F(Flow):
        @hooks.execution
        def outer(self) -> Iterator[None]:
            log.append(f"{self.name} outer")
            yield
            log.append("outer ends")

    class Base(Layer):
        @hooks.execution
        def inherited(self) -> Iterator[None]:
            log.append("inherited")
            yield
            log.append("inherited ends")

    @F.register
    class Hooked(Base):
        @hooks.execution
        def own(self) -> None:
            log.append("own")

        def __call__(self) -> None:
            log.append("call")

    run(F)
    assert log == ["Hooked outer", "inherited", "own", "call", "inherited ends", "outer ends"]


def test_hooks_of_one_name_run_for_the_flow_and_for_the_layer_and_a_flow_inherits_them() -> None:
    log: list[str] = []

    class Parent(Flow):
        @hooks.execution
        def connect(self) -> None:
            log.append("of the flow")

    class Child(Parent): ...

    @Child.register
    class Hooked(Layer):
        @hooks.execution
        def connect(self) -> None:
            log.append("of the layer")

        def __call__(self) -> None: ...

    run(Child)
    assert log == ["of the flow", "of the layer"]


def test_context_is_there_for_the_call_and_not_saved_unless_it_is_assigned_again(make_flow: MakeFlow) -> None:
    class Hooked(Layer):
        @hooks.execution
        def plain(self) -> None:
            self.lent = {"a": 1}

        @hooks.execution
        def connect(self) -> Iterator[None]:
            self.connection = open("/dev/null")  # noqa: SIM115 - it cannot be pickled
            self.kept = [1]
            self.later = self.lost = "before"
            yield
            self.connection.close()
            self.later = "after"
            self.counted = len(self.made)

        def __call__(self) -> None:
            self.kept = [*self.kept, 2]
            self.made = [self.lent["a"], self.connection.closed]

    execution = make_flow(Hooked)(execution="x")
    hooked = execution.layer(Hooked)
    assert (hooked.kept, hooked.made, hooked.later, hooked.counted) == ([1, 2], [1, False], "after", 2)
    for name in ("connection", "lent", "lost"):
        with pytest.raises(AttributeError, match="it set: counted, kept, later, made"):
            getattr(hooked, name)


def test_what_a_second_half_assigns_again_is_what_is_saved(make_flow: MakeFlow) -> None:
    class Hooked(Layer):
        @hooks.execution
        def around(self) -> Iterator[None]:
            yield
            self.value *= 2
            self.shard(items=[self.value])

        def __call__(self) -> None:
            self.value = 1

    hooked = make_flow(Hooked)().layer(Hooked)
    assert (hooked.value, list(hooked.items)) == (2, [2])


def test_a_hook_sees_the_error_of_the_call_and_cannot_hide_it(make_flow: MakeFlow) -> None:
    seen: list[BaseException] = []

    class Hooked(Layer):
        @hooks.execution
        def swallow(self) -> Iterator[None]:
            try:
                yield
            except ValueError as error:
                seen.append(error)

        def __call__(self) -> None:
            raise ValueError("on purpose")

    with pytest.raises(ExecutionError, match=r"Hooked/0 failed at attempt 1: ValueError: on purpose") as error:
        make_flow(Hooked)()
    assert seen == [error.value.__cause__]


@pytest.mark.parametrize("kind", [hooks.execution, hooks.submission, hooks.retry, hooks.entry])
def test_an_error_of_a_hook_is_the_layers_and_has_its_name(make_flow: MakeFlow, kind: Any) -> None:
    class Hooked(Layer):
        @kind
        def breaks(self) -> None:
            raise LookupError("in the hook")

        def __call__(self) -> None:
            assert kind is not hooks.execution
            raise ValueError("in the call")

    flow = make_flow(Hooked, configuration={"Hooked": twice()} if kind is hooks.retry else None)
    with pytest.raises(ExecutionError, match=r"Hooked/0 failed at attempt . ?.*LookupError: in the hook") as error:
        flow()
    assert isinstance(error.value.__cause__, LookupError)
    assert "in breaks" in error.value.details
    assert error.value.attempt == 1 + (kind is hooks.retry)
    assert error.value.exit_code == 1


@pytest.mark.parametrize("kind", [hooks.execution, hooks.submission])
def test_a_hook_that_yields_twice_is_named(make_flow: MakeFlow, store: Datastore, kind: Any) -> None:
    class Hooked(Layer):
        @kind
        def again(self) -> Iterator[None]:
            yield
            yield

        def __call__(self) -> None: ...

    words = "hook Hooked.again of layer Hooked yields twice"
    warnings = Warnings()
    if kind is hooks.execution:
        with pytest.raises(ExecutionError, match=words):
            make_flow(Hooked)()
    else:  # the split is committed by then: it can only be reported
        launch.schedule(make_flow(Hooked), observers=[warnings])
        (message,) = warnings.messages
        assert words in message


def test_what_a_hook_reads_is_an_edge(make_flow: MakeFlow) -> None:
    class Hooked(Layer):
        @hooks.execution
        def read(self, a: A) -> None:
            self._value = a.value

        def __call__(self) -> None:
            self.value = self._value + 1

    assert make_flow(Hooked, A)().layer(Hooked).value == 2


# Submission and retry hooks


def test_a_submission_hook_changes_each_split_and_the_call_sees_it(make_flow: MakeFlow) -> None:
    class Hooked(Layer):
        @hooks.submission
        def grow(self, a: A) -> None:
            self.configuration.container.memory += 1000 * (self.index + a.value)

        def __call__(self, a: A) -> None:
            self.memory = self.configuration.container.memory
            self.splits_seen = self.splits

    flow = make_flow(A, Hooked, configuration={"Hooked": OVER_A})
    execution = flow(execution="x")
    assert list(execution.layer(Hooked).memory) == [2500, 3500, 4500]
    assert list(execution.layer(Hooked).splits_seen) == [3, 3, 3]
    assert execution.layer(Hooked, index=1).configuration.container.memory == 3500
    assert flow.graph().node("Hooked").configuration.container.memory == 1500


def test_submission_hooks_run_once_and_retry_hooks_before_each_further_attempt(make_flow: MakeFlow) -> None:
    log: list[Any] = []

    class Hooked(Layer):
        @hooks.submission
        def submit(self) -> Iterator[None]:
            self.configuration.container.memory = 100
            log.append(("submit", self.attempt))
            yield
            log.append("submitted")

        @hooks.retry
        def grow(self) -> Iterator[None]:
            self.configuration.container.memory *= 2
            log.append(("retry", self.attempt))
            try:
                yield
            except Exception as error:
                log.append(str(error).split(":")[0])
                raise
            log.append("retried")

        def __call__(self) -> None:
            log.append(("call", self.attempt, self.configuration.container.memory))
            if self.attempt < 3:
                raise ValueError

    make_flow(Hooked, configuration={"Hooked": {"retry": layers.Retry(attempts=3, delay=0)}})()
    assert log == [
        *(("submit", 1), ("call", 1, 100)),
        *(("retry", 2), ("call", 2, 200), "Hooked/0 failed at attempt 2"),
        *(("retry", 3), ("call", 3, 400), "retried"),
        "submitted",
    ]


def test_a_submission_hook_sees_that_its_split_failed(make_flow: MakeFlow) -> None:
    seen: list[str] = []

    class Hooked(Layer):
        @hooks.submission
        def watch(self) -> Iterator[None]:
            try:
                yield
            except ExecutionError as error:
                seen.append(error.message)

        def __call__(self) -> None:
            raise ValueError("on purpose")

    with pytest.raises(ExecutionError):
        make_flow(Hooked, configuration={"Hooked": twice()})()
    assert seen == ["Hooked/0 failed at attempt 2 of 2: ValueError: on purpose"]


def test_what_a_submission_hook_leaves_is_checked(make_flow: MakeFlow) -> None:
    class Hooked(Layer):
        @hooks.submission
        def shrink(self) -> None:
            self.configuration.container.memory = 0

        def __call__(self) -> None:
            raise AssertionError

    with pytest.raises(ExecutionError, match=r"layer Hooked, as its hooks left it, has container\.memory = 0") as error:
        make_flow(Hooked)()
    assert error.value.remedy == "Give a whole number of MiB, 6 at least."


class Small(Thread):
    """A machine of 1000 MiB, which counts what runs at one time; commits are told before the end, as containers do."""

    most = now = 0

    def capacity(self) -> Capacity:
        return Capacity(memory=1000)

    def submit(self, job: Job, report: Report) -> None:
        self.now += job.configuration.container.memory
        self.most = max(self.most, self.now)
        took = job.configuration.container.memory

        def done(of: Job, exit_: Any) -> None:
            self.now -= took
            of.committed()
            report(of, exit_)

        super().submit(job, done)


def test_the_machine_gets_back_what_was_taken_whatever_a_hook_changes_after_its_yield(make_flow: MakeFlow) -> None:
    class Hooked(Layer):
        @hooks.submission
        def grow(self) -> Iterator[None]:
            self.configuration.container.memory = 600
            yield
            self.configuration.container.memory = 5000

        def __call__(self, a: A) -> None: ...

    sizes = {"A": {"container": layers.Container(memory=100)}}
    executor = Small()
    flow = make_flow(A, Hooked, configuration={**sizes, "Hooked": OVER_A}, executor=executor)
    made: list[Small] = []
    opened = Small.open

    def keep(self: Small, launched: Any) -> None:
        made.append(self)
        opened(self, launched)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Small, "open", keep)
        flow()
    assert made[0].most == 600, "one at a time"


# Entry hooks


class Skips(Layer):
    @hooks.entry
    def never(self) -> bool:
        return False

    def __call__(self, a: A) -> None:
        raise AssertionError


def test_a_skipped_layer_says_so(make_flow: MakeFlow) -> None:
    execution = make_flow(A, Skips)(execution="x")
    skipped = execution.layer(Skips)
    assert (skipped.state.skipped, skipped.state.finished, execution.state) == (True, False, "finished")
    with pytest.raises(AttributeError, match=r"layer Skips was skipped in execution x: Skips\.never returned False"):
        skipped.value


def test_what_depends_on_a_skipped_layer_is_skipped_unless_it_decides_itself(make_flow: MakeFlow) -> None:
    class After(Layer):
        def __call__(self, skips: Skips) -> None:
            raise AssertionError

    class AfterThat(Layer):
        def __call__(self, after: After, a: A) -> None:
            raise AssertionError

    class Anyway(Layer):
        @hooks.entry
        def always(self, skips: Skips, after: After) -> bool:
            return skips.state.skipped and after.state.skipped

        def __call__(self, skips: Skips, a: A) -> None:
            self.value = getattr(skips, "value", a.value)

    class ByHook(Layer):
        @hooks.execution
        def take(self, skips: Skips) -> None: ...

        def __call__(self) -> None:
            raise AssertionError

    execution = make_flow(A, Skips, After, AfterThat, Anyway, ByHook)()
    states = [str(execution.layer(layer).state) for layer in (A, Skips, After, AfterThat, Anyway, ByHook)]
    assert states == ["finished", "skipped", "skipped", "skipped", "finished", "skipped"]
    assert execution.layer(Anyway).value == 1
    with pytest.raises(AttributeError, match=r"AfterThat was skipped .*: After, which it depends on, was skipped"):
        execution.layer(AfterThat).value


def test_a_foreach_over_a_skipped_layer_is_skipped_whatever_its_hook_says(make_flow: MakeFlow) -> None:
    class Over(Layer):
        @hooks.entry
        def always(self) -> bool:
            raise AssertionError("not asked")

        def __call__(self, skips: Skips) -> None:
            raise AssertionError

    over = layers.ForEach(parameters=[layers.Parameter(layer=Skips, attribute="value")])
    execution = make_flow(A, Skips, Over, configuration={"Over": {"foreach": over}})()
    assert execution.layer(Over).state.skipped
    with pytest.raises(AttributeError, match="Skips, which it iterates over, was skipped"):
        execution.layer(Over).value


@pytest.mark.parametrize("of_flow", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("own", [True, False, None])
def test_a_flows_entry_hooks_must_all_be_true_and_so_must_the_layers(
    of_flow: tuple[bool, bool], own: bool | None
) -> None:
    class F(Flow):
        @hooks.entry
        def one(self) -> bool:
            return of_flow[0]

        @hooks.entry
        def two(self) -> bool:
            return of_flow[1]

    def call(self: Layer) -> None: ...

    body: dict[str, Any] = {"__call__": call}
    if own is not None:
        body["decide"] = hooks.entry(lambda self: own)
    layer = F.register(type("Decides", (Layer,), body))
    assert run(F).layer(layer).state.skipped == (not all(of_flow) or own is False)


def test_a_flows_entry_hook_does_not_replace_the_default() -> None:
    class F(Flow):
        @hooks.entry
        def yes(self) -> bool:
            return True

    class After(Layer):
        def __call__(self, skips: Skips) -> None:
            raise AssertionError

    for layer in (A, Skips, After):
        F.register(layer)
    assert run(F).layer(After).state.skipped


def test_a_decision_that_fails_again_is_an_attempt_of_its_own(make_flow: MakeFlow, store: Datastore) -> None:
    class Undecided(Layer):
        @hooks.entry
        def decides(self) -> bool:
            raise ConnectionError

        def __call__(self) -> None: ...

    flow = make_flow(Undecided)
    with pytest.raises(ExecutionError, match="Undecided/0 failed at attempt 1: ConnectionError"):
        flow(execution="x")
    with pytest.raises(ExecutionError, match="Undecided/0 failed at attempt 2 of 2: ConnectionError"):
        flow.execution("x").resume()
    assert Ledger(store, flow.name, "x").attempts("Undecided", 0) == [1, 2]


def test_a_decision_is_taken_once_per_layer_and_an_earlier_one_stands(make_flow: MakeFlow, store: Datastore) -> None:
    asked: list[int] = []

    class Decides(Layer):
        @hooks.entry
        def ask(self) -> bool:
            asked.append(self.index)
            return True

        def __call__(self, a: A) -> None: ...

    flow = make_flow(A, Decides, configuration={"Decides": OVER_A})
    assert flow(execution="x").layer(Decides).splits == 3
    assert asked == [0]
    assert Ledger(store, "F", "x").plan("Decides") is not None

    begun(store, "y").put_plan("Decides", Plan(0, skipped="it was decided earlier"))
    execution = flow.execution("y").resume()
    assert asked == [0]
    with pytest.raises(AttributeError, match="was skipped in execution y: it was decided earlier"):
        execution.layer(Decides).value


# Catch


def test_a_caught_error_is_kept_with_what_was_assigned(make_flow: MakeFlow) -> None:
    class Fails(Layer):
        @hooks.execution
        def around(self) -> Iterator[None]:
            self.context = 1
            try:
                yield
            finally:
                self.closed = True

        def __call__(self) -> None:
            self.shard(items=[1, 2])
            self.so_far = self.attempt
            raise KeyError("on purpose")

    class After(Layer):
        def __call__(self, fails: Fails) -> None:
            self.seen = (fails.so_far, fails.state.error.error, list(fails.items))

    configuration = {"Fails": twice(catch=layers.Catch(ValueError, LookupError))}
    execution = make_flow(Fails, After, configuration=configuration)()
    fails = execution.layer(Fails)
    assert (fails.state.finished, fails.state.failed, execution.state) == (True, False, "finished")
    assert (fails.so_far, fails.closed, fails.attempt) == (2, True, 2), "on the last attempt only"
    assert not hasattr(fails, "context")
    error = fails.state.error
    assert error is not None
    assert (error.kind, error.error, error.message) == ("user", "KeyError", "'on purpose'")
    assert "raise KeyError" in error.traceback
    assert execution.layer(After).seen == (2, "KeyError", [1, 2])


def test_what_is_not_caught_fails(make_flow: MakeFlow) -> None:
    class Fails(Layer):
        def __call__(self) -> None:
            raise KeyError("on purpose")

    for catch in (layers.Catch(ValueError), layers.Catch()):
        with pytest.raises(ExecutionError, match="KeyError"):
            make_flow(Fails, configuration={"Fails": {"catch": catch}})()


def test_an_attempt_that_ends_well_before_the_last_has_no_error(make_flow: MakeFlow) -> None:
    class Flaky(Layer):
        def __call__(self) -> None:
            if self.attempt == 1:
                raise ValueError

    flaky = make_flow(Flaky, configuration={"Flaky": twice(catch=layers.Catch(ValueError))})().layer(Flaky)
    assert (flaky.attempt, flaky.state.error) == (2, None)


def test_what_cannot_be_saved_may_be_caught_and_the_rest_stays(make_flow: MakeFlow) -> None:
    class Saves(Layer):
        def __call__(self) -> None:
            self.before = 1
            self.bad = (x for x in "generators cannot be saved")
            self.after = 2

    saves = make_flow(Saves, configuration={"Saves": {"catch": layers.Catch(Exception)}})().layer(Saves)
    assert (saves.before, saves.after) == (1, 2)
    assert saves.state.error is not None
    assert "artifact 'bad' of layer Saves" in saves.state.error.message


def test_catch_in_one_split_of_many(make_flow: MakeFlow) -> None:
    class Some(Layer):
        def __call__(self, a: A) -> None:
            self.always = a.items
            if a.items == 1:
                raise ValueError("one")
            self.not_in_all = a.items

    execution = make_flow(A, Some, configuration={"Some": {**OVER_A, "catch": layers.Catch(ValueError)}})()
    some = execution.layer(Some)
    assert list(some.always) == [0, 1, 2]
    assert some.state.error is not None
    assert some.state.error.message == "one"
    with pytest.raises(AttributeError, match=r"in 1 of its 3 splits: 1 \(caught ValueError: one\)$"):
        some.not_in_all
    with pytest.raises(AttributeError, match=r"did not set 'not_in_all' \(caught ValueError: one\); it set: always"):
        execution.layer(Some, index=1).not_in_all


@pytest.mark.parametrize("caught", [True, False])
def test_a_layer_that_exits(make_flow: MakeFlow, caught: bool) -> None:
    class Exits(Layer):
        def __call__(self) -> None:
            self.value = 1
            sys.exit(3)

    flow = make_flow(Exits, configuration={"Exits": {"catch": layers.Catch(SystemExit)}} if caught else None)
    if caught:
        exits = flow().layer(Exits)
        assert (exits.value, exits.state.error and exits.state.error.error) == (1, "SystemExit")
        return
    with pytest.raises(ExecutionError, match=r"SystemExit: the layer called sys\.exit\(3\)") as error:
        flow()
    assert (error.value.exit_code, error.value.remedy) == (1, "Return from __call__, or raise an error.")


# The datastore, and signals


@pytest.mark.parametrize("kind", [hooks.submission, hooks.entry])
def test_a_datastore_that_fails_under_a_hook_is_infrastructure(make_flow: MakeFlow, kind: Any) -> None:
    class Hooked(Layer):
        @kind
        def read(self, a: A) -> bool:
            raise StoreError("the store is out of reach.", remedy="Bring it back.")

        def __call__(self) -> None: ...

    with pytest.raises(ExecutionError, match=r"Hooked/0 failed at attempt 1: the store is out of reach") as error:
        make_flow(A, Hooked)()
    assert (error.value.exit_code, error.value.remedy) == (3, "Bring it back.")


def test_an_interrupt_between_two_attempts_closes_the_submission_hooks(make_flow: MakeFlow) -> None:
    seen: list[str] = []

    class Hooked(Layer):
        @hooks.submission
        def watch(self) -> Iterator[None]:
            try:
                yield
            except BaseException as error:
                seen.append(type(error).__name__)

        def __call__(self) -> None:
            raise ValueError

    class Interrupts(Warnings):
        def __call__(self, event: Event) -> None:
            if isinstance(event, AttemptFailed):
                signal.raise_signal(signal.SIGINT)

    flow = make_flow(Hooked, configuration={"Hooked": {"retry": layers.Retry(attempts=2, delay=1000)}})
    with pytest.raises(Interrupted):
        launch.schedule(flow, observers=[Interrupts()])
    assert seen == ["Interrupted"]


def test_an_interrupt_closes_the_hooks_of_a_split_that_waits_for_its_turn(
    make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setenv("LAMINAR_MAX_PARALLEL", "1")

    class Hooked(Layer):
        @hooks.submission
        def watch(self) -> Iterator[None]:
            try:
                yield
                seen.append(f"{self.index} ended well")
            except BaseException as error:
                seen.append(f"{self.index} {type(error).__name__}")

        def __call__(self, a: A) -> None:
            self.value = a.items

    class Stops(Thread):
        def submit(self, job: Job, report: Report) -> None:
            if job.task.layer == "Hooked":
                signal.raise_signal(signal.SIGINT)
            super().submit(job, report)

    with pytest.raises(Interrupted):
        make_flow(A, Hooked, configuration={"Hooked": OVER_A}, executor=Stops())()
    assert "1 Interrupted" in seen
    assert "1 ended well" not in seen
