"""`laminar schedule`: the scheduler process."""

from __future__ import annotations

from typing import Any

import click

from laminar.cli import complete
from laminar.cli.options import load_flow
from laminar.cli.parameters import PAIRS, PARAMETERS, parameters_of
from laminar.cli.running import PrintId, images_of, run_options
from laminar.launch import schedule as schedule_flow
from laminar.launch import settings_of
from laminar.settings import resolve


@click.command()
@click.argument("target", required=False, shell_complete=complete.targets)
@PAIRS
@PARAMETERS
@click.option("--execution", metavar="ID", help="Id of the execution; a new one where none is given.")
@run_options
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

    \b
    Examples:
      laminar schedule main:HelloFlow
      laminar schedule main:HelloFlow -p name=world --logs
      laminar schedule pipelines/etl.py --executor process --max-parallel 4
      laminar schedule main:Train --image my/image --image Fit=my/gpu/image
    """
    flags |= images_of(images)
    before = resolve(flags, file=config)
    flow = load_flow(target or before["flow"], before["app_dir"])
    settings = settings_of(flow, {**flags, "app_dir": before["app_dir"]}, config)
    for layer in settings["images"]:
        flow.graph().node(layer)
    parameters = parameters_of(pairs, file)
    schedule_flow(flow, execution=execution, parameters=parameters, settings=settings, observers=[PrintId()])
