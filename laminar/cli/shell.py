"""`laminar shell`: a prompt where a split ran."""

from __future__ import annotations

import click

from laminar.cli.options import ADDRESS, APP_DIR, load_flow, open_store, store_options
from laminar.engine.addresses import target_of
from laminar.errors import UsageError
from laminar.launch import settings_of
from laminar.settings import EXECUTORS, OPTIONS, resolve
from laminar.shell import check_terminal, look, split_at


@click.command()
@ADDRESS
@click.argument("program", nargs=-1)
@click.option("--command", "-c", "code", metavar="CMD", help="Python to run in place of the prompt.")
@click.option(
    "--attempt", type=click.IntRange(min=1), metavar="N", help="That attempt; the latest where none is named."
)
@click.option("--image", metavar="IMAGE", help="Another image than the attempt had.")
@click.option("--mount", metavar="[DIR]", is_flag=False, flag_value=".", help=OPTIONS["mount"].help)
@click.option("--executor", type=click.Choice(EXECUTORS), help="Another executor than the attempt had.")
@store_options
@APP_DIR
def shell(
    address: str,
    program: tuple[str, ...],
    code: str | None,
    attempt: int | None,
    image: str | None,
    mount: str | None,
    executor: str | None,
    datastore: str | None,
    config: str | None,
    app_dir: str | None,
) -> int:
    """Open a Python prompt where a split ran: its image, user, mounts and limits, its inputs, its layer ready to call.

    The inputs have the names of the call's parameters; call() calls the layer with them. PROGRAM runs in place of Python.
    What ran in processes or threads gets a process of this machine. Nothing that is done there changes the execution: the
    datastore is only read. The exit code is that of what ran; 2 where there is no such program.

    \b
    Examples:
      laminar shell latest/Process/17
      laminar shell latest/Process/17 --command 'print(source.parts); call()'
      laminar shell 01jd8q/Train --attempt 2 -- bash
    """
    if code is not None and program:
        raise UsageError(
            "--command and a program are both given.",
            remedy="Type one; a program's own options after --: -- bash -c ls",
        )
    if code is None and not program:
        check_terminal()
    split = split_at(open_store(datastore, config, app_dir), address, attempt)
    settings = resolve({"app_dir": app_dir}, file=config)
    flags = {
        "app_dir": settings["app_dir"],
        "datastore": split.ledger.store.url,
        "executor": executor or split.launch["executor"],
        "images": image and {split.layer: image},
        "mount": mount,
    }
    if split.attempt is not None and flags["executor"] == "docker":
        flags["hardened"] = split.launch["engine"].get("hardened")
    flow = load_flow(target_of(split.ledger), flags["app_dir"])
    return look(flow, split, settings_of(flow, flags, config), program, code)
