"""Write a workflow in plain Python; run every step in its own container.

from laminar import Flow, Layer

class HelloFlow(Flow): ...

@HelloFlow.register
class A(Layer):
    def __call__(self) -> None: self.message = "hello"

@HelloFlow.register
class B(Layer):
    def __call__(self, a: A) -> None: print(a.message)

if flow := HelloFlow():
    flow()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from laminar.execution import Execution
from laminar.flow import Flow
from laminar.model.layer import Layer
from laminar.model.parameters import Parameters
from laminar.version import __version__

if TYPE_CHECKING:
    from laminar import datastores, executors, serde
    from laminar.configurations import hooks, layers, schedulers

__all__ = [
    "Execution",
    "Flow",
    "Layer",
    "Parameters",
    "__version__",
    "datastores",
    "executors",
    "hooks",
    "layers",
    "schedulers",
    "serde",
]


def __getattr__(name: str) -> Any:
    # Imported when they are first named: a container pays for each import, and most layers need none of these.
    places = {
        "hooks": "laminar.configurations.hooks",
        "layers": "laminar.configurations.layers",
        "schedulers": "laminar.configurations.schedulers",
        "datastores": "laminar.datastores",
        "executors": "laminar.executors",
        "serde": "laminar.serde",
    }
    if name in places:
        from importlib import import_module

        return import_module(places[name])
    raise AttributeError(f"module 'laminar' has no attribute {name!r}")
