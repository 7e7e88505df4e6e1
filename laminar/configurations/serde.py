"""Protocols, for `@datastore.protocol`."""

from laminar.serde import Protocol

__all__ = ["Protocol"]
