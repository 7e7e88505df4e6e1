"""What the scheduler lets an executor know of attempts whose turn has not come."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from laminar import Layer
from laminar.configurations import hooks, layers
from laminar.engine.executor import Job, Report
from laminar.errors import ExecutionError
from laminar.executors import Thread
from laminar.model.configuration import Configuration
from laminar.model.wire import Task

from ..conftest import MakeFlow


class Expects(Thread):
    """Notes what it is to expect and what it gets, both as `LAYER/INDEX/ATTEMPT`."""

    def __init__(self, ahead: int = 2, concurrency: int = 4) -> None:
        super().__init__(concurrency=concurrency)
        self.ahead = ahead
        self.told: list[list[str]] = []
        self.known: dict[Task, Configuration] = {}
        self.foreseen: list[str] = []
        self.got: list[str] = []

    def expect(self, upcoming: Mapping[Task, Configuration]) -> None:
        self.told.append([name(task) for task in upcoming])
        self.known.update(upcoming)

    def submit(self, job: Job, report: Report) -> None:
        self.got.append(name(job.task))
        if self.known.get(job.task) == job.configuration:
            self.foreseen.append(name(job.task))
        super().submit(job, report)


def name(task: Task) -> str:
    return f"{task.address}/{task.attempt}"


class A(Layer):
    def __call__(self) -> None:
        self.shard(values=[1, 2, 3])


class B(Layer):
    def __call__(self, a: A) -> None: ...


class C(Layer):
    def __call__(self, b: B) -> None: ...


def test_the_next_of_a_chain_is_expected_while_the_one_before_runs(make_flow: MakeFlow) -> None:
    executor = Expects()
    make_flow(A, B, C, executor=executor)()
    assert executor.told == [["B/0/1"], ["C/0/1"], []]
    assert executor.foreseen == ["B/0/1", "C/0/1"]


def test_no_more_are_expected_than_the_executor_likes_to_know(make_flow: MakeFlow) -> None:
    others = [type(f"B{number}", (Layer,), {"__call__": B.__call__}) for number in range(4)]
    executor = Expects(ahead=2)
    make_flow(A, *others, executor=executor)()
    assert executor.told[0] == ["B0/0/1", "B1/0/1"]
    none = Expects(ahead=0)
    make_flow(A, B, executor=none)()
    assert none.told == []


def test_what_waits_for_room_is_expected_as_its_hooks_left_it(make_flow: MakeFlow) -> None:
    class Small(Layer):
        @hooks.submission
        def smaller(self) -> None:
            self.configuration.container.memory = 100 + self.index

        def __call__(self, a: A) -> None: ...

    executor = Expects(concurrency=1)
    each = layers.ForEach(parameters=[layers.Parameter(layer=A, attribute="values")])
    make_flow(A, Small, executor=executor, configuration={"Small": {"foreach": each}})()
    assert executor.told == [["Small/1/1"], ["Small/2/1"], []]
    assert executor.foreseen == ["Small/1/1", "Small/2/1"]
    assert [value.container.memory for value in executor.known.values()] == [101, 102]


def test_what_is_not_sure_before_the_hooks_or_the_inputs_are_there_is_not_expected(make_flow: MakeFlow) -> None:
    class Hooked(Layer):
        @hooks.submission
        def may_change(self) -> None: ...

        def __call__(self, a: A) -> None: ...

    class Maybe(Layer):
        @hooks.entry
        def decides(self, a: A) -> bool:
            return True

        def __call__(self, a: A) -> None: ...

    each = layers.ForEach(parameters=[layers.Parameter(layer=A, attribute="values")])
    executor = Expects(concurrency=8)
    make_flow(A, Hooked, Maybe, B, executor=executor, configuration={"B": {"foreach": each}})()
    assert executor.told == []
    assert len(executor.got) == 6


def test_a_layer_that_will_be_skipped_is_not_expected(make_flow: MakeFlow) -> None:
    class Never(Layer):
        @hooks.entry
        def decides(self) -> bool:
            return False

        def __call__(self) -> None: ...

    class Long(Layer):
        def __call__(self) -> None: ...

    class Both(Layer):
        def __call__(self, never: Never, long: Long) -> None: ...

    executor = Expects()
    make_flow(Never, Long, Both, executor=executor)()
    assert (executor.got, executor.told) == (["Long/0/1"], [])


def test_a_layer_that_waits_for_several_is_expected_once_the_last_of_them_runs(make_flow: MakeFlow) -> None:
    class Join(Layer):
        def __call__(self, b: B) -> None: ...

    each = layers.ForEach(parameters=[layers.Parameter(layer=A, attribute="values")])
    executor = Expects(concurrency=1)
    make_flow(A, B, Join, executor=executor, configuration={"B": {"foreach": each}})()
    assert executor.told == [["B/1/1"], ["B/2/1"], ["Join/0/1"], []]


def test_what_does_not_come_is_not_expected_any_more(make_flow: MakeFlow) -> None:
    class Fails(Layer):
        def __call__(self, a: A) -> None:
            raise ValueError("on purpose")

    class After(Layer):
        def __call__(self, fails: Fails) -> None: ...

    executor = Expects()
    with pytest.raises(ExecutionError):
        make_flow(A, Fails, After, executor=executor)()
    assert executor.told == [["Fails/0/1"], ["After/0/1"], []]


def test_what_fails_fast_is_not_expected_any_more(make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMINAR_FAIL_FAST", "true")

    class Fails(Layer):
        def __call__(self) -> None:
            raise ValueError("on purpose")

    executor = Expects(concurrency=1)
    with pytest.raises(ExecutionError):
        make_flow(Fails, A, executor=executor)()
    assert (executor.told, executor.got) == ([["A/0/1"], []], ["Fails/0/1"])


def test_what_is_tried_again_is_expected_no_sooner(make_flow: MakeFlow) -> None:
    class Twice(Layer):
        def __call__(self) -> None:
            if self.attempt == 1:
                raise ValueError("on purpose")

    class After(Layer):
        def __call__(self, twice: Twice) -> None: ...

    executor = Expects()
    again = layers.Retry(attempts=2, delay=0)
    make_flow(Twice, After, executor=executor, configuration={"Twice": {"retry": again}})()
    assert executor.told == [["After/0/1"], [], ["After/0/1"], []]
    assert executor.foreseen == ["After/0/1"]


def test_a_resumed_run_foresees_no_layer(make_flow: MakeFlow) -> None:
    """Which attempt is next is to be read from the store there."""
    mended = False

    class Broken(Layer):
        def __call__(self) -> None:
            if not mended:
                raise ValueError("on purpose")

    class After(Layer):
        def __call__(self, broken: Broken) -> None: ...

    executor = Expects()
    flow = make_flow(Broken, After, executor=executor)
    with pytest.raises(ExecutionError) as caught:
        flow()
    assert executor.told == [["After/0/1"], []]
    mended = True
    flow.execution(caught.value.execution).resume()
    assert executor.told == [["After/0/1"], []]
    assert executor.got == ["Broken/0/1", "Broken/0/2", "After/0/1"]
