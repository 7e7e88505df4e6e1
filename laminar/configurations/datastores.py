"""Datastores, for `Flow(datastore=)`."""

from laminar.datastores import Datastore, Local, Memory

__all__ = ["Datastore", "Local", "Memory"]
