"""What an attempt has taken of its machine, as the kernel counted it: read once, by the attempt's own process."""

from __future__ import annotations

import sys
from typing import NamedTuple

_CGROUPS = "/sys/fs/cgroup"
"""Where a container sees its own control group, and no other."""

_MIB = 1 << 20

OUT_OF_MEMORY = "out of memory"
"""With these words begins why an attempt failed that was killed at the limit of its container's memory."""


class Usage(NamedTuple):
    """What an attempt took.

    Attributes:
        cpu_s: Seconds of processor time, of all cores together; None where that is unknown.
        memory_peak_mib: The most memory at one time, in MiB; None where that is unknown.
        measured: `container`, which is all that ran in it, or `process`: the processor time of the process and of its
            children that have ended, and the memory of whichever of them took most.
    """

    cpu_s: float | None
    memory_peak_mib: float | None
    measured: str


class Meter:
    """Measures one attempt, in its own process.

    The kernel counts pages of files as a container's memory, too, and gives them up when memory is asked for: a layer that
    writes a file larger than its limit peaks at the limit, and needs nothing like it. So what the cache of files holds at
    the end is taken off the peak. That is too much where memory was given back and cache came in its place: the figure is
    never below what the largest process had. See docs/adr/0015-resource-use.md for what it cannot tell.

    Args:
        container: Whether a container was made for this attempt alone.
        cgroups: Where its control group is seen.
    """

    def __init__(self, *, container: bool, cgroups: str = _CGROUPS) -> None:
        self._container = container
        self._cgroups = cgroups
        self._read: Usage | None = None

    def read(self) -> Usage:
        """What was taken until now; the first reading stands."""
        if self._read is None:
            self._read = (self._of_container() if self._container else None) or _of_process()
        return self._read

    def _of_container(self) -> Usage | None:
        """What its control group says, of version 2 or 1; None where it does not say all."""
        root = self._cgroups
        try:
            try:
                peak = _number(f"{root}/memory.peak")
                cache = _members(f"{root}/memory.stat", "active_file", "inactive_file")
                cpu_s = _members(f"{root}/cpu.stat", "usage_usec") / 1e6
            except FileNotFoundError:
                peak = _number(f"{root}/memory/memory.max_usage_in_bytes")
                cache = _members(f"{root}/memory/memory.stat", "total_active_file", "total_inactive_file")
                cpu_s = _number(f"{root}/cpuacct/cpuacct.usage") / 1e9
        except (OSError, ValueError):
            return None
        return _usage(cpu_s, min(peak, max(peak - cache, _largest())), "container")


def _of_process() -> Usage:
    import os

    spent = os.times()
    cpu_s = spent.user + spent.system + spent.children_user + spent.children_system
    return _usage(cpu_s, _largest(), "process")


def _usage(cpu_s: float, peak: int, measured: str) -> Usage:
    return Usage(round(cpu_s, 3), round(peak / _MIB, 1), measured)


def _largest() -> int:
    """Bytes that were resident at one time in this process, or in a child of it that has ended, whichever is more."""
    import resource  # not there on every system, and not needed by who only reads records

    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    try:  # Linux lets a process inherit the figure of the one that started it; this one it does not
        own = _members("/proc/self/status", "VmHWM:") * 1024
    except (OSError, ValueError):
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return max(own, children)


def _number(path: str) -> int:
    with open(path, "rb") as file:
        return int(file.read())


def _members(path: str, *names: str) -> int:
    """The sum of some members of a file of lines `name number …`."""
    with open(path, encoding="ascii", errors="replace") as file:
        found = {words[0]: int(words[1]) for words in map(str.split, file) if words and words[0] in names}
    if len(found) < len(names):
        raise ValueError(f"{path} lacks some of {names}")
    return sum(found.values())
