"""What the commands that run an execution have in common: their options, and the id on stdout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from laminar.engine.events import Began, Event
from laminar.errors import SettingsError
from laminar.settings import EXECUTORS, OPTIONS, PROGRESS

Command = Callable[..., Any]

_OPTIONS = (
    click.option("--image", "images", metavar="[LAYER=]IMAGE", multiple=True, help=OPTIONS["image"].help),
    click.option("--mount", metavar="[DIR]", is_flag=False, flag_value=".", help=OPTIONS["mount"].help),
    click.option("--hardened", is_flag=True, default=None, help=OPTIONS["hardened"].help),
    click.option("--executor", type=click.Choice(EXECUTORS), help=OPTIONS["executor"].help),
    click.option("--datastore", metavar="DIR", help=OPTIONS["datastore"].help),
    click.option("--max-parallel", type=click.IntRange(min=1), help=OPTIONS["max_parallel"].help),
    click.option("--fail-fast", is_flag=True, default=None, help=OPTIONS["fail_fast"].help),
    click.option("--keep-going", is_flag=True, default=None, help=OPTIONS["keep_going"].help),
    click.option("--allow-skew", is_flag=True, default=None, help=OPTIONS["allow_skew"].help),
    click.option("--progress", type=click.Choice(PROGRESS), help=OPTIONS["progress"].help),
    click.option("--logs", is_flag=True, default=None, help=OPTIONS["logs"].help),
    click.option("--config", metavar="FILE", help="Settings file instead of laminar.yaml."),
    click.option("--app-dir", metavar="DIR", help=OPTIONS["app_dir"].help),
)


def run_options(command: Command) -> Command:
    """How an execution is run: `images`, `config`, and a flag for each setting."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class PrintId:
    """Prints the execution's id on stdout as soon as there is one."""

    def __call__(self, event: Event) -> None:
        """Print it."""
        if isinstance(event, Began):
            click.echo(event.execution)

    def close(self) -> None:
        """Nothing is open."""


def images_of(values: tuple[str, ...]) -> dict[str, Any]:
    """`IMAGE` and `LAYER=IMAGE` apart, as the settings `image` and `images`."""
    single = [value for value in values if "=" not in value]
    if len(single) > 1:
        raise SettingsError(
            f"--image names {len(single)} images: {', '.join(single)}.", remedy="Name one, others as LAYER=IMAGE."
        )
    pairs = dict(value.split("=", 1) for value in values if "=" in value)
    if not all(x for pair in pairs.items() for x in pair) or "" in single:
        raise SettingsError("--image has an empty name.", remedy="Type --image IMAGE or --image LAYER=IMAGE.")
    return {"image": single[0] if single else None, "images": pairs or None}
