"""What comes next, as far as that is sure: for executors that do something of it ahead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from laminar.engine.agenda import Agenda, Chief
from laminar.engine.executor import Executor
from laminar.engine.work import Work
from laminar.model.configuration import Configuration
from laminar.model.graph import Node
from laminar.model.hooks import ENTRY, SUBMISSION
from laminar.model.wire import Task


class Foresight:
    """Lets an executor know of attempts before their turn has come.

    Args:
        executor: Whom it may concern.
        agenda: What is still to run.
        work: Finds what is left to do of a layer.
        task: What all tasks have in common.
        chief: Says what is held.
    """

    def __init__(self, executor: Executor, agenda: Agenda, work: Work, task: Mapping[str, Any], chief: Chief) -> None:
        self._executor = executor
        self._agenda = agenda
        self._work = work
        self._task = task
        self._chief = chief
        self._plain = [layer for layer in agenda.layers.values() if _is_plain(layer.node)] if work.begins else []
        self._told: dict[Task, Configuration] = {}

    def look(self, running: Iterable[str]) -> None:
        """Tell the executor what is next by now, if that has changed.

        Args:
            running: The layer of each split that runs and has not committed.
        """
        if not self._executor.ahead:
            return
        upcoming = dict(islice(self._upcoming(Counter(running)), self._executor.ahead))
        if upcoming != self._told:
            self._told = upcoming
            self._executor.expect(upcoming)

    def _upcoming(self, running: Mapping[str, int]) -> Iterator[tuple[Task, Configuration]]:
        """The split that waits for room, then the layers that wait only for what runs by now."""
        head, layers = self._agenda.head, self._agenda.layers
        if head is not None and not self._work.is_left(head.task):
            yield head.task, head.configuration
        ending = {name for name, count in running.items() if layers[name].left == count}
        for layer in self._plain:
            node = layer.node
            skips = any(layers[name].skipped for name in node.dependencies)
            if layer.waits_for and layer.waits_for <= ending and not skips and not self._chief.held(node.name):
                yield Task(layer=node.name, **self._task), node.configuration


def _is_plain(node: Node) -> bool:
    """Whether it is known how a layer will be run, once it is known that it runs: nothing is computed for that."""
    return not (node.configuration.foreach or node.hooks_of(ENTRY) or node.hooks_of(SUBMISSION))
