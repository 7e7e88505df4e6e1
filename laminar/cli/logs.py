"""`laminar logs`: what layers printed."""

from __future__ import annotations

import click

from laminar.cli import console
from laminar.cli.options import ADDRESS, open_store, store_options
from laminar.engine.addresses import resolve
from laminar.inspection import logs as found


@click.command()
@ADDRESS
@click.option("--follow", "-f", is_flag=True, help="Go on with what is added, until nothing runs there any more.")
@click.option(
    "--attempt", type=click.IntRange(min=1), metavar="N", help="That attempt; the latest where none is named."
)
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines of each split.")
@store_options
def logs(
    address: str, follow: bool, attempt: int | None, tail: int | None, datastore: str | None, config: str | None
) -> None:
    """Print what layers printed: one split's log byte for byte, several with their address before each line.

    \b
    Examples:
      laminar logs latest
      laminar logs 01jd8q/Process/17 --attempt 2
      laminar logs latest/Process --follow --tail 10
    """
    place = resolve(open_store(datastore, config), address)
    single = found.is_single(place)
    for piece in (found.follow if follow else found.logs)(place, attempt, tail):
        if single:
            console.put_bytes(piece.data)
        else:
            prefix = f"{piece.address} | ".encode()
            console.put_bytes(b"".join(prefix + line + b"\n" for line in piece.data.splitlines()))
    if words := found.silence(place):
        console.note(words)
