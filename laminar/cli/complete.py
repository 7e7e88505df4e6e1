"""What a shell completes: addresses from the datastore, targets from the files here, none of which is imported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem

from laminar.errors import LaminarError

_FLOW = re.compile(r"^class (\w+)\(\w*Flow\b", re.MULTILINE)


def addresses(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Executions, and once there is a `/`, the layers of one."""
    try:
        return [CompletionItem(text) for text in _addresses(context, incomplete) if text.startswith(incomplete)]
    except LaminarError:
        return []


def targets(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`module:Flow` for each class of a flow in a module here."""
    return [CompletionItem(text) for text in flows(context.params.get("app_dir") or ".") if text.startswith(incomplete)]


def layers(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The layers of the execution that is typed before."""
    # Click has not told arguments apart when it finds an option without its value, and leaves them.
    prefix = f"{context.params.get('execution') or next(iter(context.args), '')}/"
    return [CompletionItem(item.value.removeprefix(prefix)) for item in addresses(context, _, prefix + incomplete)]


def flows(app_dir: str) -> list[str]:
    """`module:Flow` for each class of a flow in the modules of a directory, none of which is imported."""
    try:
        return sorted(_targets(app_dir))
    except OSError:
        return []


def targets_or_addresses(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Both."""
    return targets(context, _, incomplete) + addresses(context, _, incomplete)


def _addresses(context: click.Context, incomplete: str) -> Iterator[str]:
    from laminar.cli.options import open_store
    from laminar.engine import addresses as engine
    from laminar.model.address import LATEST, Address

    store = open_store(context.params.get("datastore"), context.params.get("config"))
    execution, slash, _ = incomplete.partition("/")
    if slash:
        layers = engine.layers_of(engine.find(store, Address.parse(execution)))
        yield from (f"{execution}/{layer}" for layer in layers)
        return
    named = ":" in incomplete
    there = engine.known(store)
    yield from sorted({f"{ledger.flow}:{ledger.execution}" if named else ledger.execution for ledger in there})
    if there and not named:
        yield LATEST


def _targets(app_dir: str) -> Iterator[str]:
    for name in os.listdir(app_dir):
        module, extension = os.path.splitext(name)
        if extension == ".py" and module.isidentifier():
            with open(os.path.join(app_dir, name), encoding="utf-8", errors="replace") as file:
                yield from (f"{module}:{flow}" for flow in _FLOW.findall(file.read()))
