"""Schedulers, for `Flow(scheduler=)`."""

from laminar.model.scheduling import Scheduler

__all__ = ["Scheduler"]
