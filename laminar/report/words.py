"""The small parts of a report: states, times, lists of splits."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from laminar.inspection.document import iso
from laminar.inspection.found import Artifact
from laminar.inspection.picture import MARKS
from laminar.model.words import clock, plural, size
from laminar.report.markup import Markup, element

EXTRA_MARKS = {"retrying": "M0-3.8A3.8 3.8 0 1 1-3.8 0", "lost": MARKS["interrupted"]}
"""Those of splits and attempts, which no layer has."""

ALL_MARKS = {**MARKS, **EXTRA_MARKS}


def mark(state: str) -> Markup:
    """The drawing of a state; its word stands beside it."""
    drawing = element("circle", r=8) + element("path", d=ALL_MARKS.get(state, ""))
    return element("svg", Markup(drawing), class_="mark", viewBox="-8 -8 16 16", aria_hidden="true")


def state(name: str, words: str = "") -> Markup:
    """A state, or `words` in its place, with its mark and in its colour."""
    return element("span", mark(name), words or name, class_=f"state {name}")


def moment(seconds: float | None) -> Markup | str:
    """A time, to the second."""
    if not seconds:
        return ""
    text = iso(seconds)
    return element("time", f"{text[:10]} {text[11:19]} UTC", datetime=text)


def span(seconds: float | None) -> str:
    """How long something took."""
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.995 else clock(seconds)


def count(number: int) -> str:
    """`10,000`."""
    return f"{number:,}"


def splits_in_words(indices: Iterable[int], most: int = 8) -> str:
    """`1, 4 to 6, 9`; of many runs the first, and how many follow."""
    ordered = sorted(indices)
    runs = [list(run) for _, run in groupby(enumerate(ordered), lambda pair: pair[1] - pair[0])]
    words = [f"{run[0][1]}" if len(run) == 1 else f"{run[0][1]} to {run[-1][1]}" for run in runs]
    left = sum(map(len, runs[most:]))
    return ", ".join(words[:most]) + (f" and {count(left)} more" if left else "")


def pairs(members: Sequence[tuple[str, Markup | str | Sequence[Markup]]], class_: str = "facts") -> Markup:
    """Names and values; those without a value are left out."""
    shown = [(name, value) for name, value in members if value]
    return element(
        "dl", *(element("div", element("dt", name), element("dd", value)) for name, value in shown), class_=class_
    )


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    numbers: Sequence[int] = (),
    hidden: bool = True,
    label: str = "",
) -> Markup:
    """A table whose first column names its rows. Columns in which no row has anything are left out.

    Args:
        caption: What is in it.
        head: Of each column.
        rows: Their cells, text or HTML.
        numbers: Columns that are aligned to the right.
        hidden: Whether the caption is for those only who do not see the heading above.
        label: What the table is called among all of the page, where its caption is not enough.
    """
    rows = list(rows)
    shown = [number for number in range(len(head)) if not number or any(row[number] for row in rows)]
    kinds = ["number" if number in numbers else None for number in range(len(head))]
    titles = [element("th", head[number], scope="col", class_=kinds[number]) for number in shown]
    body = []
    for row in rows:
        cells = [element("td", row[number], class_=kinds[number]) for number in shown[1:]]
        body.append(element("tr", element("th", row[0], scope="row", class_=kinds[0]), *cells))
    inside = element(
        "table",
        element("caption", caption, class_="unseen" if hidden else None),
        element("thead", element("tr", *titles)),
        element("tbody", *body),
    )
    return element("div", inside, class_="scroll", tabindex=0, role="region", aria_label=label or caption)


def command(argv: Sequence[str]) -> str:
    """A command line as one would type it, without where its program is: that is a path of one machine, and of a user."""
    if not argv:
        return ""
    name = os.path.basename(argv[0])
    program = ["laminar"] if name == "__main__.py" else ["python", name] if name.endswith(".py") else [name]
    return shlex.join([*program, *argv[1:]])


def artifact_rows(artifacts: Iterable[Artifact], of_splits: int) -> list[list[Any]]:
    """Name, preview, type, size, and in how many splits it is."""
    rows = []
    for each in artifacts:
        preview = f"{count(each.items)} items" if each.items is not None else each.preview
        first = element("small", " in the first") if of_splits > 1 and each.splits > 1 else ""
        row: list[Any] = [
            element("code", each.name),
            [element("code", preview, class_="preview"), *([first] if first else [])],
        ]
        rows.append([*row, each.type, "" if each.size is None else size(each.size)])
        if of_splits > 1:
            rows[-1].append(count(each.splits))
    return rows


def asked(configuration: Mapping[str, Any] | None) -> str:
    """What an attempt is given, in words."""
    if not configuration:
        return ""
    container = configuration["container"]
    words = [f"{container['cpu']:g} CPU", f"{container['memory']} MiB"]
    if container.get("gpus"):
        words.append(f"GPUs {container['gpus']}")
    if configuration.get("timeout"):
        words.append(f"at most {configuration['timeout']['seconds']:g} s")
    tries = configuration.get("retry", {}).get("attempts", 1)
    if isinstance(tries, int) and tries > 1:
        words.append(plural(tries, "attempt"))
    return ", ".join(words)
