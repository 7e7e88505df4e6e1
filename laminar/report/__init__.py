"""An execution as one HTML file, to look at, to keep and to send: `laminar report`, and the same from Python.

    from laminar import datastores, report

    page = report.html(datastores.Local(".laminar"), "latest")

`contents` gathers what there is to say from `laminar.inspection`, the source of `show --json`; `document`, `sections` and
`layers` make HTML of it, `columns` the data that the page's script draws; `assets` has that script and the style.
No code of the flow is imported, and no value loaded: artifacts are shown by the previews that were noted at their saving.
"""

from __future__ import annotations

from laminar.report.make import find, html, page

__all__ = ["find", "html", "page"]
