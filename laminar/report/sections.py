"""The sections of a report that are about the execution as a whole; `laminar.report.layers` has those about layers."""

from __future__ import annotations

from collections.abc import Sequence

from laminar.inspection.found import ExecutionFacts
from laminar.inspection.launches import LaunchFacts
from laminar.inspection.picture import svg
from laminar.model.words import plural
from laminar.report.contents import MOST_FAILURES, Contents, Failed
from laminar.report.markup import Markup, element
from laminar.report.words import command, count, moment, pairs, span, splits_in_words, state, table

OPEN = 3
"""Failures whose traceback and log are shown at once."""

MOST_DAMAGED = 100


def section(name: str, title: str, *children: Markup | str, note: str = "") -> Markup:
    """A part of the page, with its heading."""
    heading = element("h2", title, *([element("small", note)] if note else []), id=f"{name}-title")
    return element("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def summary(contents: Contents) -> Markup:
    """What it is, and how it stands: all that one must know."""
    facts = contents.facts
    title = element("h1", facts.flow, " ", element("code", facts.execution))
    last = contents.launches[-1] if contents.launches else None
    who = f"{last.user}@{last.host}" if last and last.user else ""
    head = pairs(
        [
            ("Began", moment(facts.created)),
            ("Run by", who),
            ("Target", element("code", facts.target) if facts.target else ""),
            ("Executor", f"{facts.executor}, hardened" if facts.hardened else facts.executor),
            ("Launches", count(facts.launches) if facts.launches > 1 else ""),
            ("Command", element("code", command(last.argv), class_="command") if last and last.argv else ""),
        ]
    )
    return element(
        "section",
        element("div", title, state(facts.state), class_="title"),
        element("p", _sentence(contents), class_="lead"),
        _tiles(contents),
        head,
        id="summary",
        aria_label="Summary",
    )


def _sentence(contents: Contents) -> list[Markup | str]:
    state, took = contents.facts.state, span(contents.facts.duration_s)
    words = {
        "finished": f"All layers are done{f', in {took}' if took else ''}.",
        "failed": "A layer has failed. What was committed stays, and can be read. ",
        "running": f"It was running when this report was made{f', {took} so far' if took else ''}.",
        "interrupted": "Its scheduler has left before all was done. What was committed stays, and can be read. ",
        "waiting": "No layer has started.",
    }
    sentence: list[Markup | str] = [words.get(state, "")]
    if state in ("failed", "interrupted") and not contents.facts.held:
        command = element("code", contents.options.command("resume", contents.facts.address), class_="command")
        sentence += ["Go on with ", command]
    return sentence


def _tiles(contents: Contents) -> Markup:
    rows = contents.facts.layers
    over = sum(row.state in ("finished", "skipped") for row in rows)
    splits, done = sum(row.splits or 0 for row in rows), sum(row.finished_splits for row in rows)
    failed = sum(len(each.splits) for each in contents.failures)
    counting = (sum(not each.replaced for each in tries) for part in contents.layers for tries in part.tries.values())
    again = sum(max(0, number - 1) for number in counting)
    tiles = [
        (f"{count(over)} of {count(len(rows))}", "layers done or skipped", ""),
        (f"{count(done)} of {count(splits)}" if splits else "", "splits finished", ""),
        (span(contents.facts.duration_s), _taken(contents.facts), ""),
        (count(failed), "split failed" if failed == 1 else "splits failed", "failed" if failed else ""),
        (count(again), "retry" if again == 1 else "retries", ""),
    ]
    return element(
        "ul",
        *(
            element("li", element("strong", value), element("span", words), class_=f"tile {kind}".strip())
            for value, words, kind in tiles
            if value
        ),
        class_="tiles",
    )


def _taken(facts: ExecutionFacts) -> str:
    """What the time that it took is: pauses before a resume are not in it."""
    if facts.held:
        return "so far"
    return f"in {count(facts.launches)} launches" if facts.launches > 1 else "from begin to end"


def damaged(contents: Contents) -> Markup | None:
    """Records that cannot be read."""
    if not contents.damaged:
        return None
    shown = contents.damaged[:MOST_DAMAGED]
    rows = [[element("code", each.key), each.message.replace(each.key, "It", 1), each.remedy] for each in shown]
    many = len(contents.damaged)
    left = f" The first {MOST_DAMAGED} are shown." if many > MOST_DAMAGED else ""
    return section(
        "damaged",
        "Damaged records",
        element(
            "p",
            f"{plural(many, 'record')} cannot be read. What {'it' if many == 1 else 'they'} said is missing from this"
            f" report; everything else is here.{left}",
        ),
        table("Records that cannot be read", ["Record", "What is wrong", "What to do"], rows),
        note=count(many),
    )


def failures(contents: Contents) -> Markup | None:
    """What failed, what was tried again, what a Catch let pass."""
    articles = [_failure(each, contents, at < OPEN) for at, each in enumerate(contents.failures)]
    if len(contents.failures) == MOST_FAILURES:
        articles.append(element("p", f"The first {MOST_FAILURES} different failures are shown."))
    if contents.retried:
        articles.append(_table("Failed, and tried again", contents.retried))
    if contents.caught:
        articles.append(_table("Caught: the layer finished with what it had", contents.caught))
    if not articles:
        return None
    splits = sum(len(each.splits) for each in contents.failures)
    return section("failures", "Failures", *articles, note=plural(splits, "split") if splits else "none left")


def _failure(failed: Failed, contents: Contents, is_open: bool) -> Markup:
    error, first = failed.error, failed.splits[0]
    address = f"{contents.facts.address}/{failed.layer}/{first}"
    link = element("a", f"{failed.layer}/{first}", href=f"#{failed.layer}/{first}", class_="split")
    others = splits_in_words(failed.splits[1:])
    more = (
        element("p", f"Also {'split' if len(failed.splits) == 2 else 'splits'} {others}.", class_="also")
        if others
        else ""
    )
    log: list[Markup] = []
    if failed.log:
        log = [element("h4", "Last lines of its log"), element("pre", failed.log, tabindex=0)]
    remedy = contents.options.with_name(error.remedy, contents.facts.address)
    commands = "\n".join(contents.options.command(name, address) for name in ("logs", "show", "shell"))
    detail = element(
        "details",
        element("summary", "Traceback and log" if failed.log else "Traceback" if error.traceback else "What to do"),
        *([element("pre", error.traceback.rstrip(), tabindex=0)] if error.traceback else []),
        *([element("p", remedy, class_="remedy")] if remedy else []),
        *log,
        element("h4", "Look further"),
        element("pre", commands, tabindex=0),
        open=is_open,
    )
    title = element("h3", link, " ", element("span", f"attempt {failed.attempt}", class_="muted"))
    return element(
        "article", title, element("p", error.words, class_="error"), *([more] if more else []), detail, class_="failure"
    )


def _table(caption: str, groups: Sequence[Failed]) -> Markup:
    rows = [
        [
            element("a", f"{each.layer}/{each.splits[0]}", href=f"#{each.layer}/{each.splits[0]}", class_="split"),
            element("span", each.error.words, class_="error"),
            count(len(each.splits)),
        ]
        for each in groups
    ]
    return table(caption, ["First split", "Error", "Splits"], rows, numbers=[2], hidden=False)


def graph(contents: Contents) -> Markup:
    """The layers, and what each depends on."""
    if not contents.graph.layers:
        return section("graph", "Graph", element("p", "No record says which layers there are.", class_="muted"))
    # Made by laminar, which escapes all names in it.
    picture = Markup(svg(contents.graph, links=True))
    return section(
        "graph",
        "Graph",
        element("div", picture, class_="scroll picture", tabindex=0, role="region", aria_label="Drawing of the layers"),
    )


def timeline(contents: Contents) -> Markup:
    """Room for what the page's own script draws."""
    text = "No attempt has begun."
    if any(split.started for part in contents.layers for split in part.splits):
        text = "The timeline is drawn by this page's script. The table of layers says when each ran."
    return section("timeline", "Timeline", element("p", text, class_="muted", id="timeline-fallback"))


def run(contents: Contents) -> Markup:
    """What it was given, and every time that it was launched."""
    facts = contents.facts
    parts: list[Markup] = []
    if facts.parameters:
        rows = [
            [element("code", each.name), element("code", each.preview, class_="preview"), each.type]
            for each in facts.parameters
        ]
        parts.append(table("Parameters", ["Parameter", "Value", "Type"], rows, hidden=False))
    if contents.launches:
        head = ["Launch", "Began", "Took", "Outcome", "By", "Command", "Executor", "Versions"]
        rows = [_launch(each) for each in contents.launches]
        if facts.held:
            rows[-1][3] = "running"
        parts.append(table("Launches", head, rows, hidden=False))
    images = [[name, element("code", image), ", ".join(of)] for (name, image), of in facts.layers_by_image.items()]
    if images:
        parts.append(table("Images of the latest launch", ["Image", "Id", "Layers"], images, hidden=False))
    return section("run", "How it was run", *parts or [element("p", "No record says so.", class_="muted")])


def _launch(launch: LaunchFacts) -> list[Markup | str]:
    took = None if launch.finished is None else max(0.0, launch.finished - launch.created)
    return [
        str(launch.number),
        moment(launch.created),
        span(took),
        launch.outcome or "not said",
        f"{launch.user}@{launch.host}" if launch.user else "not recorded",
        element("code", command(launch.argv), class_="command"),
        launch.executor,
        ", ".join(f"{name} {version}" for name, version in launch.versions.items()),
    ]
