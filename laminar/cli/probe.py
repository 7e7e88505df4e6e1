"""`laminar probe`: what an image says of itself. The scheduler asks each image once, before the first layer."""

from __future__ import annotations

import json
import os

import click

from laminar.engine import targets
from laminar.engine.access import unreadable
from laminar.version import PYTHON, WIRE_VERSION, __version__


@click.command(hidden=True)
@click.argument("target")
def probe(target: str) -> None:
    """Print versions, whether TARGET's module is in the working directory, and which files there cannot be read."""
    where = targets.Target.parse(target)
    answer = {
        "laminar": __version__,
        "wire": WIRE_VERSION,
        "python": PYTHON,
        "found": targets.exists(where, ".") or targets.installed(where),
        "unreadable": unreadable(".", os.geteuid(), os.getgroups()),
    }
    click.echo(json.dumps(answer))
