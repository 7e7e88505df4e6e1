"""How a flow's executions are scheduled, as its code says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """For `Flow(scheduler=)`.

    Args:
        max_parallel: Splits at one time, at most; the setting of that name where None.
        fail_fast: Whether nothing more is started once a split has finally failed; the setting where None.
        keep_going: Whether the other splits of a layer start also when one has finally failed; the setting where None.
    """

    max_parallel: int | None = None
    fail_fast: bool | None = None
    keep_going: bool | None = None
