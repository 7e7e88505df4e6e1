"""An execution as one HTML file, to look at, to keep and to send: `laminar report`, and the same from Python.

    from laminar import datastores, report

    page = report.html(datastores.Local(".laminar"), "latest")

`contents` gathers what there is to say from `laminar.inspection`, the source of `show --json`; `document`, `sections` and
`layers` make HTML of it, `columns` the data that the page's script draws; `assets` has that script and the style.
No code of the flow is imported, and no value loaded: artifacts are shown by the previews that were noted at their saving.
"""

from __future__ import annotations

from laminar.engine.addresses import resolve
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.errors import UsageError
from laminar.report.contents import gather
from laminar.report.document import document

__all__ = ["find", "html", "page"]


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
            remedy=f"Name that: laminar report {where}",
        )
    return place.ledger


def page(ledger: Ledger) -> str:
    """The report of an execution that is there."""
    return document(gather(ledger))
