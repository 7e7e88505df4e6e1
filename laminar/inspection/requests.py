"""Whether what was asked for fits what was used. All bounds of what is worth a word stand here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from laminar.engine.usage import OUT_OF_MEMORY
from laminar.inspection.found import Error, Usage
from laminar.model.words import plural

_FAR = 4
"""What asks for this many times of what it used asks for far too much."""

_FAR_MIB = 256
"""But for less than this, other containers gain nothing that counts."""

_FAR_CORES = 1

_NEAR = 0.9
"""What used this much of its memory may not fit the next time."""

_ALL = 0.95
"""What used this much of its cores, on average, was held back by them."""

_MORE = 1.1
"""What used this many times of its cores, where nothing held it back, does more work than was asked for."""

_LONG_S = 10.0
"""What took less is mostly the start of its process: it says nothing about cores."""


def advice(
    configuration: Mapping[str, Any] | None,
    usage: Usage | None,
    duration_s: float | None = None,
    errors: Iterable[Error | None] = (),
) -> list[str]:
    """What to change in a request, in sentences; nothing where it fits, or where too little is known.

    Args:
        configuration: What was asked for, as records have it.
        usage: What was used. A process without a container has no limits: there, what a container would hold it to is
            worth a word, and so is what it asks for in vain, since the machine is shared by what is asked for.
        duration_s: How long that took.
        errors: Why attempts failed: the limit of their memory may have been why.
    """
    if configuration is None or usage is None:
        return []
    asked, limited = configuration["container"], usage.measured == "container"
    said = []
    if any(map(was_killed, errors)):
        said.append(f"was killed at its limit, the {asked['memory']:g} MiB of memory that it asks for: it needs more")
    elif usage.memory_peak_mib is not None:
        said.append(_of_memory(asked["memory"], usage.memory_peak_mib, limited=limited))
    if usage.cpu_s is not None and duration_s is not None and duration_s >= _LONG_S:
        said.append(_of_cores(asked["cpu"], usage.cpu_s / duration_s, limited=limited))
    return list(filter(None, said))


def was_killed(error: Error | None) -> bool:
    """Whether it was the limit of its memory that ended an attempt."""
    return error is not None and not error.type and error.message.startswith(OUT_OF_MEMORY)


def _of_memory(asked: float, peak: float, *, limited: bool) -> str:
    if peak >= asked * _NEAR:
        used = f"used {peak:.0f} of the {asked:g} MiB of memory that it asks for"
        return f"{used}: more would be safer" if limited else f"{used}, which would be its limit in a container"
    # The largest process is not all that ran: it can show that memory is short, not that there is too much.
    if limited and asked >= peak * _FAR and asked - peak >= _FAR_MIB:
        return f"asks for {asked:g} MiB of memory and used {peak:.0f} at most: less would do"
    return ""


def _of_cores(asked: float, used: float, *, limited: bool) -> str:
    if not limited and used > asked * _MORE:
        return f"used {used:.1f} cores on average and asks for {asked:g}, which would be its limit in a container"
    if limited and used >= asked * _ALL:
        cores = plural(int(asked), "core") if asked == int(asked) else f"{asked:g} cores"
        return f"used all of the {cores} that it asks for: with more it is faster, where its work is parallel"
    if asked >= used * _FAR and asked - used >= _FAR_CORES:
        return f"asks for {asked:g} cores and used {used:.1f} on average: fewer would do"
    return ""
