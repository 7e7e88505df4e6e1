"""Executions: to read results from, to go on with, and to chain flows by."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from laminar.engine import loading, resuming
from laminar.engine.ports import Datastore
from laminar.engine.resuming import Resume
from laminar.errors import FlowError, LaminarError
from laminar.model.layer import Layer, LayerT
from laminar.model.parameters import Parameters

if TYPE_CHECKING:
    from laminar.engine.artifacts import Archive
    from laminar.engine.ledger import Ledger
    from laminar.flow import Flow


class Execution:
    """One run of a flow, to read results from: while it runs, after it ended, from any process.

    Attributes:
        flow: The flow.
        id: Its id, unique among the flow's executions.
    """

    def __init__(self, flow: Flow, id: str, datastore: Datastore | None = None, archive: Archive | None = None) -> None:  # noqa: A002
        self.flow = flow
        self.id = id
        self._store = datastore
        self._loads = archive
        self._chain: tuple[str, ...] = (flow.name,)
        self._resumed = False

    def next(self, flow: Flow, linker: Callable[[Execution], Parameters] | None = None) -> Execution:
        """Run another flow after this one, under the same execution id, and wait for it.

        Where this execution was resumed, the other flow's is resumed, too, if it was begun.

        Args:
            flow: The other flow. It inherits the datastore and the executor that it does not set.
            linker: Makes its parameters from this execution; it has none where no linker is given.

        Returns:
            The other flow's execution.

        Raises:
            FlowError: The flow is in the chain already.
            LaminarError: As `Flow.__call__` does.
        """
        if flow.name in self._chain:
            raise FlowError(
                f"flow {flow.name} is twice in a chain: {' -> '.join((*self._chain, flow.name))}.",
                remedy="A flow has one execution of an id; chain another flow, or a subclass of this one.",
            )
        if not self.id or not loading.schedules(sys._getframe(1)):
            return Execution(flow, "")
        following = copy.copy(flow)
        following.datastore = flow.datastore or self._ledger.store
        following.executor = flow.executor or self.flow.executor
        execution = Execution(following, self.id, following.datastore)
        execution._chain = (*self._chain, flow.name)
        resume = resuming.asked(flow.name) or (Resume() if self._resumed else None)
        if resume and execution._ledger.record() is not None:
            _name_stale(execution, _linked(flow, linker, self))
        return execution._run(lambda: _linked(flow, linker, self), resume)

    def resume(self, *, rerun: Sequence[type[Layer]] = (), takeover: bool = False) -> Execution:
        """Run what is not committed yet, with today's code, and wait for it.

        Args:
            rerun: Layers to compute again, with all that depends on them.
            takeover: Do not wait to see whether another scheduler still has it.

        Raises:
            UsageError: There is no such execution, or another scheduler has it.
            LaminarError: As `Flow.__call__` does.
        """
        if not self.id or not loading.schedules(sys._getframe(1)):
            return self
        self._ledger.check_present()
        names = [layer.__name__ for layer in rerun]
        asked = resuming.asked(self.flow.name)
        if asked is None or asked.execution != self.id:
            return self._run(dict, Resume(names, takeover))
        return self._run(dict, asked._replace(rerun=[*asked.rerun, *names], takeover=asked.takeover or takeover))

    def _run(self, parameters: Callable[[], Mapping[str, Any]], resume: Resume | None) -> Execution:
        """Begin this execution, or go on with it where it was begun and is to be resumed; wait for its end."""
        from laminar import wiring
        from laminar.launch import schedule, settings_of

        if resume and "datastore" in resume.flags:  # where the command found it that runs this program again
            self._store = wiring.datastore(resume.flags["datastore"])
        flow = copy.copy(self.flow)
        flow.datastore = self._ledger.store
        settings = settings_of(flow, dict(resume.flags), resume.config) if resume else None
        if resume and self._ledger.record() is not None:
            schedule(flow, execution=self.id, resume=resume, settings=settings, as_program=True)
        else:
            schedule(flow, execution=self.id, parameters=parameters(), settings=settings, as_program=True)
        self._resumed = resume is not None
        return self

    def layer(self, layer: type[LayerT], *, index: int | None = None) -> LayerT:
        """A layer of this execution, whose attributes are its artifacts, each loaded and verified when it is read.

        Args:
            layer: The layer's class.
            index: Which split; None for the whole layer.

        Raises:
            FlowError: The flow has no such layer.
        """
        from laminar.engine.results import Reader, open_layer

        if not isinstance(layer, type) or not issubclass(layer, Layer):
            raise FlowError(f"{layer!r} is no layer.", remedy="Pass the layer's class: execution.layer(A).")
        node = self.flow.node(layer.__name__)
        if node.layer is not layer:
            raise FlowError(
                f"flow {self.flow.name} has another class registered as {layer.__name__}.",
                remedy="Pass the class that is registered to the flow.",
            )
        ledger = self._ledger
        return open_layer(
            layer,
            Reader(ledger, self._archive(ledger.store), layer.__name__, self, index, registered=node.configuration),
        )

    @property
    def parameters(self) -> Parameters:
        """What the execution was given."""
        from laminar.engine.inputs import parameters_of

        self._record()
        return parameters_of(self._ledger, self._archive(self._ledger.store), self.flow.parameters())

    @property
    def state(self) -> str:
        """`finished`, `failed`, `running`, `interrupted` or `waiting`, read now from what is recorded."""
        from laminar.engine.states import execution_state

        self._record()
        return execution_state(self._ledger, self.flow.registry())

    @property
    def _ledger(self) -> Ledger:
        from laminar.engine.ledger import Ledger
        from laminar.model.names import execution_id

        return Ledger(self._store or self.flow.store(), self.flow.name, execution_id(self.id))

    def _archive(self, store: Datastore) -> Archive:
        from laminar import wiring
        from laminar.settings import resolve

        return self._loads or wiring.archive(store, self.flow.datastore, pickle=resolve()["pickle"])

    def _record(self) -> dict[str, Any]:
        if not self.id:
            raise AttributeError(f"flow {self.flow.name} was not scheduled here: this module is being imported")
        record = self._ledger.record()
        if record is None:
            raise AttributeError(
                f"flow {self.flow.name} has no execution {self.id!r} in datastore {self._ledger.store!r}"
            )
        return record

    def __repr__(self) -> str:
        return f"<Execution {self.id or 'not scheduled'} of {self.flow.name}>"


def _linked(flow: Flow, linker: Callable[[Execution], Parameters] | None, execution: Execution) -> dict[str, Any]:
    """What the next flow of a chain is given."""
    try:
        made = Parameters() if linker is None else linker(execution)
    except Exception as error:
        from laminar.engine.tracebacks import user_traceback

        again = execution._ledger.store.options.command("resume", f"{execution.flow.name}:{execution.id}")
        raise LaminarError(
            f"the linker of flow {flow.name} raised {type(error).__name__}: {error}",
            remedy=f"Mend it, and go on: {again}",
            details=user_traceback(error),
        ) from error
    if not isinstance(made, Parameters):
        raise FlowError(
            f"the linker of flow {flow.name} returned {type(made).__name__}, not Parameters.",
            remedy="Let it return what the flow is given: Parameters(foo=...).",
        )
    return dict(vars(made))


def _name_stale(execution: Execution, made: Mapping[str, Any]) -> None:
    """Say so where the next flow of a chain goes on with other parameters than its linker makes now."""
    given = vars(execution.parameters)
    try:
        changed = [name for name, value in made.items() if name not in given or not bool(given[name] == value)]
    except Exception:  # values that cannot be compared, such as arrays
        return
    if changed:
        from laminar.engine.telling import tell

        words = (
            f"flow {execution.flow.name} goes on with the {', '.join(changed)} that execution {execution.id} was given"
        )
        tell(f"warning: {words}; its linker makes another now. Under a new id it gets that.")
