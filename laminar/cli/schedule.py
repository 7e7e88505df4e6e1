"""`laminar schedule`: the scheduler process."""

from __future__ import annotations

import json
from typing import Any

import click

from laminar.engine import loading
from laminar.engine.events import Began, Event
from laminar.errors import SettingsError, TargetError, UsageError
from laminar.flow import Flow
from laminar.launch import schedule as schedule_flow
from laminar.launch import settings_of
from laminar.settings import EXECUTORS, OPTIONS, PROGRESS, resolve


@click.command()
@click.argument("target", required=False)
@click.option("-p", "pairs", metavar="NAME=VALUE", multiple=True, help="A parameter: JSON if it parses, else text.")
@click.option("--parameters", "file", metavar="FILE", help="Parameters from a YAML or JSON file.")
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
    flow = _load(target or before["flow"], before["app_dir"])
    settings = settings_of(flow, {**flags, "app_dir": before["app_dir"]}, config)
    for layer in settings["images"]:
        flow.graph().node(layer)
    parameters = {**_from_file(file), **_from_pairs(pairs)}
    schedule_flow(flow, execution=execution, parameters=parameters, settings=settings, observers=[_PrintId()])


class _PrintId:
    """Prints the execution's id on stdout as soon as there is one."""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Began):
            click.echo(event.execution)

    def close(self) -> None:
        """Nothing is open."""


def _load(target: str | None, app_dir: str) -> Flow:
    if not target:
        raise TargetError(
            "no flow is named.", remedy="Type module:attribute (main:HelloFlow), or set flow: in laminar.yaml."
        )
    flow: Flow = loading.find(loading.load(loading.Target.parse(target), app_dir), Flow)
    return flow


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
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {error}", remedy="Write it as YAML or JSON: name: value.") from error
    if not isinstance(values, dict) or not all(isinstance(name, str) and name.isidentifier() for name in values):
        raise UsageError(f"{path} is not a mapping of parameter names to values.", remedy="Write it as name: value.")
    return values
