"""Pictures of graphs: boxes that do not touch, edges around them, text within them, the same each time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations
from xml.etree import ElementTree

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from laminar.inspection.graphs import GraphFacts, GraphLayer, edges
from laminar.inspection.layered import Layout, arrange
from laminar.inspection.lettering import fitted, width
from laminar.inspection.picture import svg

STATES = ("finished", "running", "failed", "interrupted", "skipped", "waiting")
SVG = "{http://www.w3.org/2000/svg}"
SIZE = (50.0, 30.0)


def layers(*rows: str, state: str = "") -> GraphFacts:
    """`B: A` is a layer B after A."""
    split = [row.partition(":") for row in rows]
    return GraphFacts("F", "x" if state else "", [GraphLayer(name, rest.split(), (), state) for name, _, rest in split])


def random_graph(seed: int) -> GraphFacts:
    chance = random.Random(seed)
    rows = []
    for number in range(30):
        needs = {f"N{chance.randrange(max(0, number - 9), number)}" for _ in range(chance.randrange(3)) if number}
        rows.append(f"N{number}: {' '.join(sorted(needs))}")
    return layers(*rows)


GRAPHS = {
    "none": layers(),
    "one": layers("A"),
    "chain": layers("N0", *(f"N{n}: N{n - 1}" for n in range(1, 50))),
    "diamond": layers("A", "B: A", "C: A", "D: B C"),
    "fan": layers("A", *(f"P{n}: A" for n in range(60)), "Z: " + " ".join(f"P{n}" for n in range(60))),
    "parts": layers("A", "B: A", "C", "D: C", "Alone"),
    "past": layers("A", "B: A", "C: B", "D: C A", "E: D A B"),
    "late source": layers("A", "B: A", "C: B", "Late", "D: C Late"),
    **{f"random {seed}": random_graph(seed) for seed in range(8)},
}


def arranged(graph: GraphFacts) -> Layout:
    sizes = {layer.name: SIZE for layer in graph.layers}
    return arrange(sizes, list(edges(graph)), apart=40, beside=10)


@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_stand_apart_and_no_edge_crosses_one(name: str) -> None:
    layout = arranged(GRAPHS[name])
    boxes = {
        node: (*start, start[0] + layout.depths[node], start[1] + SIZE[1]) for node, start in layout.starts.items()
    }
    for (a, b, c, d), (e, f, g, h) in combinations(boxes.values(), 2):
        assert a >= g or e >= c or b >= h + 9.8 or f >= d + 9.8
    for segments in layout.edges.values():
        for segment in segments:
            low, high = sorted(segment.across)
            for start, side, end, other in boxes.values():
                assert segment.along[1] <= start or segment.along[0] >= end or high < side or low > other
    for _, _, end, other in boxes.values():
        assert end <= layout.along + 0.1
        assert other <= layout.across + 0.1


@pytest.mark.parametrize("name", GRAPHS)
def test_each_edge_goes_from_its_source_to_its_target(name: str) -> None:
    graph = GRAPHS[name]
    layout = arranged(graph)
    reached: set[tuple[str, str]] = set()
    entry = {(at[0], round(at[1] + SIZE[1] / 2, 1)): node for node, at in layout.starts.items()}
    for source, segments in layout.edges.items():
        ends = {(layout.starts[source][0] + layout.depths[source], round(layout.starts[source][1] + SIZE[1] / 2, 1))}
        for segment in segments:  # in the order of the ranks
            here = (segment.along[0], round(segment.across[0], 1))
            assert here in ends
            there = (segment.along[1], round(segment.across[1], 1))
            ends.add(there)
            if segment.last:
                reached.add((source, entry[there]))
    assert reached == set(edges(graph))


def test_few_crossings_and_straight_lines() -> None:
    layout = arranged(layers("A", "B", "C: B", "D: A"))  # two parts, no crossing
    assert all(segment.across[0] == segment.across[1] for all_ in layout.edges.values() for segment in all_)
    across = {
        node: at[1] for node, at in arranged(layers("S", "A: S", "B: S", "C: B", "D: A", "T: C D")).starts.items()
    }
    assert (across["A"] < across["B"]) == (across["D"] < across["C"])
    assert across["S"] == pytest.approx(across["T"], abs=1)


def measured(text: str, size: float, *, bold: bool) -> float:
    """As DejaVu Sans has it, which is among the widest of the usual fonts."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().x1) if text.strip() else 0.0


@pytest.mark.parametrize(
    "text", ["W" * 20, "illicit", "HelloFlow", "MMMmmm", "Überprüfung", "a_b_1234567890", "Größe%@…"]
)
def test_text_is_never_wider_than_estimated(text: str) -> None:
    for bold in (False, True):
        assert measured(text, 14, bold=bold) <= width(text, 14, bold=bold)
        assert width(fitted(text * 9, 14, 120, bold=bold), 14, bold=bold) <= 120


NAMES = ["W" * 60, "Ill", "PreprocessTrainingDataAndCutIntoFolds", "Größe", "層"]


@pytest.mark.parametrize("state", ["", *STATES, "damaged"])
@pytest.mark.parametrize("many", [1, 12])
def test_text_stays_in_its_box(state: str, many: int) -> None:
    rows = [
        GraphLayer(name, NAMES[:number][-1:], [f"{name}.parts"], state, 9999, 1) for number, name in enumerate(NAMES)
    ]
    rows += [GraphLayer(f"More{number}", [NAMES[-1]], (), state, 1, 1) for number in range(many)]
    root = ElementTree.fromstring(svg(GraphFacts("F", "x", rows)))
    wide, high = float(root.attrib["width"]), float(root.attrib["height"])
    for group in root.iter(f"{SVG}g"):
        boxes = [each for each in group.findall(f"{SVG}rect") if each.get("class") == "b"]
        for text in group.findall(f"{SVG}text"):
            left, top, across, down = (float(boxes[0].attrib[name]) for name in ("x", "y", "width", "height"))
            size, bold = (14, True) if text.get("class") == "n" else (12, "s" in str(text.get("class")))
            x, y, words = float(text.attrib["x"]), float(text.attrib["y"]), text.text or ""
            assert left < x
            assert top + size <= y + 2
            assert y < top + down - 3
            if words.isascii():
                assert x + measured(words, size, bold=bold) < left + across - 4
            assert left + across < wide
            assert top + down < high


def test_a_picture_is_xml_whatever_things_are_called_and_says_states_in_words() -> None:
    facts = GraphFacts('F<"&', "x\x00\ud800", [GraphLayer("<script>&\"'", (), ["a\x1b.b"], "failed", 3, 1)])
    text = svg(facts, links=True)
    root = ElementTree.fromstring(text.encode())
    assert root.attrib["role"] == "group"
    assert (root.findtext(f"{SVG}title") or "").startswith("The layers of execution x")
    assert (
        root.findtext(f"{SVG}desc")
        == "<script>&\"': failed, 1 of 3 splits finished, for each a\N{REPLACEMENT CHARACTER}.b."
    )
    words = [each.text for each in root.iter(f"{SVG}text")]
    assert words[1] == "failed, 1/3 done"
    assert "prefers-color-scheme:dark" in text
    assert root.find(f"{SVG}a") is not None
    assert svg(GRAPHS["diamond"]).startswith("<svg ")
    assert ElementTree.fromstring(svg(GRAPHS["diamond"])).attrib["role"] == "img"


@pytest.mark.parametrize("name", GRAPHS)
def test_the_same_graph_gives_the_same_picture(name: str) -> None:
    assert svg(GRAPHS[name]) == svg(GRAPHS[name])
    ElementTree.fromstring(svg(GRAPHS[name]))


@pytest.mark.parametrize("name", ["chain", "fan", "diamond"])
def test_a_picture_fits_on_a_page(name: str) -> None:
    root = ElementTree.fromstring(svg(GRAPHS[name]))
    assert int(root.attrib["width"]) < 1000
    columns = {each.get("x") for each in root.iter(f"{SVG}rect")}
    assert len(columns) == (1 if name == "chain" else 3)  # from top to bottom, where it is long


def ranks(layout: Layout) -> Sequence[float]:
    return sorted({at[0] for at in layout.starts.values()})


def test_a_source_stands_beside_what_needs_it() -> None:
    layout = arranged(GRAPHS["late source"])
    assert layout.starts["Late"][0] == layout.starts["C"][0]
    assert len(ranks(layout)) == 4
