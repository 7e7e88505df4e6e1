"""`laminar graph`: the layers of a flow or of an execution, and what each waits for."""

from __future__ import annotations

import click

from laminar.cli import complete, console
from laminar.cli.options import APP_DIR, load_flow, open_store, store_options
from laminar.engine.addresses import Place, check_exists, names_execution, resolve
from laminar.errors import UsageError
from laminar.inspection import graphs
from laminar.inspection.document import facts
from laminar.inspection.picture import svg
from laminar.model.words import done
from laminar.settings import resolve as settings_of


@click.command()
@click.argument("what", metavar="TARGET|EXECUTION", required=False, shell_complete=complete.targets_or_addresses)
@click.option(
    "--format", "form", type=click.Choice(["text", "mermaid", "svg", "dot", "json"]), default="text", show_default=True,
    help="text for people, mermaid for Markdown, svg for a picture, dot for Graphviz.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@store_options
@APP_DIR
def graph(
    what: str | None, form: str, as_json: bool, datastore: str | None, config: str | None, app_dir: str | None
) -> None:
    """Show the layers of a flow and what each waits for; of an execution, where each stands, too.

    A TARGET's code is imported, an EXECUTION's is not. The flow that laminar.yaml names, where nothing is typed.

    \b
    Examples:
      laminar graph main:HelloFlow
      laminar graph latest
      laminar graph latest --format mermaid > graph.mmd
      laminar graph main:HelloFlow --format svg > graph.svg
    """
    store = open_store(datastore, config, app_dir)
    settings = settings_of({"app_dir": app_dir}, file=config)
    if what and names_execution(store, what, settings["app_dir"]):
        place = resolve(store, what)
        if place.layer:
            commands = (("graph", str(Place(place.ledger))), ("show", str(place)))
            raise UsageError(
                f"{place} is not an execution, and a graph is one of all its layers.",
                remedy="\n".join(store.options.command(*words) for words in commands),
            )
        drawn = graphs.of_execution(place.ledger)
    else:
        if what:
            check_exists(store, what, settings["app_dir"])
        drawn = graphs.of_flow(load_flow(what or settings["flow"], settings["app_dir"]).graph())
    if as_json or form == "json":
        console.put_json(facts(drawn))
    elif form == "text":
        _put(drawn)
    else:
        console.put({"mermaid": graphs.mermaid, "svg": svg, "dot": graphs.dot}[form](drawn))


def _put(drawn: graphs.GraphFacts) -> None:
    console.put(" ".join(filter(None, [drawn.flow, drawn.execution])))
    lines = []
    for layer in drawn.layers:
        count = done(layer.finished_splits, layer.splits) if layer.splits else ""
        how = [f"after {', '.join(layer.needs)}"] if layer.needs else []
        how += [f"for each {', '.join(layer.foreach)}"] if layer.foreach else []
        state = [console.state(layer.state), count] if layer.state else []
        lines.append([layer.name, *state, "; ".join(how)])
    console.rows(lines, indent="  ", drop=[2] if drawn.execution else [], fold=True)
