"""The sections of a report about layers: a table of all, what each asked for and used, and each by itself."""

from __future__ import annotations

from typing import Any

from laminar.inspection.artifacts import FEW_READ, MOST_READ
from laminar.inspection.found import LayerRow, SplitRow
from laminar.report.contents import Contents, LayerPart
from laminar.report.markup import Markup, element
from laminar.report.sections import section
from laminar.report.words import artifact_rows, asked, count, moment, pairs, span, state, table

LONG_S = 1.0
"""What took less is mostly the start of its process: its processor time says nothing about its cores."""

FEW = 20
"""Splits of a layer that stand in the page itself; its script shows all."""


def layers(contents: Contents) -> Markup:
    """A row for each layer, then each by itself."""
    rows = [_row(part.row, contents.facts.created) for part in contents.layers]
    if not rows:
        return section("layers", "Layers", element("p", "No record says which layers there are.", class_="muted"))
    head = ["Layer", "State", "Splits", "Began after", "Took", "Attempts", "Note"]
    return section(
        "layers",
        "Layers",
        table("Layers, in an order in which each comes after what it depends on", head, rows, numbers=[3, 4, 5]),
        *(_layer(part) for part in contents.layers),
        note=count(len(rows)),
    )


def _row(row: LayerRow, created: float) -> list[Any]:
    note = row.skipped or (f"waits for {', '.join(row.waits_for)}" if row.waits_for else "")
    if row.error:
        note = row.error.words
    began = None if row.started is None or not created else max(0.0, row.started - created)
    return [
        element("a", row.name, href=f"#layer-{row.name}"),
        state(row.state),
        _progress(row),
        span(began),
        span(row.duration_s),
        count(row.attempts) if row.attempts else "",
        note,
    ]


def _progress(row: LayerRow) -> Markup | str:
    if row.splits is None or row.skipped:
        return ""
    words = f"{count(row.finished_splits)}/{count(row.splits)} done"
    if row.splits < 2:
        return words
    bar = element(
        "progress", value=row.finished_splits, max=row.splits, aria_label=f"splits: {words}", class_=row.state
    )
    return element("span", bar, " ", words, class_="progress")


def _layer(part: LayerPart) -> Markup:
    row = part.row
    splits = row.splits or 0
    facts = pairs(
        [
            ("Splits", _count(part)),
            ("For each", ", ".join(f"{name} ({count(size)})" for name, size in part.axes)),
            ("Began", moment(row.started)),
            ("Took", span(row.duration_s)),
            ("Asks for", asked(part.configuration)),
            ("Skipped", row.skipped),
            ("Waits for", ", ".join(row.waits_for)),
        ]
    )
    body = [facts] if "<dt>" in facts else [element("p", "Nothing is recorded of it yet.", class_="muted")]
    if part.artifacts:
        head = ["Artifact", "Preview", "Type", "Size", *(["Splits"] if splits > 1 else [])]
        rows = artifact_rows(part.artifacts, splits)
        body.append(table("Artifacts", head, rows, numbers=[3, 4], hidden=False, label=f"Artifacts of {row.name}"))
        if splits > MOST_READ:
            body.append(element("p", f"Of the first {FEW_READ} splits.", class_="muted"))
    if part.splits:
        body.append(_splits(part))
    title = element("summary", element("h3", row.name), state(row.state), element("span", _count(part), class_="muted"))
    # Open where there is something to mend, and where all of it is short.
    return element(
        "details", title, *body, id=f"layer-{row.name}", class_="layer", open=row.state in ("failed", "damaged")
    )


def _count(part: LayerPart) -> str:
    row = part.row
    if row.splits is None or row.skipped:
        return ""
    return f"{count(row.finished_splits)} of {count(row.splits)} {'split' if row.splits == 1 else 'splits'} finished"


def _splits(part: LayerPart) -> Markup:
    """The first rows, for those who have no scripts; the page's own replaces them by a table of all."""
    order = sorted(part.splits, key=lambda split: (split.state == "finished", split.index))
    rows = [_split(part.row.name, split) for split in order[:FEW]]
    left = len(part.splits) + part.more_splits - len(rows)
    more = element("p", f"and {count(left)} more: laminar show has them", class_="muted") if left else ""
    caption = f"Splits of {part.row.name}"
    shown = table(caption, ["Split", "State", "Attempt", "Took", "Error"], rows, numbers=[2, 3], hidden=False)
    return element("div", shown, *([more] if more else []), class_="splits", data_layer=part.row.name)


def _split(layer: str, split: SplitRow) -> list[Any]:
    return [
        element("a", f"{layer}/{split.index}", href=f"#{layer}/{split.index}", class_="split"),
        state(split.state),
        "" if split.attempt is None else str(split.attempt),
        span(split.duration_s),
        element("span", split.error.words, class_="error") if split.error else "",
    ]


def resources(contents: Contents) -> Markup | None:
    """What each layer asked for, beside what it used."""
    rows = [_resources(part) for part in contents.layers if part.configuration]
    if not rows:
        return None
    head = ["Layer", "Cores asked", "Used on average", "Memory asked", "Used at most", "Of what it asked", "Advice"]
    cpu_s = sum(use.cpu_s or 0.0 for part in contents.layers for use in part.usages if use)
    note = f"{span(cpu_s)} of processor time in all" if cpu_s else "what was used is not known"
    return section(
        "resources", "Resources", table("Asked and used, by layer", head, rows, numbers=[1, 2, 3, 4]), note=note
    )


def _resources(part: LayerPart) -> list[Any]:
    assert part.configuration is not None
    container, row = part.configuration["container"], part.row
    timed = [
        (use.cpu_s, split.duration_s)
        for use, split in zip(part.usages, part.splits, strict=True)
        if use and use.cpu_s is not None and split.duration_s and split.duration_s >= LONG_S
    ]
    worked, took = sum(cpu for cpu, _ in timed), sum(took for _, took in timed)
    asked_mib, peak = container["memory"], row.memory_peak_mib
    bar: Markup | str = ""
    if peak is not None and asked_mib and row.measured == "container":  # elsewhere it is no limit
        words = f"{100 * peak / asked_mib:.0f} %"
        bar = element(
            "span",
            element("progress", value=min(peak, asked_mib), max=asked_mib, aria_label=words),
            words,
            class_="progress",
        )
    of_process = element("small", " in a process") if row.measured == "process" else ""
    return [
        element("a", row.name, href=f"#layer-{row.name}"),
        f"{container['cpu']:g}",
        f"{worked / took:.1f}" if took else "",
        f"{asked_mib:,} MiB",
        "" if peak is None else [f"{peak:,.0f} MiB", *([of_process] if of_process else [])],
        bar,
        [element("div", f"{sentence[:1].upper()}{sentence[1:]}.") for sentence in part.advice],
    ]
