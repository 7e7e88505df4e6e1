"""The graph of a flow or of an execution as an SVG picture: for a README, and for the report.

Colour never stands alone: a state has its mark and its word. The colours follow what the reader prefers, light or dark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from urllib.parse import quote

from laminar.inspection.graphs import GraphFacts, GraphLayer, edges, state_of
from laminar.inspection.layered import Layout, Segment, arrange
from laminar.inspection.lettering import fitted, width
from laminar.model.words import plural

# Lengths in pixels.
_MARGIN = 6.0
_PADDING = 12.0
_NAME, _NOTE = 14.0, 12.0
"""Sizes of the fonts."""
_LINE = 17.0
_MARK = 22.0
"""What the mark of a state takes before the name."""
_MOST = 240.0
"""The widest line; a longer one is cut, and whole in the layer's title."""
_APART, _BESIDE = 44.0, 16.0
_PAGE = 960.0
"""What fits beside itself on a page; a wider picture runs down, not to the right."""
_ARROW = 7.0
_BEHIND = 4.0
"""How far the second sheet of a layer of several splits looks out."""

MARKS = {
    "finished": "M-4 .5-1.2 3.4 4-3.2",
    "running": "M0-3.8A3.8 3.8 0 1 1-3.8 0",
    "failed": "M-3.2-3.2 3.2 3.2M3.2-3.2-3.2 3.2",
    "interrupted": "M0-4V1M0 3.6v.4",
    "damaged": "M0-4V1M0 3.6v.4",
    "skipped": "M-3.6 0h7.2",
    "waiting": "M-3 0v0M0 0v0M3 0v0",
}
"""State -> a drawing around (0, 0) within a circle of radius 8."""

_INK = {
    "finished": ("#1a7f37", "#f0fbf3", "#4ac26b", "#3fb950", "#12261a", "#238636"),
    "running": ("#0969da", "#eff8ff", "#54aeff", "#4493f8", "#121d2f", "#1f6feb"),
    "failed": ("#cf222e", "#fff2f1", "#ff8182", "#f85149", "#2a1517", "#da3633"),
    "interrupted": ("#9a6700", "#fffbe8", "#d4a72c", "#d29922", "#272115", "#9e6a03"),
    "damaged": ("#8250df", "#fbf5ff", "#c297ff", "#ab7df8", "#211830", "#8957e5"),
    "skipped": ("#59636e", "#f6f8fa", "#afb8c1", "#9198a1", "#151b23", "#3d444d"),
    "waiting": ("#59636e", "#ffffff", "#afb8c1", "#9198a1", "#0d1117", "#3d444d"),
}
"""State -> its colour, the filling and the line of a box: for a light page, then for a dark one."""


_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(graph: GraphFacts, *, links: bool = False) -> str:
    """The picture, as one `<svg>` element.

    Args:
        graph: What to draw.
        links: Whether each layer links to `#layer-NAME`, for a page that has that.
    """
    boxes = {layer.name: _Box(layer) for layer in graph.layers}
    pairs = list(dict.fromkeys(edges(graph)))
    layout = arrange(
        {name: (box.width, box.height) for name, box in boxes.items()}, pairs, apart=_APART, beside=_BESIDE
    )
    down = False
    if layout.along > _PAGE:
        widest = max(box.width for box in boxes.values())
        sizes = {name: (box.height, widest) for name, box in boxes.items()}
        other = arrange(sizes, pairs, apart=_APART, beside=_BESIDE)
        if other.across < layout.along:
            layout, down = other, True
    size = (layout.across, layout.along) if down else (layout.along, layout.across)
    wide, high = (round(length + 2 * _MARGIN + _BEHIND) for length in size)
    what = f"execution {graph.execution} of {graph.flow}" if graph.execution else f"flow {graph.flow}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lg" width="{wide}" height="{high}" '
        f'viewBox="{-_MARGIN:g} {-_MARGIN:g} {wide} {high}" role="{"group" if links else "img"}" '
        f'aria-labelledby="lg-title lg-desc">',
        f'<title id="lg-title">{_text(f"The layers of {what}")}</title>',
        f'<desc id="lg-desc">{_text(" ".join(_sentence(layer) for layer in graph.layers) or "It has none.")}</desc>',
        f"<style>{style(box.layer.state for box in boxes.values())}</style>",
        *_drawn(layout, boxes, down=down, links=links),
        "</svg>",
    ]
    return "\n".join(lines)


def style(states: Iterable[str]) -> str:
    """The rules for layers in these states."""
    there = set(states)
    used = [state for state in _INK if state in there]
    light = [".lg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}"]
    light += [f".lg .n{{font-size:{_NAME:g}px;font-weight:600;fill:#1f2328}}"]
    light += [f".lg .t{{font-size:{_NOTE:g}px;fill:#59636e}}"]
    light += [".lg .e{fill:none;stroke:#8c959f;stroke-width:1.5}.lg .a{fill:#8c959f}"]
    light += [".lg rect{fill:#fff;stroke:#afb8c1}.lg .m{fill:none;stroke:#fff;stroke-width:2}"]
    light += [".lg .m{stroke-linecap:round;stroke-linejoin:round}.lg .r{stroke:none}"]
    light += [".lg .skipped rect,.lg .waiting rect{stroke-dasharray:4 3}"]
    light += [".lg a:hover .b,.lg a:focus .b{stroke-width:2.5}"]
    dark = [".lg .n{fill:#f0f6fc}.lg .t{fill:#9198a1}.lg .m{stroke:#0d1117}.lg .e{stroke:#6e7681}.lg .a{fill:#6e7681}"]
    dark += [".lg rect{fill:#151b23;stroke:#3d444d}"]
    for state in used:
        ink, fill, line, dark_ink, dark_fill, dark_line = _INK[state]
        light += [_rules(state, ink, fill, line)]
        dark += [_rules(state, dark_ink, dark_fill, dark_line)]
    return f"{''.join(light)}@media screen and (prefers-color-scheme:dark){{{''.join(dark)}}}"


def _rules(state: str, ink: str, fill: str, line: str) -> str:
    box = f".lg .{state} rect{{fill:{fill};stroke:{line}}}"
    return f"{box}.lg .{state} .s{{fill:{ink};font-weight:600}}.lg .{state} .c,.lg .{state} .r{{fill:{ink}}}"


class _Box:
    """A layer as a box: its lines, and how large that makes it."""

    def __init__(self, layer: GraphLayer) -> None:
        self.layer = layer
        self.name = fitted(layer.name, _NAME, _MOST, bold=True)
        self.notes = [fitted(note, _NOTE, _MOST, bold=bool(layer.state)) for note in _notes(layer)]
        self.many = bool(layer.foreach) or (layer.splits or 1) > 1
        notes = [width(note, _NOTE, bold=bool(layer.state)) for note in self.notes]
        mark = _MARK if layer.state else 0.0
        self.width = round(max([width(self.name, _NAME, bold=True), *notes, 48.0]) + mark + 2 * _PADDING)
        self.height = round(2 * _PADDING + _NAME - 2 + _LINE * len(self.notes)) + (4.0 if self._is_partial else 0.0)

    @property
    def _is_partial(self) -> bool:
        layer = self.layer
        return bool(layer.splits and layer.splits > 1 and layer.finished_splits < layer.splits and layer.state)

    def drawn(self, x: float, y: float, wide: float, high: float, *, links: bool) -> Iterator[str]:
        layer = self.layer
        name = f' class="{layer.state}"' if layer.state else ""
        yield f'<a href="#layer-{quote(layer.name)}"{name}>' if links else f"<g{name}>"
        yield f"<title>{_text(_sentence(layer))}</title>"
        if self.many:
            yield f'<rect x="{x + _BEHIND:g}" y="{y + _BEHIND:g}" width="{wide:g}" height="{high:g}" rx="7"/>'
        yield f'<rect class="b" x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="7"/>'
        top = y + (high - self.height) / 2 + _PADDING + _NAME - 3
        left = x + _PADDING
        if layer.state:
            at = f"translate({left + 8:g} {top - 5:g})"
            mark = MARKS.get(layer.state, "")
            yield f'<g transform="{at}"><circle class="c" r="8"/><path class="m" d="{mark}"/></g>'
            left += _MARK
        yield f'<text class="n" x="{left:g}" y="{top:g}">{_text(self.name)}</text>'
        for number, note in enumerate(self.notes):
            kind = "t s" if layer.state and number == 0 else "t"
            yield f'<text class="{kind}" x="{left:g}" y="{top + 1 + _LINE * (number + 1):g}">{_text(note)}</text>'
        if self._is_partial and layer.splits:
            full = (wide - 2 * _PADDING) * layer.finished_splits / layer.splits
            yield f'<rect class="r" x="{x + _PADDING:g}" y="{y + high - 7:g}" width="{full:.1f}" height="3" rx="1.5"/>'
        yield "</a>" if links else "</g>"


def _drawn(layout: Layout, boxes: Mapping[str, _Box], *, down: bool, links: bool) -> Iterator[str]:
    """All edges, then all boxes over them."""

    def at(along: float, across: float) -> tuple[float, float]:
        return (across, along) if down else (along, across)

    for segments in layout.edges.values():
        if segments:
            yield f'<path class="e" d="{"".join(_curve(segment, at) for segment in segments)}"/>'
    arrow = f"l-4-{_ARROW:g}h8z" if down else f"l-{_ARROW:g}-4v8z"
    entries = dict.fromkeys(
        at(each.along[1], each.across[1]) for all_ in layout.edges.values() for each in all_ if each.last
    )
    for x, y in entries:
        yield f'<path class="a" d="M{x:g} {y:g}{arrow}"/>'
    for name, box in boxes.items():
        x, y = at(*layout.starts[name])
        wide, high = (
            (layout.breadths[name], layout.depths[name]) if down else (layout.depths[name], layout.breadths[name])
        )
        yield from box.drawn(x, y, wide, high, links=links)


def _curve(segment: Segment, at: Callable[[float, float], tuple[float, float]]) -> str:
    """A line where it is straight, else a curve that leaves and arrives in the direction of the edges."""
    (start, end), (first, second) = segment.along, segment.across
    end -= _ARROW - 1 if segment.last else 0
    middle = (start + end) / 2
    points = [at(start, first), at(middle, first), at(middle, second), at(end, second)]
    (x, y), *bends, (to_x, to_y) = points
    if first == second:
        return f"M{x:g} {y:g}L{to_x:g} {to_y:g}"
    return f"M{x:g} {y:g}C{' '.join(f'{a:g} {b:g}' for a, b in bends)} {to_x:g} {to_y:g}"


def _notes(layer: GraphLayer) -> Iterator[str]:
    if layer.state:
        yield state_of(layer)
    if layer.foreach:
        yield f"for each {', '.join(layer.foreach)}"


def _sentence(layer: GraphLayer) -> str:
    """A layer in words, for those who do not see it."""
    words = [layer.state] if layer.state else []
    if layer.splits is not None and layer.state != "skipped":
        words.append(f"{layer.finished_splits} of {plural(layer.splits, 'split')} finished")
    words += [f"for each {', '.join(layer.foreach)}"] if layer.foreach else []
    words += [f"after {', '.join(layer.needs)}"] if layer.needs else []
    return f"{layer.name}: {', '.join(words)}." if words else f"{layer.name}."


def _text(text: str) -> str:
    """Without what XML has no form for."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
