"""Configuration of layers, for `Flow.register`."""

from laminar.model.configuration import Configuration, Container, Retry, Timeout

__all__ = ["Configuration", "Container", "Retry", "Timeout"]
