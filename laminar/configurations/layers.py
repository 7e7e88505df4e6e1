"""Configuration of layers, for `Flow.register`."""

from laminar.model.configuration import Catch, Configuration, Container, ForEach, Parameter, Retry, Timeout

__all__ = ["Catch", "Configuration", "Container", "ForEach", "Parameter", "Retry", "Timeout"]
