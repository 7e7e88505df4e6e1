"""Executors: where the processes that evaluate splits run. Each is imported when it is first named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from laminar.engine.executor import Executor

if TYPE_CHECKING:
    from laminar.executors.docker import Docker
    from laminar.executors.process import Process
    from laminar.executors.thread import Thread

__all__ = ["Docker", "Executor", "Process", "Thread"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(f"laminar.executors.{name.lower()}"), name)
    raise AttributeError(f"module 'laminar.executors' has no attribute {name!r}")
