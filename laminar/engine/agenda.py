"""What is next: layers are planned once all that they wait for is settled, and their splits come first come first served."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from laminar.engine.events import LayerPlanned, LayerSkipped, Warned
from laminar.engine.inputs import Inputs
from laminar.engine.planning import Planner
from laminar.engine.tries import Split
from laminar.engine.work import Work
from laminar.errors import LaminarError
from laminar.model.graph import Graph, Node
from laminar.model.wire import Task


@dataclass
class LayerRun:
    """Where a layer stands in this run.

    Attributes:
        waits_for: The layers that are to be settled before it.
        splits: How many it has; None before it is planned.
        left: Of them, how many are not committed.
        settled: Whether all are committed, or it does not run.
        skipped: Whether it does not run.
        failed: Whether one of them has finally failed.
        began: When its first split had its turn, on the monotonic clock; None before.
        took: Seconds from then until the latest end of an attempt: until it was settled, where it is.
    """

    node: Node
    waits_for: set[str]
    splits: int | None = None
    left: int = 0
    settled: bool = False
    skipped: bool = False
    failed: bool = False
    began: float | None = None
    took: float = 0.0


class Chief(Protocol):
    """Whom an agenda serves."""

    def held(self, layer: str) -> LaminarError | None:
        """Why nothing more of a layer is started; None where it may be."""

    def fail(self, split: Split, error: Exception | SystemExit) -> None:
        """A layer cannot be planned, or a split not be prepared: it has finally failed."""

    def tell(self, kind: Callable[..., Any], *members: Any) -> None:
        """Let the observers know of an event that happens now."""


class Agenda:
    """The layers and splits of one execution that are still to run.

    Args:
        graph: The layers.
        inputs: What hooks take.
        task: What all tasks have in common.
        work: Finds what is left to do of a layer.
        chief: Says what is held, and hears of what happens.
    """

    def __init__(self, graph: Graph, inputs: Inputs, task: Mapping[str, Any], work: Work, chief: Chief) -> None:
        self.layers = {node.name: LayerRun(node, set(node.dependencies)) for node in graph}
        self._inputs = inputs
        self._planner = Planner(inputs)
        self._task = task
        self._work = work
        self._chief = chief
        self._skipped: set[str] = set()
        self._queue: deque[Iterator[Split]] = deque()
        self._head: Split | None = None
        self._due: deque[LayerRun] = deque()
        self._planning = False

    @property
    def head(self) -> Split | None:
        """The split that waits for room, its hooks run; None where nothing does."""
        return self._head

    def begin(self) -> None:
        """Plan the layers that wait for none."""
        self._due += [layer for layer in self.layers.values() if not layer.waits_for]
        self._plan_due()

    def next(self) -> Split | None:
        """The split whose turn it is, its hooks run; it stays that until it is taken."""
        if self._head is not None and (why := self._chief.held(self._head.task.layer)):
            self._head.end(why)
            self._head = None
        while self._head is None and self._queue:
            split = next(self._queue[0], None)
            if split is None:
                self._queue.popleft()
            elif why := self._chief.held(split.task.layer):
                split.end(why)  # one that was to be tried again has submission hooks open
                self._queue.popleft()  # with all that follow: they are of the same layer
            else:
                self._prepare(split)
        return self._head

    def take(self, split: Split) -> None:
        """It is started now."""
        self._head = None
        layer = self.layers[split.task.layer]
        if layer.began is None:  # its turn, not the time it waited for that
            layer.began = time.monotonic()

    def again(self, split: Split) -> None:
        """It is to be tried again: it came before what still waits."""
        self._queue.appendleft(iter([split]))

    def ended(self, split: Split) -> None:
        """An attempt at it has ended, however it did."""
        layer = self.layers[split.task.layer]
        if layer.began is not None:
            layer.took = time.monotonic() - layer.began

    def done(self, split: Split) -> None:
        """It is committed."""
        self.ended(split)
        layer = self.layers[split.task.layer]
        layer.left -= 1
        if not layer.left:
            self._settle(layer)

    def _prepare(self, split: Split) -> None:
        """Run its hooks, and make it the next."""
        try:
            split.prepare(self._inputs)
        except (Exception, SystemExit) as error:
            self._chief.fail(split, error)
        else:
            self._head = split

    def _settle(self, layer: LayerRun) -> None:
        """A layer is done or skipped: what waited for it may start."""
        layer.settled = True
        name = layer.node.name
        self._due += [other for other in self.layers.values() if name in other.waits_for]
        for other in self._due:
            other.waits_for.discard(name)
        if not self._planning:
            self._plan_due()

    def _plan_due(self) -> None:
        """Decide about the layers that waited. What that settles adds to them: a chain is walked, not climbed."""
        self._planning = True
        try:
            while self._due:
                self._plan_if_due(self._due.popleft())
        finally:
            self._planning = False

    def _plan_if_due(self, layer: LayerRun) -> None:
        """Decide about a layer and queue its splits, once all that it waits for is settled."""
        name = layer.node.name
        if layer.waits_for or layer.settled or layer.left or self._chief.held(name):
            return
        task = Task(layer=name, **self._task)
        try:
            plan, fresh = self._planner.plan(layer.node, self._skipped, task)
            todo = range(plan.splits) if fresh else self._work.undone(name, plan.splits)
        except (Exception, SystemExit) as error:
            task = task._replace(attempt=self._work.next_attempt(name, 0))
            self._chief.fail(Split(layer.node, task), error)
            return
        if plan.skipped:
            layer.skipped = True
            self._skipped.add(name)
            self._chief.tell(LayerSkipped, name, plan.skipped)
            self._settle(layer)
            return
        if fresh and (hint := self._planner.hint(layer.node)):
            self._chief.tell(Warned, hint)
        layer.splits, layer.left = plan.splits, len(todo)
        self._chief.tell(LayerPlanned, name, plan.splits, plan.splits - layer.left)
        if todo:
            self._queue.append(self._work.splits(layer.node, plan.splits, todo, fresh=fresh))
        else:
            self._settle(layer)
