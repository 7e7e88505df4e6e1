"""Options that several commands have, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from laminar.cli import complete
from laminar.settings import OPTIONS, resolve

if TYPE_CHECKING:
    from laminar.engine.ports import Datastore
    from laminar.flow import Flow

Command = Callable[..., Any]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, as docs/json.md describes it.")
CONFIG = click.option("--config", metavar="FILE", help="Settings file instead of laminar.yaml.")
APP_DIR = click.option("--app-dir", metavar="DIR", help=OPTIONS["app_dir"].help)
ADDRESS = click.argument("address", shell_complete=complete.addresses)


def store_options(command: Command) -> Command:
    """`--datastore` and `--config`, which `open_store` takes."""
    option = click.option("--datastore", metavar="DIR", help=OPTIONS["datastore"].help)
    return option(CONFIG(command))


def open_store(datastore: str | None, config: str | None, app_dir: str | None = None) -> Datastore:
    """The datastore that these options, or the settings, name."""
    from laminar import wiring

    return wiring.chosen_datastore(resolve({"datastore": datastore, "app_dir": app_dir}, file=config))


def load_flow(target: str | None, app_dir: str) -> Flow:
    """The flow that a target names."""
    from laminar.engine import loading, targets
    from laminar.errors import TargetError
    from laminar.flow import Flow

    if not target:
        here = complete.flows(app_dir)
        example = f"one of those here: {', '.join(here)}" if here else "module:attribute (main:HelloFlow)"
        raise TargetError("no flow is named.", remedy=f"Type {example}; or set flow: in laminar.yaml.")
    flow: Flow = loading.find(loading.load(targets.Target.parse(target), app_dir), Flow)
    return flow
