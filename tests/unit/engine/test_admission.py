from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from laminar.engine.admission import Admission
from laminar.engine.executor import Capacity
from laminar.model.configuration import Container

bounds = st.none() | st.integers(1, 5)
capacities = st.builds(
    Capacity, cpu=st.none() | st.floats(0.5, 8), memory=st.none() | st.integers(100, 9000), jobs=bounds
)
requests = st.lists(st.tuples(st.floats(0.01, 12), st.integers(6, 12000)), max_size=25)


@given(capacities, bounds, requests, st.randoms(use_true_random=False))
def test_what_runs_is_within_the_bounds_and_everything_runs(
    capacity: Capacity, most: int | None, asked: list[tuple[float, int]], random: object
) -> None:
    admission = Admission(capacity, most)
    waiting = deque(Container(cpu=cpu, memory=memory) for cpu, memory in asked)
    running: list[Container] = []
    order = list(waiting)
    started: list[Container] = []
    while waiting or running:
        while waiting and admission.admits(waiting[0]):
            container = waiting.popleft()
            admission.take(container, "A/0")
            running.append(container)
            started.append(container)
            cpu, memory = sum(one.cpu for one in running), sum(one.memory for one in running)
            if len(running) > 1:  # alone, anything may run
                assert capacity.cpu is None or cpu <= capacity.cpu + 1e-5
                assert capacity.memory is None or memory <= capacity.memory
                assert len(running) <= min(capacity.jobs or 99, most or 99)
        assert running, "nothing runs and nothing is admitted"
        ended = running.pop(random.randrange(len(running)))  # type: ignore[attr-defined]
        admission.give_back(ended)
    assert started == order


@given(st.integers(1, 100))
def test_tenths_fill_the_machine(count: int) -> None:
    admission = Admission(Capacity(cpu=count / 10))
    for _ in range(count):
        assert admission.admits(Container(cpu=0.1))
        admission.take(Container(cpu=0.1), "A/0")
    assert not admission.admits(Container(cpu=0.1))


def test_what_asks_for_more_than_there_is_gets_a_warning_and_runs_alone() -> None:
    admission = Admission(Capacity(cpu=2, memory=1000))
    huge = Container(cpu=4, memory=100)
    assert admission.admits(huge)
    assert admission.take(huge, "A/0") == "A/0 asks for 4 cores and the engine has 2: it runs alone"
    assert not admission.admits(Container(cpu=0.1, memory=6))
    admission.give_back(huge)
    assert admission.take(Container(cpu=1, memory=2000), "A/1").startswith("A/1 asks for 2000 MiB")
    assert admission.take(Container(cpu=1, memory=1), "A/2") == ""
