"""A split in the scheduler: its tries, and the hooks around them."""

from __future__ import annotations

import random
from typing import Any

from laminar.engine.evaluate import Attempt
from laminar.engine.inputs import Inputs
from laminar.engine.ledger import Started
from laminar.engine.outcome import INFRASTRUCTURE, REFUSED, USER, Cause
from laminar.errors import LaminarError
from laminar.model.configuration import Configuration
from laminar.model.graph import Node
from laminar.model.hooks import RETRY, SUBMISSION, Opened
from laminar.model.layer import bind
from laminar.model.wire import Task


class Split:
    """One split of a layer, from its first try in this launch to its end.

    Attributes:
        node: Its layer.
        task: Its current attempt.
        configuration: How that is run. Without hooks it is the layer's own, shared by all splits and not to be changed.
    """

    __slots__ = (
        "_adopted",
        "_before",
        "_context",
        "_infrastructure",
        "_layer",
        "_retry",
        "_submission",
        "_user",
        "configuration",
        "node",
        "task",
    )

    def __init__(self, node: Node, task: Task) -> None:
        self.node = node
        self.task = task
        self.configuration: Configuration = node.configuration
        self._user = 0
        self._before = task.attempt - 1  # attempts of earlier launches
        self._adopted = False
        self._infrastructure = 0
        self._layer: Any = None
        self._context: Attempt | None = None
        self._submission: Opened | None = None
        self._retry: Opened | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Layer and index."""
        return self.task.layer, self.task.index

    @property
    def last(self) -> bool:
        """Whether no try follows if this one fails in user code."""
        return self._user + 1 >= self.configuration.retry.attempts

    def prepare(self, inputs: Inputs) -> None:
        """Run the hooks that come before the current attempt; their changes to the configuration stay.

        Raises:
            FlowError: A hook left a configuration that cannot be run.
            Exception: A hook raised it.
        """
        if self._adopted:
            self._adopted = False
            return
        first = self._submission is None and not (self._user or self._infrastructure)
        submission = self.node.hooks_of(SUBMISSION) if first else []
        retry = [] if first else self.node.hooks_of(RETRY)
        if not submission and not retry:
            return
        if self._context is None:
            self._context = Attempt(self.task, self.configuration, inputs)
            self._layer = bind(self.node.layer, self._context)
        self._context.attempt = self.task.attempt
        opened = Opened(submission or retry, lambda hook: inputs.arguments(hook.inputs, {}), self._layer)
        opened.__enter__()
        if first:
            self._submission = opened
        else:
            self._retry = opened
        # A copy: what hooks change after their yield is not how the attempt was run, nor what it took from the machine.
        self.configuration = self._context.configuration.copy()
        self.configuration.check(f"layer {self.node.name}, as its hooks left it,")

    def adopt(self, started: Started) -> None:
        """The current attempt was started by an earlier launch, whose hooks made its configuration."""
        self.configuration = started.configuration
        self._adopted = True

    def failed(self, cause: Cause) -> float | None:
        """Count a failed try; returns the seconds to wait before the next one, None where there is none."""
        if cause.kind == USER:
            self._user += 1
        elif cause.kind == INFRASTRUCTURE:
            self._infrastructure += 1
        retry = self.configuration.retry
        if cause.kind == REFUSED or self._user >= retry.attempts or self._infrastructure > retry.infrastructure:
            return None
        return retry.wait_s(self._user + self._infrastructure, random.random())  # noqa: S311 - spreads load

    def most(self, cause: Cause) -> int:
        """The highest number that an attempt can have, for what failed."""
        retry = self.configuration.retry
        return self._before + {USER: retry.attempts, INFRASTRUCTURE: int(retry.infrastructure) + 1}.get(cause.kind, 1)

    def end_attempt(self, error: LaminarError | None) -> str:
        """Close the retry hooks of the attempt that has ended; returns what went wrong in them."""
        opened, self._retry = self._retry, None
        return _close(opened, error)

    def end(self, error: LaminarError | None) -> str:
        """Close the submission hooks; returns what went wrong in them."""
        said = self.end_attempt(error)
        opened, self._submission = self._submission, None
        said = said or _close(opened, error)
        if self._context is not None:
            self._context.close()
        return said


def _close(opened: Opened | None, error: LaminarError | None) -> str:
    """Run second halves. The split's outcome stands by now: what they raise can only be reported."""
    if opened is None:
        return ""
    if error is not None:
        opened.__exit__(type(error), error, None)
        return ""
    try:
        opened.close()
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}"
    return ""
