"""Random flows against models in plain Python: what starts when, and what joins read."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from inspect import Parameter, Signature
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laminar import Flow, Layer, hooks, layers
from laminar.engine.accessor import Accessor
from laminar.engine.executor import Capacity, Job, Report
from laminar.errors import ExecutionError
from laminar.executors import Thread

from ..conftest import MakeFlow

WAIT_S = 120.0
random_flows = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60
)


def layer(name: str, inputs: list[type[Layer]], call: Callable[..., None], **members: Any) -> type[Layer]:
    """A layer whose call takes these layers."""

    def step(self: Layer, **given: Layer) -> None:
        call(self, *given.values())

    taken = [Parameter(kind.__name__.lower(), Parameter.KEYWORD_ONLY, annotation=kind) for kind in inputs]
    step.__signature__ = Signature([Parameter("self", Parameter.POSITIONAL_ONLY), *taken])  # type: ignore[attr-defined]
    return type(name, (Layer,), {"__call__": step, **members})


# Order

outcomes = st.sampled_from(["finished", "finished", "finished", "failed", "skipped"])


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[list[str], str]]:
    """Name -> the layers that it takes, all of them before it, and how it would end if it ran."""
    graph: dict[str, tuple[list[str], str]] = {}
    for number in range(draw(st.integers(1, 7))):
        taken = [name for name in graph if draw(st.booleans())]
        graph[f"L{number}"] = taken, draw(outcomes)
    return graph


def ends(graph: dict[str, tuple[list[str], str]]) -> dict[str, str]:
    """How each layer ends."""
    states: dict[str, str] = {}
    for name, (taken, outcome) in graph.items():
        before = {states[other] for other in taken}
        if before & {"failed", "waiting"}:
            states[name] = "waiting"
        else:
            states[name] = "skipped" if "skipped" in before else outcome
    return states


class Held(Thread):
    """Keeps what is submitted until the test lets it run."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()
        self.held: dict[str, Callable[[], None]] = {}
        self.ended: set[str] = set()
        self.free = threading.Event()  # shared by the copies that laminar makes

    def capacity(self) -> Capacity:
        return Capacity()

    def submit(self, job: Job, report: Report) -> None:
        name = job.task.layer

        def done(*reported: Any) -> None:
            report(*reported)
            with self.changed:
                self.ended.add(name)
                self.changed.notify()

        with self.changed:
            assert name not in self.held
            self.held[name] = lambda: super(Held, self).submit(job, done)
            self.changed.notify()
            if self.free.is_set():
                self.held[name]()

    def let_go(self, ended: set[str]) -> None:
        """Hold nothing any more: an example may be given up in the middle, and its run must not stay."""
        with self.changed:
            self.free.set()
            for name in set(self.held) - ended:
                self.held[name]()


@random_flows
@given(graph=graphs(), data=st.data())
def test_all_that_is_ready_is_started_at_once_and_nothing_before(
    make_flow: MakeFlow, graph: dict[str, tuple[list[str], str]], data: st.DataObject
) -> None:
    def call(self: Layer, *taken: Layer) -> None:
        assert all(other.made for other in taken)
        self.made = True
        if graph[self.name][1] == "failed":
            raise ValueError

    made: dict[str, type[Layer]] = {}
    for name, (taken, outcome) in graph.items():
        members = {"decide": hooks.entry(lambda self: False)} if outcome == "skipped" else {}
        made[name] = layer(name, [made[other] for other in taken], call, **members)
    executor = Held()
    flow = make_flow(*data.draw(st.permutations(list(made.values())), "registered"), executor=executor)
    states = ends(graph)
    runs = [name for name, state in states.items() if state in ("finished", "failed")]

    def settled(name: str, ended: set[str]) -> bool:
        """Whether it is known, after some have ended, that a layer has finished or is skipped."""
        if states[name] == "finished":
            return name in ended
        return states[name] == "skipped" and all(settled(other, ended) for other in graph[name][0])

    run = threading.Thread(target=_run, args=(flow,), daemon=True)
    run.start()
    ended: set[str] = set()
    try:
        while True:
            ready = {name for name in runs if all(settled(other, ended) for other in graph[name][0])}
            with executor.changed:
                assert executor.changed.wait_for(lambda: set(executor.held) >= ready, WAIT_S), (ready, executor.held)  # noqa: B023
                assert set(executor.held) == ready
            if not ready - ended:
                break
            chosen = data.draw(st.sampled_from(sorted(ready - ended)), "ends")
            ended.add(chosen)
            executor.held[chosen]()
            with executor.changed:
                assert executor.changed.wait_for(lambda: ended == executor.ended, WAIT_S)
    finally:
        executor.let_go(ended)
        run.join(WAIT_S)
    assert not run.is_alive()
    execution = flow.executions()[-1]
    assert {name: str(execution.layer(kind).state) for name, kind in made.items()} == states


def _run(flow: Flow) -> None:
    with suppress(ExecutionError):
        flow()


# Joins


@dataclass
class Cut:
    """A layer of a random flow, and what a plain-Python run of it gives.

    Attributes:
        over: The layers whose `out` it iterates over, each with a split's index or None; none for a layer of one split.
        joins: The layers whose `out` it reads whole.
        shards: Whether it saves `out` item by item.
        elements: What each split gets.
        outs: What each split saves as `out`.
    """

    name: str
    over: dict[str, int | None]
    joins: list[str]
    shards: bool
    elements: list[tuple[Any, ...]]
    outs: list[Any]

    def items(self, index: int | None = None) -> list[Any]:
        """What a ForEach over `out` iterates over."""
        chosen = self.outs if index is None else [self.outs[index]]
        return list(itertools.chain(*chosen)) if self.shards else chosen

    @property
    def read(self) -> Any:
        """`out` as another layer reads it."""
        return self.items() if self.over or self.shards else self.outs[0]


@st.composite
def cuts(draw: st.DrawFn) -> dict[str, Cut]:
    """Up to six layers: sharded, saved whole and empty ones, ForEach over any of those before and over each other's."""
    made: dict[str, Cut] = {}
    for number in range(draw(st.integers(1, 6))):
        over: dict[str, int | None] = {}
        axes: list[list[Any]] = []
        for other in draw(st.lists(st.sampled_from(sorted(made)), unique=True, max_size=3)) if made else []:
            splits = len(made[other].outs)
            index = draw(st.none() | st.sampled_from(range(splits))) if splits else None
            if math.prod(map(len, axes)) * len(made[other].items(index)) <= 12:
                over[other] = index
                axes.append(made[other].items(index))
        elements = list(itertools.product(*axes))  # of no axes: one split
        name, shards, most = f"L{number}", draw(st.booleans()), draw(st.integers(1, 3))
        outs: list[Any] = [(name, index, *chosen) for index, chosen in enumerate(elements)]
        if shards:
            outs = [[(*out, n) for n in range(index % most)] for index, out in enumerate(outs)]
        joins = [other for other in made if other not in over and draw(st.booleans())]
        made[name] = Cut(name, over, joins, shards, elements, outs)
    return made


@random_flows
@given(model=cuts())
def test_what_is_cut_and_joined_is_what_a_plain_run_gives(make_flow: MakeFlow, model: dict[str, Cut]) -> None:
    def call(self: Layer, *taken: Any) -> None:
        cut = model[self.name]
        self.seen = (self.index, self.splits, tuple(each.out for each in taken[: len(cut.over)]))
        self.joined = [_plain(each.out) for each in taken[len(cut.over) :]]
        if cut.shards:
            self.shard(out=iter(cut.outs[self.index]))
        else:
            self.out = cut.outs[self.index]

    made: dict[str, type[Layer]] = {}
    configuration = {}
    for name, cut in model.items():
        made[name] = layer(name, [made[other] for other in (*cut.over, *cut.joins)], call)
        parameters = [layers.Parameter(layer=made[other], attribute="out", index=at) for other, at in cut.over.items()]
        configuration[name] = {"foreach": layers.ForEach(parameters=parameters) if parameters else None}
    execution: Any = make_flow(*made.values(), configuration=configuration)()
    for name, cut in model.items():
        read = execution.layer(made[name])
        splits = len(cut.elements)
        assert read.splits == splits
        assert _plain(read.out) == cut.read
        for index in range(splits):
            one = execution.layer(made[name], index=index)
            assert one.seen == (index, splits, cut.elements[index])
            assert one.joined == [model[other].read for other in cut.joins]
            assert _plain(one.out) == cut.outs[index]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Accessor) else value
