"""Parameters as they are typed: `-p NAME=VALUE`, and files of them."""

from __future__ import annotations

import json
from typing import Any

import click

from laminar.errors import UsageError

PAIRS = click.option(
    "-p", "pairs", metavar="NAME=VALUE", multiple=True, help="A parameter: JSON if it parses, else text."
)
PARAMETERS = click.option("--parameters", "file", metavar="FILE", help="Parameters from a YAML or JSON file.")


def parameters_of(pairs: tuple[str, ...], file: str | None) -> dict[str, Any]:
    """All that is given; what is typed wins over the file."""
    return {**_from_file(file), **_from_pairs(pairs)}


def _from_pairs(pairs: tuple[str, ...]) -> dict[str, Any]:
    parameters = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"invalid parameter {pair!r}.", remedy="Type -p NAME=VALUE, NAME a Python identifier.")
        try:
            parameters[name] = json.loads(text)
        except ValueError:
            parameters[name] = text
    return parameters


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            values = yaml.safe_load(file) or {}
    except FileNotFoundError:
        raise UsageError(f"there is no parameters file {path}.", remedy="Correct --parameters.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {error}", remedy="Write it as YAML or JSON: name: value.") from error
    if not isinstance(values, dict) or not all(isinstance(name, str) and name.isidentifier() for name in values):
        raise UsageError(f"{path} is not a mapping of parameter names to values.", remedy="Write it as name: value.")
    return values
