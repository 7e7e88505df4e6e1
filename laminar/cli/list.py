"""`laminar list`: the executions in a datastore."""

from __future__ import annotations

import time

import click

from laminar.cli import console
from laminar.cli.options import AS_JSON, open_store, store_options
from laminar.inspection.document import document
from laminar.inspection.runs import runs
from laminar.model.words import age, clock, done


@click.command(name="list")
@click.option("--flow", metavar="FLOW", default="", help="Only executions of this flow.")
@click.option("--limit", type=click.IntRange(min=0), default=20, show_default=True, help="How many at most; 0 for all.")
@AS_JSON
@store_options
def list_(flow: str, limit: int, as_json: bool, datastore: str | None, config: str | None) -> None:
    """List executions, newest first: flow, id, state, age, time taken, layers that are done.

    \b
    Examples:
      laminar list
      laminar list --flow HelloFlow --limit 5
      laminar list --json | jq -r '.executions[] | select(.state == "failed") | .execution'
    """
    store = open_store(datastore, config)
    found = runs(store, flow, limit or None)
    if as_json:
        console.put_json(document(executions=found))
        return
    if not found:
        console.note(f"no executions in the datastore {store.url or repr(store)}.")
        return
    now = time.time()
    lines = [
        [
            run.flow,
            run.execution,
            console.state(run.state),
            age(now - run.created),
            "" if run.duration_s is None else clock(run.duration_s),
            done(run.layers_done, run.layers),
        ]
        for run in found
    ]
    console.rows([["FLOW", "EXECUTION", "STATE", "AGE", "TIME", "LAYERS"], *lines], drop=[4, 3, 5, 0], right=[4, 5])
