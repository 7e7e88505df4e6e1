"""Datastores: where an execution's truth lives."""

from __future__ import annotations

from laminar.datastores.local import Local
from laminar.datastores.memory import Memory
from laminar.engine.ports import Datastore

__all__ = ["Datastore", "Local", "Memory"]
