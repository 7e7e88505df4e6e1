"""From an address to a report."""

from __future__ import annotations

from laminar.engine.addresses import resolve
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.errors import UsageError
from laminar.report.contents import gather
from laminar.report.document import document


def html(datastore: Datastore, execution: str) -> str:
    """The report of an execution, as an HTML document.

    Args:
        datastore: Where it is.
        execution: Its address: `[FLOW:]EXECUTION`, also the beginning of an id, or `latest`.

    Raises:
        UsageError: As `find` does.
        StoreError: The datastore cannot be read. Single records that cannot are named in the report.
    """
    return page(find(datastore, execution))


def find(datastore: Datastore, execution: str) -> Ledger:
    """The execution of an address.

    Raises:
        UsageError: There is none, or more than one; or it is the address of a layer.
    """
    place = resolve(datastore, execution)
    if place.layer:
        where = str(place).partition("/")[0]
        raise UsageError(
            f"{place} is {'a layer' if place.index is None else 'a split'}; a report is about an execution.",
            remedy=f"Name that: {datastore.options.command('report', where)}",
        )
    return place.ledger


def page(ledger: Ledger) -> str:
    """The report of an execution that is there."""
    return document(gather(ledger))
