"""A report as one HTML document that needs nothing from anywhere else, and can ask for nothing."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

from laminar.inspection.picture import style as graph_style
from laminar.report import layers, sections
from laminar.report.columns import columns
from laminar.report.contents import Contents
from laminar.report.markup import Markup, element, embedded, joined
from laminar.report.words import moment
from laminar.version import __version__

ASSETS = os.path.join(os.path.dirname(__file__), "assets")
STYLE = "report.css"
SCRIPTS = ("page.js", "bars.js", "timeline.js", "splits.js", "search.js")
"""In the order in which they run; one script in the page."""


def document(contents: Contents) -> str:
    """The report."""
    facts = contents.facts
    style = _asset(STYLE)
    script = '(() => {\n"use strict";\n\n' + "\n".join(map(_asset, SCRIPTS)) + "})();\n"
    parts = [
        sections.summary(contents),
        sections.damaged(contents),
        sections.failures(contents),
        sections.graph(contents),
        sections.timeline(contents),
        layers.layers(contents),
        layers.resources(contents),
        sections.run(contents),
    ]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element(
            "meta",
            http_equiv="Content-Security-Policy",
            content=policy(script, [style, graph_style(each.state for each in contents.graph.layers)]),
        ),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content=f"laminar {__version__}"),
        element("title", f"{facts.flow} {facts.execution} {facts.state} · laminar report"),
        element("style", Markup(style)),
    )
    body = element(
        "body",
        element("a", "Skip to the report", href="#content", class_="skip"),
        _bar(contents, [part for part in parts if part]),
        element("main", *[part for part in parts if part], id="content", tabindex=-1),
        _foot(contents),
        element("script", embedded(columns(contents)), type="application/json", id="data"),
        element("script", Markup(script)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def policy(script: str, styles: Iterable[str]) -> str:
    """A Content-Security-Policy for which nothing runs but the page's own script, and nothing is asked of any network."""

    def digest(text: str) -> str:
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    allowed = " ".join(map(digest, styles))
    return f"default-src 'none'; script-src {digest(script)}; style-src {allowed}; base-uri 'none'; form-action 'none'"


def _bar(contents: Contents, parts: list[Markup]) -> Markup:
    titles = {
        "failures": "Failures",
        "graph": "Graph",
        "timeline": "Timeline",
        "layers": "Layers",
        "resources": "Resources",
        "run": "Run",
    }
    there = joined(*parts)
    links = [element("a", title, href=f"#{name}") for name, title in titles.items() if f'<section id="{name}"' in there]
    facts = contents.facts
    name = element(
        "a", element("strong", facts.flow), " ", element("span", facts.execution, class_="muted"), href="#summary"
    )
    return element(
        "header",
        element("div", name, class_="name"),
        element("nav", *links, aria_label="Sections"),
        element("div", id="search", class_="search"),
        class_="bar",
    )


def _foot(contents: Contents) -> Markup:
    return element(
        "footer", "Made ", moment(contents.made), f" by laminar {__version__}, from what is recorded. No code was run."
    )


def _asset(name: str) -> str:
    with open(os.path.join(ASSETS, name), encoding="utf-8") as file:
        return file.read()
