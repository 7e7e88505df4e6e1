"""`laminar schedule`: the scheduler process."""

from __future__ import annotations

from typing import Any

import click

from laminar.cli import complete
from laminar.cli.options import load_flow
from laminar.cli.parameters import PAIRS, PARAMETERS, parameters_of
from laminar.engine.events import Began, Event
from laminar.errors import SettingsError
from laminar.launch import schedule as schedule_flow
from laminar.launch import settings_of
from laminar.settings import EXECUTORS, OPTIONS, PROGRESS, resolve


@click.command()
@click.argument("target", required=False, shell_complete=complete.targets)
@PAIRS
@PARAMETERS
@click.option("--execution", metavar="ID", help="Id of the execution; a new one where none is given.")
@click.option("--image", "images", metavar="[LAYER=]IMAGE", multiple=True, help=OPTIONS["image"].help)
@click.option("--mount", metavar="[DIR]", is_flag=False, flag_value=".", help=OPTIONS["mount"].help)
@click.option("--executor", type=click.Choice(EXECUTORS), help=OPTIONS["executor"].help)
@click.option("--datastore", metavar="DIR", help=OPTIONS["datastore"].help)
@click.option("--max-parallel", type=click.IntRange(min=1), help=OPTIONS["max_parallel"].help)
@click.option("--fail-fast", is_flag=True, default=None, help=OPTIONS["fail_fast"].help)
@click.option("--allow-skew", is_flag=True, default=None, help=OPTIONS["allow_skew"].help)
@click.option("--progress", type=click.Choice(PROGRESS), help=OPTIONS["progress"].help)
@click.option("--logs", is_flag=True, default=None, help=OPTIONS["logs"].help)
@click.option("--config", metavar="FILE", help="Settings file instead of laminar.yaml.")
@click.option("--app-dir", metavar="DIR", help=OPTIONS["app_dir"].help)
def schedule(
    target: str | None,
    pairs: tuple[str, ...],
    file: str | None,
    execution: str | None,
    images: tuple[str, ...],
    config: str | None,
    **flags: Any,
) -> None:
    """Run a flow: every layer in a container of its own.

    TARGET is module:attribute or path/to/file.py[:attribute]; the attribute may be left out where the module has one flow,
    and TARGET where laminar.yaml names it (flow: ...). The execution's id goes to stdout, progress to stderr.
    """
    flags["image"], flags["images"] = _images(images)
    before = resolve(flags, file=config)
    flow = load_flow(target or before["flow"], before["app_dir"])
    settings = settings_of(flow, {**flags, "app_dir": before["app_dir"]}, config)
    for layer in settings["images"]:
        flow.graph().node(layer)
    parameters = parameters_of(pairs, file)
    schedule_flow(flow, execution=execution, parameters=parameters, settings=settings, observers=[_PrintId()])


class _PrintId:
    """Prints the execution's id on stdout as soon as there is one."""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Began):
            click.echo(event.execution)

    def close(self) -> None:
        """Nothing is open."""


def _images(values: tuple[str, ...]) -> tuple[str | None, dict[str, str] | None]:
    """`IMAGE` and `LAYER=IMAGE` apart."""
    single = [value for value in values if "=" not in value]
    if len(single) > 1:
        raise SettingsError(
            f"--image names {len(single)} images: {', '.join(single)}.", remedy="Name one, others as LAYER=IMAGE."
        )
    pairs = dict(value.split("=", 1) for value in values if "=" in value)
    if not all(x for pair in pairs.items() for x in pair) or "" in single:
        raise SettingsError("--image has an empty name.", remedy="Type --image IMAGE or --image LAYER=IMAGE.")
    return single[0] if single else None, pairs or None
