"""A split that can be called as often as one likes, since nothing of it is committed: what `laminar shell` gives people."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from laminar.engine.evaluate import Attempt, LayerFailed, call_layer, failure_of
from laminar.engine.inputs import Inputs
from laminar.engine.results import Reader
from laminar.engine.tracebacks import without_ours
from laminar.errors import LayerError
from laminar.model.configuration import Configuration
from laminar.model.graph import Node
from laminar.model.layer import Layer, bind
from laminar.model.wire import Task


class Rehearsal:
    """One split, with what its attempt gets.

    Args:
        node: The layer.
        task: Which attempt at which split.
        configuration: How that was run.
        inputs: Makes what the call and its hooks take; its archive must not write to the execution's datastore.
        changed: Whether the layer's code is other than when the attempt was started; None where that is not known.

    Attributes:
        layer: As its call finds it; after `call`, the one that was called.
        arguments: Parameter -> input of the call. Artifacts are loaded when they are read.
        readers: Layer -> what reads its artifacts for the call.
    """

    def __init__(
        self, node: Node, task: Task, configuration: Configuration, inputs: Inputs, changed: bool | None = None
    ) -> None:
        self.node = node
        self.task = task
        self.inputs = inputs
        self.changed = changed
        self.readers: dict[str, Reader] = {}
        self._configuration = configuration
        self._contexts: list[Attempt] = []
        elements = inputs.elements(task.layer, task.index) if node.configuration.foreach else None
        self.arguments = inputs.arguments(node.inputs, self.readers, elements)
        self.layer = self._bound()
        with suppress(Exception):  # `call` raises it, with the words of the user's code
            type(self.layer).__init__(self.layer)

    def call(self, instead: Mapping[str, Any]) -> Layer:
        """Call the layer as its attempt does: hooks, the call, and a check that what it assigned can be saved.

        Args:
            instead: Arguments in place of the inputs of these names.

        Returns:
            The layer, which is a new one.

        Raises:
            LayerError: It called `sys.exit`.
            BaseException: What the user's code raises.
        """
        self.layer = self._bound()
        raised: BaseException | None = None
        try:
            call_layer(
                self.node, self.task, self.layer, self._contexts[-1], self.inputs, {}, {**self.arguments, **instead}
            )
        except LayerFailed as failed:
            raised = failed.__cause__
            if isinstance(raised, SystemExit):
                failure = failure_of(failed)
                raised = LayerError(f"{failure.message}.", remedy=failure.remedy).with_traceback(raised.__traceback__)
        if raised is not None:
            raise raised.with_traceback(without_ours(raised.__traceback__))
        return self.layer

    def close(self) -> None:
        """Remove the scratch directories, which are kept until now so that people can look into them."""
        for context in self._contexts:
            context.close()

    def _bound(self) -> Layer:
        context = Attempt(self.task, self._configuration, self.inputs)
        self._contexts.append(context)
        layer: Layer = bind(self.node.layer, context)
        return layer
