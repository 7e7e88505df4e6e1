"""`laminar artifact`: what a layer saved."""

from __future__ import annotations

import sys
from typing import IO

import click

from laminar import wiring
from laminar.cli import console
from laminar.cli.options import ADDRESS, AS_JSON, open_store, store_options
from laminar.cli.show import artifact_line
from laminar.engine.addresses import Place, resolve
from laminar.errors import CorruptError, UsageError
from laminar.inspection.document import document
from laminar.inspection.values import Values, listed


@click.command()
@ADDRESS
@click.argument("name", required=False)
@click.option("--output", "-o", metavar="FILE", help="Write the value to FILE instead of stdout.")
@AS_JSON
@store_options
def artifact(
    address: str, name: str | None, output: str | None, as_json: bool, datastore: str | None, config: str | None
) -> None:
    """List the artifacts at ADDRESS, or print one by its NAME.

    Text and bytes are printed as they are, other plain data as JSON; what is saved item by item, and what all splits of a
    ForEach layer saved, as one line of JSON for each item. Pickles and arrays are not loaded: the error says how to read
    them in Python.

    \b
    Examples:
      laminar artifact latest
      laminar artifact latest/Report
      laminar artifact latest/Report page --output page.html
      laminar artifact latest/Process score | jq -s add
    """
    place = resolve(open_store(datastore, config), address)
    if name is None:
        if output:
            command = place.ledger.store.options.command("artifact", str(place), "NAME", "-o", "FILE")
            raise UsageError("--output goes with the NAME of an artifact.", remedy=command)
        there = listed(place)
        if as_json:
            console.put_json(document(artifacts=there))
        elif not there:
            console.note(f"{place} has no artifacts.")
        else:
            console.rows([[each.layer, *artifact_line(each)] for each in there], drop=[3, 2], right=[3], cut=True)
        return
    try:
        _put(Values(wiring.archive(place.ledger.store, pickle="deny"), place, name), output, as_json=as_json)
    except CorruptError as error:
        error.remedy = place.ledger.store.options.with_name(error.remedy, str(Place(place.ledger)))
        raise


def _put(values: Values, output: str | None, *, as_json: bool) -> None:
    if as_json:
        console.put_json(document(artifact=values.found) | {"value": values.plain()})
    elif output:
        with _open(output) as file:
            values.write(file)
    else:
        values.write(sys.stdout.buffer)


def _open(path: str) -> IO[bytes]:
    try:
        return open(path, "wb")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", remedy="Name another file.") from None
