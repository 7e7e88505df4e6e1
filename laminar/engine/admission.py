"""What runs at one time: the sum of what containers ask for stays within what the engine has."""

from __future__ import annotations

from laminar.engine.executor import Capacity
from laminar.model.configuration import Container


class Admission:
    """Keeps the account of cores, memory and jobs.

    Args:
        capacity: What the engine has.
        max_parallel: Jobs at one time that the user allows; None for no bound of theirs.
    """

    def __init__(self, capacity: Capacity, max_parallel: int | None = None) -> None:
        bounds = [bound for bound in (capacity.jobs, max_parallel) if bound is not None]
        self._cpu_most = float("inf") if capacity.cpu is None else capacity.cpu
        self._memory_most = float("inf") if capacity.memory is None else capacity.memory
        self._jobs_most = min(bounds, default=None)
        self._cpu: float = 0
        self._memory = 0
        self._jobs = 0

    def admits(self, container: Container) -> bool:
        """Whether `container` may start now. Whatever it asks for, it may where nothing else runs."""
        if not self._jobs:
            return True
        return (
            (self._jobs_most is None or self._jobs < self._jobs_most)
            and self._cpu + container.cpu <= self._cpu_most + 1e-6  # sums of 0.1 are not exact
            and self._memory + container.memory <= self._memory_most
        )

    def take(self, container: Container, address: str) -> str:
        """Note that it starts; returns a warning where it asks for more than there is."""
        self._jobs += 1
        self._cpu += container.cpu
        self._memory += container.memory
        if container.cpu > self._cpu_most:
            return f"{address} asks for {container.cpu:g} cores and the engine has {self._cpu_most:g}: it runs alone"
        if container.memory > self._memory_most:
            return f"{address} asks for {container.memory} MiB and the engine has {self._memory_most}: it runs alone"
        return ""

    def give_back(self, container: Container) -> None:
        """Note that it has ended."""
        self._jobs -= 1
        self._cpu -= container.cpu
        self._memory -= container.memory
