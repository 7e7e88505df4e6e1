"""What is left to do of an execution: which splits of a layer, at which attempt, and what an earlier launch left running."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from laminar.engine import layout
from laminar.engine.executor import Executor, Job, Leftover
from laminar.engine.inputs import Inputs
from laminar.engine.logs import LogWriter
from laminar.engine.tries import Split
from laminar.model.configuration import Configuration
from laminar.model.graph import Graph, Node
from laminar.model.wire import Task


class Work:
    """Finds it in the records.

    Args:
        inputs: The records, and the artifacts.
        task: What all tasks have in common.
        epoch: Which schedule or resume of the execution this is, from 1.
    """

    def __init__(self, inputs: Inputs, task: Mapping[str, Any], epoch: int) -> None:
        self._ledger = inputs.ledger
        self._archive = inputs.archive
        self._task = task
        self._epoch = epoch
        self._leftovers: dict[tuple[str, int], int] = {}

    def take_up_leftovers(self, executor: Executor, graph: Graph) -> int:
        """Of what an earlier launch left behind, keep what may still commit, and end the rest; says how much is kept."""
        if self.begins:
            return 0
        for leftover in executor.leftovers():
            layer, index, attempt = leftover.layer, leftover.index, leftover.attempt
            if layer in graph.nodes and self._may_commit(graph.node(layer), index, attempt):
                self._leftovers[layer, index] = attempt
            else:
                executor.discard(self._job(leftover))
        return len(self._leftovers)

    @property
    def begins(self) -> bool:
        """Whether this is the execution's first launch: of what it has not planned, nothing can be there."""
        return self._epoch == 1

    def is_left(self, task: Task) -> bool:
        """Whether this attempt is one that an earlier launch left, and that may still commit."""
        return self._leftovers.get((task.layer, task.index)) == task.attempt

    def undone(self, layer: str, splits: int) -> Sequence[int]:
        """The splits that are not committed; those that run already come first.

        Raises:
            CorruptError: Something that a committed one saved is not there any more.
        """
        todo = []
        for index in range(splits):
            commit = self._ledger.commit(layer, index)
            for name, entry in commit.artifacts.items() if commit else ():
                self._archive.check_present(entry, name, layer)
            if commit is None:
                todo.append(index)
        return sorted(todo, key=lambda index: (layer, index) not in self._leftovers)

    def splits(self, node: Node, splits: int, todo: Sequence[int], *, fresh: bool) -> Iterator[Split]:
        """The splits of a layer, ready for their next attempt, made as they come to their turn.

        Args:
            node: The layer.
            splits: How many it has.
            todo: Which of them are to run.
            fresh: Whether it was planned just now.
        """
        for index in todo:
            number = self._leftovers.get((node.name, index), 0)
            task = Task(layer=node.name, index=index, splits=splits, attempt=number or 1, **self._task)
            if number:
                split = Split(node, task)
                split.adopt(self._ledger.started(task, node.configuration))
            elif fresh and self.begins:  # so nothing is looked for
                split = Split(node, task)
            else:
                split = Split(node, task._replace(attempt=self.next_attempt(node.name, index)))
            yield split

    def next_attempt(self, layer: str, index: int) -> int:
        """The number of the next attempt at a split: they never begin again."""
        return max(self._ledger.attempts(layer, index), default=0) + 1

    def log_of(self, task: Task, on_line: Callable[[str], None] | None = None) -> tuple[LogWriter, int]:
        """What keeps the output of an attempt, and how many bytes of it are kept already."""
        seen = len(self._ledger.log(task.layer, task.index, task.attempt)) if self._epoch > 1 else 0
        key = layout.log(self._ledger.flow, self._ledger.execution, task.layer, task.index, task.attempt)
        return LogWriter(self._ledger.store, key, on_line, seen), seen

    def _job(self, leftover: Leftover) -> Job:
        """A leftover as a job whose end nobody waits for."""
        task = Task(layer=leftover.layer, index=leftover.index, attempt=leftover.attempt, **self._task)
        log, seen = self.log_of(task)
        return Job(task, Configuration(), log.write, committed=lambda: None, seen=seen)

    def _may_commit(self, node: Node, index: int, attempt: int) -> bool:
        """Whether an attempt is the latest at a split that is open, in the generation that counts."""
        if self._ledger.plan(node.name) is None or self._ledger.commit(node.name, index) is not None:
            return False
        task = Task(layer=node.name, index=index, attempt=attempt, **self._task)
        started = self._ledger.started(task, node.configuration)
        latest = max(self._ledger.attempts(node.name, index), default=0)
        return attempt == latest and started.generation == self._ledger.generation(node.name)
