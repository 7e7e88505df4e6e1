"""Executors, for `Flow(executor=)`."""

from laminar.executors import Docker, Executor, Process, Thread

__all__ = ["Docker", "Executor", "Process", "Thread"]
