"""`laminar execute`: the executor process. It runs once per layer, so what this imports is paid in every container."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from laminar.flow import Flow
from laminar.model import wire
from laminar.process import evaluate_target


def task_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each field of a task; its variable sets it, too."""
    for name, help_ in reversed(wire.HELP.items()):
        command = click.option(f"--{name}", envvar=wire.variable(name), show_envvar=True, help=help_)(command)
    return command


@click.command()
@task_options
@click.option("--app-dir", default=".", show_default=True, help="Directory that the target is relative to.")
def execute(app_dir: str, **task: str) -> int:
    """Evaluate one layer of an execution, and write its artifacts and its completion marker to the datastore.

    The scheduler starts this in each container. To type it by hand, name the layer, the flow, an execution that has the
    inputs, and the datastore.

    \b
    Examples:
      laminar execute --layer B --target main:HelloFlow --execution 01jd8qw0zxe3m6n7 --datastore .laminar
    """
    wire.take(os.environ)  # user code, and what it starts, must not take them for its own
    return evaluate_target(wire.parse(task), Flow, app_dir)
