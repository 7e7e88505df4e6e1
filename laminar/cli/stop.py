"""`laminar stop`: end an execution that runs somewhere."""

from __future__ import annotations

import time

import click

from laminar import wiring
from laminar.cli import complete, console
from laminar.cli.options import open_store, store_options
from laminar.engine.addresses import find
from laminar.engine.lease import Holder, Lease
from laminar.model.address import Address
from laminar.model.words import plural

_LOOK_S = 0.2


@click.command()
@click.argument("execution", shell_complete=complete.addresses)
@store_options
def stop(execution: str, datastore: str | None, config: str | None) -> None:
    """Stop an execution, wherever its scheduler is, and wait for that: what runs is ended, what is committed stays.

    EXECUTION is an id, the beginning of one, or latest.

    \b
    Examples:
      laminar stop latest
      laminar stop HelloFlow:01jd8q
    """
    ledger = find(open_store(datastore, config), Address.parse(execution))
    holder = Holder.of(ledger)
    name = f"{ledger.execution} of {ledger.flow}"
    if holder is None or holder.outcome:
        console.note(f"{name} does not run")
        return
    if (
        lease := Lease.claim(ledger)
    ) is not None:  # its scheduler died: nobody else may begin while this is cleared away
        swept = wiring.sweep(ledger, config)
        lease.release("interrupted")
        left = f"; removed {plural(swept, 'container')} that it left behind" if swept else ""
        console.note(f"the scheduler of {name} is gone{left}")
        return
    console.note(f"stopping {name}, scheduled by {holder.words}")
    holder.ask_to_stop()
    while (now := Holder.of(ledger)) is not None and now.epoch == holder.epoch and now.seems_alive:
        time.sleep(_LOOK_S)
