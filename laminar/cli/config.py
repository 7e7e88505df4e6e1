"""`laminar config`: every setting, and where it comes from."""

from __future__ import annotations

import click

from laminar.cli import console
from laminar.cli.options import AS_JSON, CONFIG
from laminar.inspection.document import document
from laminar.settings import resolve


@click.command()
@AS_JSON
@CONFIG
def config(as_json: bool, config: str | None) -> None:
    """Show each setting, its value, and where that comes from.

    Sources, each above the next: an option of the command, what the flow's code passes (neither is known here), LAMINAR_NAME
    in the environment, laminar.yaml, the default. A variable that is nearly the one of a setting is named on stderr, here as
    by every command that reads settings.

    \b
    Examples:
      laminar config
      laminar config --config ci.yaml --json
    """
    settings = resolve(file=config)
    if as_json:
        each = {name: {"value": settings[name], "source": settings.source(name)} for name in settings}
        console.put_json(document(settings=each))
        return
    console.rows([[name, _words(settings[name]), settings.source(name)] for name in settings])


def _words(value: object) -> str:
    if value is None or value == {}:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return str(value).lower() if isinstance(value, bool) else console.clean(str(value))
