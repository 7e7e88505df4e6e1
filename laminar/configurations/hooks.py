"""Hooks of layers and flows, as decorators of their methods."""

from laminar.model.hooks import entry, execution, retry, submission

__all__ = ["entry", "execution", "retry", "submission"]
