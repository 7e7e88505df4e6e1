"""Flows and executions: what Python users call. The commands of `laminar` call the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from laminar.engine import loading
from laminar.engine.ports import Datastore
from laminar.errors import FlowError
from laminar.model import wire
from laminar.model.configuration import Catch, Configuration, Container, ForEach, Retry, Timeout
from laminar.model.graph import Graph, Node, Registration, build, make_node
from laminar.model.layer import Layer, LayerT
from laminar.model.parameters import Parameters

if TYPE_CHECKING:
    from laminar.engine.executor import Executor
    from laminar.engine.ledger import Ledger

FlowT = TypeVar("FlowT", bound="Flow")
LayerClass = TypeVar("LayerClass", bound=type[Layer])


class Flow:
    """A workflow: a class that layers are registered to.

    `if flow := HelloFlow(): flow()` schedules it where the module is the program, and nowhere else: a flow is false while
    its module is imported, also in the containers that evaluate its layers.

    Args:
        datastore: Where results go; the setting `datastore` (`.laminar`) where none is given.
        executor: What runs the layers; the setting `executor` (Docker) where none is given.
    """

    _registry: ClassVar[dict[str, Registration]] = {}

    def __init__(self, *, datastore: Datastore | None = None, executor: Executor | None = None) -> None:
        self.datastore = datastore
        self.executor = executor
        loading.constructed(self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._registry = {}

    @property
    def name(self) -> str:
        """The flow's name: that of its class."""
        return type(self).__name__

    @overload
    @classmethod
    def register(cls, layer: LayerClass) -> LayerClass: ...

    @overload
    @classmethod
    def register(
        cls,
        *,
        container: Container | None = None,
        foreach: ForEach | None = None,
        retry: Retry | None = None,
        catch: Catch | None = None,
        timeout: Timeout | None = None,
    ) -> Callable[[LayerClass], LayerClass]: ...

    @classmethod
    def register(
        cls,
        layer: Any = None,
        *,
        container: Container | None = None,
        foreach: ForEach | None = None,
        retry: Retry | None = None,
        catch: Catch | None = None,
        timeout: Timeout | None = None,
    ) -> Any:
        """Add a layer to this flow; a decorator, bare or with the layer's configuration in this flow.

        Raises:
            FlowError: What is decorated is not a layer, or the flow has another layer of that name.
        """
        configuration = Configuration(container=container, retry=retry, timeout=timeout, foreach=foreach, catch=catch)

        def add(layer: LayerClass) -> LayerClass:
            if not isinstance(layer, type) or not issubclass(layer, Layer):
                raise FlowError(
                    f"{layer!r} cannot be registered to flow {cls.__name__}: it is not a layer.",
                    remedy="Decorate a subclass of Layer.",
                )
            if cls is Flow:
                raise FlowError(
                    f"layer {layer.__name__} is registered to Flow itself.",
                    remedy="Define a flow of your own, class MyFlow(Flow): ..., and register to that.",
                )
            if layer.__name__ in cls._registry:
                raise FlowError(
                    f"flow {cls.__name__} has a layer {layer.__name__} already.",
                    remedy="Rename one of the two, or register this one once.",
                )
            cls._registry[layer.__name__] = Registration(layer, configuration)
            return layer

        return add if layer is None else add(layer)

    def __bool__(self) -> bool:
        """Whether this is the place to schedule: not while a module is imported, nor in an executor process."""
        return not self._evaluates_if_asked() and loading.schedules(sys._getframe(1))

    def __call__(self, *, execution: str | None = None, **parameters: Any) -> Execution:
        """Run all layers, and wait for them.

        Args:
            execution: Id of the execution; a new one where none is given.
            **parameters: What layers that take `Parameters` read.

        Raises:
            ExecutionError: A layer failed.
            UsageError: The flow cannot be run like this; nothing was started.
            InfrastructureError: The engine or the datastore did not play along.
            Interrupted: SIGINT or SIGTERM came.
        """
        if self._evaluates_if_asked() or not loading.schedules(sys._getframe(1)):
            return Execution(self, "")
        from laminar.launch import schedule

        return Execution(self, schedule(self, execution=execution, parameters=parameters, program=True), self.store())

    def execution(self, execution: str, *, datastore: Datastore | None = None) -> Execution:
        """An execution of this flow, by its id, to read its results.

        Args:
            execution: Its id.
            datastore: Where it is; the flow's own where none is given.
        """
        return Execution(self, execution, datastore)

    def executions(self) -> list[Execution]:
        """All executions of this flow in its datastore, oldest first."""
        from laminar.engine.ledger import executions

        return [Execution(self, ledger.execution) for ledger in executions(self.store(), self.name)]

    @classmethod
    def registry(cls) -> dict[str, Registration]:
        """The layers of this flow and of those it inherits from, by name.

        Raises:
            FlowError: Two of them have different layers of one name, or one layer with different configurations.
        """
        merged: dict[str, tuple[str, Registration]] = {}
        for base in reversed(cls.__mro__):
            if not issubclass(base, Flow):
                continue
            for name, registration in base._registry.items():
                other, found = merged.setdefault(name, (base.__name__, registration))
                if found != registration:
                    what = (
                        "another layer" if found.layer is not registration.layer else "another configuration of layer"
                    )
                    raise FlowError(
                        f"flow {cls.__name__} gets {what} {name} from {base.__name__} than from {other}.",
                        remedy="Rename a layer, or register it the same way in both.",
                    )
        return {name: registration for name, (_, registration) in merged.items()}

    def graph(self) -> Graph:
        """The checked graph.

        Raises:
            FlowError: It cannot be run.
        """
        return build(self.name, self.registry(), type(self))

    def node(self, layer: str) -> Node:
        """One layer with its edges; the others are not checked.

        Raises:
            FlowError: There is no such layer, or it cannot be run.
        """
        registry = self.registry()
        if layer not in registry:
            return self.graph().node(layer)
        return make_node(self.name, layer, registry, type(self))

    def store(self) -> Datastore:
        """The datastore: what was passed, else the one that the settings name."""
        from laminar import wiring
        from laminar.settings import resolve

        return wiring.datastore(self.datastore or resolve()["datastore"])

    def _evaluates_if_asked(self) -> bool:
        """In a container that was started by `python main.py`: evaluate the layer that the variables name, and exit.

        Returns:
            Whether this is such a process; it schedules nothing then, also where another flow's layer is meant.
        """
        if wire.variable("layer") not in os.environ or loading.is_loading():
            return False
        from laminar.process import evaluate_program

        evaluate_program(self)
        return True


class Execution:
    """One run of a flow, to read results from: while it runs, after it ended, from any process.

    Attributes:
        flow: The flow.
        id: Its id, unique among the flow's executions.
    """

    def __init__(self, flow: Flow, id: str, datastore: Datastore | None = None) -> None:  # noqa: A002 - the attribute's name
        self.flow = flow
        self.id = id
        self._store = datastore

    def layer(self, layer: type[LayerT], *, index: int | None = None) -> LayerT:
        """A layer of this execution, whose attributes are its artifacts, each loaded and verified when it is read.

        Args:
            layer: The layer's class.
            index: Which split; None for the whole layer.

        Raises:
            FlowError: The flow has no such layer.
        """
        from laminar import wiring
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
            Reader(ledger, wiring.archive(ledger.store), layer.__name__, self, index, registered=node.configuration),
        )

    @property
    def parameters(self) -> Parameters:
        """What the execution was given."""
        from laminar import wiring

        record = self._record()
        archive = wiring.archive(self._ledger.store)
        entries = record["parameters"].items()
        return Parameters(**{name: archive.load(entry, name, "the parameters") for name, entry in entries})

    @property
    def state(self) -> str:
        """`finished`, `failed`, `running` or `waiting`, read now from what its layers recorded."""
        from laminar.engine.results import layer_state

        self._record()
        states = [str(layer_state(self._ledger, name)) for name in self.flow.registry()]
        order = ("failed", "running", "waiting", "finished", "skipped")
        found = next(state for state in order if state in states)
        return "running" if found == "waiting" and len(set(states)) > 1 else found.replace("skipped", "finished")

    @property
    def _ledger(self) -> Ledger:
        from laminar.engine.ledger import Ledger
        from laminar.model.names import execution_id

        return Ledger(self._store or self.flow.store(), self.flow.name, execution_id(self.id))

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
