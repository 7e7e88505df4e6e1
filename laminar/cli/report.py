"""`laminar report`: an execution as one HTML file."""

from __future__ import annotations

import click

from laminar import report as reports
from laminar.cli import complete, console
from laminar.cli.options import open_store, store_options
from laminar.report.output import write


@click.command()
@click.argument("execution", shell_complete=complete.addresses)
@click.option(
    "--output", "-o", metavar="FILE", help="Where to write it, - for stdout.  [default: report-FLOW-EXECUTION.html]"
)
@store_options
def report(execution: str, output: str | None, datastore: str | None, config: str | None) -> None:
    """Write a report of an execution: one HTML file that shows its graph, timeline, failures, layers and artifacts.

    The file needs nothing from anywhere else: open it in a browser, keep it, send it. It can be made while the execution
    runs, after it failed, and of one with damaged records. Values are shown by the previews that were noted when they
    were saved: none is loaded, and no code is imported. The file's path goes to stdout.

    \b
    Examples:
      laminar report latest
      laminar report 01jd8q -o report.html
      laminar report HelloFlow:01jd8q -o - > report.html
    """
    ledger = reports.find(open_store(datastore, config), execution)
    page = reports.page(ledger).encode()
    if output == "-":
        console.put_bytes(page)
        return
    path = output or f"report-{ledger.flow}-{ledger.execution}.html"
    write(page, path)
    console.put(path)
