"""`laminar plan`: what a schedule, or a resume, would run."""

from __future__ import annotations

import click

from laminar import wiring
from laminar.cli import complete, console
from laminar.cli.options import APP_DIR, AS_JSON, load_flow, open_store, store_options
from laminar.cli.parameters import PAIRS, PARAMETERS, parameters_of
from laminar.engine import fingerprint
from laminar.engine.addresses import check_exists, find, names_execution, target_of
from laminar.errors import UsageError
from laminar.inspection.document import document
from laminar.inspection.plans import Step
from laminar.inspection.plans import plan as steps_of
from laminar.launch import settings_of
from laminar.model.address import Address
from laminar.model.parameters import given
from laminar.model.words import plural
from laminar.settings import resolve


@click.command()
@click.argument("target", required=False, shell_complete=complete.targets_or_addresses)
@click.argument("execution", required=False, shell_complete=complete.addresses)
@PAIRS
@PARAMETERS
@AS_JSON
@store_options
@APP_DIR
def plan(
    target: str | None,
    execution: str | None,
    pairs: tuple[str, ...],
    file: str | None,
    as_json: bool,
    datastore: str | None,
    config: str | None,
    app_dir: str | None,
) -> None:
    """Show what a schedule would run, after checking the flow and its parameters; nothing is started.

    With an EXECUTION, what a resume of it would: what is done, what is left, and what only the run decides. Its flow is
    the one that it was launched from, where no TARGET stands before it.

    \b
    Examples:
      laminar plan main:HelloFlow -p name=world
      laminar plan latest
      laminar plan main:HelloFlow latest
    """
    before = resolve({"datastore": datastore, "app_dir": app_dir}, file=config)
    named = open_store(datastore, config, app_dir)
    if target and execution is None and names_execution(named, target, before["app_dir"]):
        execution = target
        target = target_of(find(named, Address.parse(execution)))
    elif target:
        check_exists(named, target, before["app_dir"])
    flow = load_flow(target or before["flow"], before["app_dir"])
    graph = flow.graph()
    ledger, code = None, None
    if execution is None:
        given(flow.parameters(), parameters_of(pairs, file))
    else:
        if pairs or file:
            raise UsageError("an execution has its parameters already.", remedy="Leave out -p and --parameters.")
        store = wiring.chosen_datastore(
            settings_of(flow, {"datastore": datastore, "app_dir": before["app_dir"]}, config)
        )
        ledger = find(store, Address(Address.parse(execution).execution, flow.name))
        code = fingerprint.of_flow([node.layer for node in graph], before["app_dir"]).layers
    steps = steps_of(graph, ledger, code)
    if as_json:
        console.put_json(document(flow=flow.name, execution=ledger.execution if ledger else None, layers=steps))
        return
    console.put(f"{flow.name} on {ledger.execution}" if ledger else flow.name)
    lines = [[step.layer, console.state(step.status), console.clean(step.words)] for step in steps]
    console.rows(lines, indent="  ", fold=True)
    console.put_words(f"  {_total(steps)}")


def _total(steps: list[Step]) -> str:
    run = [step for step in steps if step.status == "to run"]
    doubtful = sum(step.status == "unknown" for step in steps)
    if not run and not doubtful:
        return "Nothing is left to run."
    known = plural(sum(step.to_run or 0 for step in run), "split")
    more = " and those that the run makes" if any(step.to_run is None for step in run) else ""
    maybe = f"; the run decides about {doubtful}" if doubtful else ""
    return f"To run: {len(run)} of {plural(len(steps), 'layer')}, {known}{more}{maybe}."
