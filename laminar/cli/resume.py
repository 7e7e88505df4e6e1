"""`laminar resume`: go on with an execution."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from laminar.cli import complete
from laminar.cli.options import load_flow, open_store
from laminar.cli.running import PrintId, images_of, run_options
from laminar.engine.addresses import find, target_of
from laminar.engine.resuming import Resume, environment
from laminar.errors import UsageError
from laminar.launch import schedule, settings_of
from laminar.model.address import Address
from laminar.settings import resolve


@click.command()
@click.argument("execution", shell_complete=complete.addresses)
@click.option(
    "--rerun", metavar="LAYER", multiple=True, shell_complete=complete.layers,
    help="Compute a layer again, and all that depends on it.",
)  # fmt: skip
@click.option("--takeover", is_flag=True, help="Do not wait to see whether another scheduler still has it.")
@run_options
def resume(
    execution: str,
    rerun: tuple[str, ...],
    takeover: bool,
    images: tuple[str, ...],
    config: str | None,
    **flags: Any,
) -> None:
    """Go on with an execution: run what is not committed, with today's code and image.

    EXECUTION is an id, the beginning of one, or latest; FLOW:EXECUTION where two flows have it. What `python main.py` began
    is gone on with by running that program again, so that flows that it chains follow.

    \b
    Examples:
      laminar resume latest
      laminar resume 01m853 --rerun Train
    """
    store = open_store(flags["datastore"], config, flags["app_dir"])
    address = Address.parse(execution)
    if address.layer:
        raise UsageError(f"{execution} is a layer.", remedy=f"Type the execution: {address.execution}, or --rerun.")
    ledger = find(store, address)
    launch = ledger.latest_launch() or {"program": [], "executor": None}
    flags |= images_of(images)
    settings = resolve(flags, file=config)
    flags |= {"datastore": settings["datastore"], "app_dir": settings["app_dir"]}
    given = {name: value for name, value in flags.items() if value is not None}
    how = Resume(rerun, takeover, ledger.execution, ledger.flow, given, config)
    begun = {"executor": launch["executor"], "hardened": (launch.get("engine") or {}).get("hardened")}
    as_begun = {name: value for name, value in begun.items() if value and settings.source(name) == "default"}
    if launch["program"]:
        _run_again(launch["program"], how, as_begun)
    flow = load_flow(target_of(ledger), flags["app_dir"])
    if flow.executor is not None:
        as_begun.pop("executor", None)
    flags |= as_begun
    chosen = settings_of(flow, flags, config)
    schedule(flow, execution=ledger.execution, settings=chosen, observers=[PrintId()], resume=how)


def _run_again(program: list[str], how: Resume, as_begun: dict[str, Any]) -> None:
    """Become the program that began the execution; `as_begun` are settings of then that nobody makes otherwise now."""
    file = program[0]
    if file != "-m" and not os.path.isfile(file):
        raise UsageError(
            f"the program that began execution {how.execution}, {file}, is not here.",
            remedy="Go to the directory that it was run in.",
        )
    environ = {**os.environ, **environment(how)}
    environ |= {f"LAMINAR_{name.upper()}": str(value) for name, value in as_begun.items()}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *program], environ)  # noqa: S606
