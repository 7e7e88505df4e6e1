"""Flows: what Python users call. The commands of `laminar` call the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from laminar.engine import loading, resuming
from laminar.engine.ports import Datastore
from laminar.errors import FlowError
from laminar.execution import Execution
from laminar.model import wire
from laminar.model.configuration import Catch, Configuration, Container, ForEach, Retry, Timeout
from laminar.model.graph import Graph, Node, Registration, build, make_node
from laminar.model.layer import Layer
from laminar.model.parameters import Parameters, declare

if TYPE_CHECKING:
    from laminar.engine.artifacts import Archive
    from laminar.engine.executor import Executor
    from laminar.model.scheduling import Scheduler

Registered = TypeVar("Registered", bound=type[Layer] | type[Parameters])


class Flow:
    """A workflow: a class that layers are registered to.

    `if flow := HelloFlow(): flow()` schedules it where the module is the program, and nowhere else: a flow is false while
    its module is imported, also in the containers that evaluate its layers.

    Args:
        datastore: Where results go; the setting `datastore` (`.laminar`) where none is given.
        executor: What runs the layers; the setting `executor` (Docker) where none is given.
        scheduler: How it goes about that; the settings `max_parallel` and `fail_fast` where none is given.
    """

    _registry: ClassVar[dict[str, Registration]] = {}
    _declared: ClassVar[type[Parameters] | None] = None

    def __init__(
        self,
        *,
        datastore: Datastore | None = None,
        executor: Executor | None = None,
        scheduler: Scheduler | None = None,
    ) -> None:
        self.datastore = datastore
        self.executor = executor
        self.scheduler = scheduler
        loading.constructed(self)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._registry = {}
        cls._declared = None

    @property
    def name(self) -> str:
        """The flow's name: that of its class."""
        return type(self).__name__

    @overload
    @classmethod
    def register(cls, layer: Registered) -> Registered: ...

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
    ) -> Callable[[Registered], Registered]: ...

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

        A subclass of `Parameters` can be registered, too: it declares what executions of the flow are given.

        Raises:
            FlowError: What is decorated is neither, or the flow has another layer of that name, or other parameters.
        """
        configuration = Configuration(container=container, retry=retry, timeout=timeout, foreach=foreach, catch=catch)

        def add(layer: Registered) -> Registered:
            if cls is Flow:
                raise FlowError(
                    f"{getattr(layer, '__name__', repr(layer))} is registered to Flow itself.",
                    remedy="Define a flow of your own, class MyFlow(Flow): ..., and register to that.",
                )
            if isinstance(layer, type) and issubclass(layer, Parameters):
                cls._declare(layer)
                return layer
            if not isinstance(layer, type) or not issubclass(layer, Layer):
                raise FlowError(
                    f"{layer!r} cannot be registered to flow {cls.__name__}: it is neither a layer nor parameters.",
                    remedy="Decorate a subclass of Layer, or one of Parameters.",
                )
            if layer.__name__ in cls._registry:
                raise FlowError(
                    f"flow {cls.__name__} has a layer {layer.__name__} already.",
                    remedy="Rename one of the two, or register this one once.",
                )
            cls._registry[layer.__name__] = Registration(layer, configuration)
            return layer

        return add if layer is None else add(layer)

    @classmethod
    def _declare(cls, kind: type[Parameters]) -> None:
        if cls._declared is not None:
            raise FlowError(
                f"flow {cls.__name__} has parameters {cls._declared.__name__} already.",
                remedy="Declare all of them in one subclass of Parameters.",
            )
        declare(kind)
        cls._declared = kind

    def __bool__(self) -> bool:
        """Whether this is the place to schedule: not while a module is imported, nor in an executor process."""
        return not self._evaluates_if_asked() and loading.schedules(sys._getframe(1))

    def __call__(self, /, *, execution: str | None = None, **parameters: Any) -> Execution:
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

        if (resume := resuming.asked(self.name)) is not None:
            if execution not in (None, resume.execution):
                resume = resume._replace(execution=execution or "", rerun=())
            return Execution(self, resume.execution)._run(lambda: parameters, resume)
        return Execution(
            self, schedule(self, execution=execution, parameters=parameters, as_program=True), self.store()
        )

    def execution(
        self, execution: str, *, datastore: Datastore | None = None, archive: Archive | None = None
    ) -> Execution:
        """An execution of this flow, by its id, to read its results.

        Args:
            execution: Its id.
            datastore: Where it is; the flow's own where none is given.
            archive: Loads its artifacts; one for that datastore, as the settings say, where none is given.
        """
        return Execution(self, execution, datastore, archive)

    def executions(self) -> list[Execution]:
        """All executions of this flow in its datastore, oldest first."""
        return self.store().list_executions(flow=self)

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

    @classmethod
    def parameters(cls) -> type[Parameters]:
        """The registered subclass of `Parameters`, also of flows it inherits from; `Parameters` where there is none.

        Raises:
            FlowError: Two flows it inherits from have different ones.
        """
        found = {base._declared: base.__name__ for base in reversed(cls.__mro__) if issubclass(base, Flow)}
        kinds = [kind for kind in found if kind is not None]
        best = next((kind for kind in kinds if all(issubclass(kind, other) for other in kinds)), Parameters)
        if kinds and best is Parameters:
            other, one = kinds[:2]
            raise FlowError(
                f"flow {cls.__name__} gets other parameters from {found[one]} than from {found[other]}.",
                remedy=f"Register a class that inherits from both: class Both({one.__name__}, {other.__name__}).",
            )
        return best

    def graph(self) -> Graph:
        """The checked graph.

        Raises:
            FlowError: It cannot be run.
        """
        return build(self.name, self.registry(), type(self), self.parameters())

    def node(self, layer: str) -> Node:
        """One layer with its edges; the others are not checked.

        Raises:
            FlowError: There is no such layer, or it cannot be run.
        """
        registry = self.registry()
        if layer not in registry:
            return self.graph().node(layer)
        return make_node(self.name, layer, registry, type(self), self.parameters())

    def store(self) -> Datastore:
        """The datastore: what was passed, else the one that the settings name."""
        from laminar import wiring
        from laminar.settings import resolve

        return wiring.chosen_datastore(resolve(code={"datastore": self.datastore}))

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
