"""Where the nodes and edges of a graph go in a picture: a layered drawing, the same for the same graph.

The steps are those of Sugiyama, Tagawa and Toda (1981), as Gansner, Koutsofios, North and Vo (1993) refined them for dot:
each node gets a rank, each rank an order with few crossings, each node a place near its neighbours. An edge that spans
ranks goes through a waypoint in each of them, so that it meets no box; edges of one node share their waypoints.

Lengths are in any one unit. `along` is the direction of the edges, `across` the other.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[str, str]
Vertex = tuple[str, int]
"""A node at its rank, or at a later one the waypoint of edges that begin at it."""

_SWEEPS = 24
_ROUNDS = 32

_NEAR = 4.0
"""How far across an edge may go, in distances between ranks, before its ranks move apart for it."""

_STRAIGHT = 8.0
"""What it counts that a long edge runs straight, against 1 for the pull of a node (Gansner et al., section 4)."""


@dataclass(frozen=True)
class Segment:
    """A part of an edge, between the facing sides of two ranks, or through one; `last` where it ends at a node."""

    along: tuple[float, float]
    across: tuple[float, float]
    last: bool = False


@dataclass(frozen=True)
class Layout:
    """A drawing.

    Attributes:
        along: Its length in the direction of the edges.
        across: In the other.
        starts: Node -> where it begins, `(along, across)`.
        depths: Node -> its length along, the same within a rank.
        breadths: Node -> its length across, as it was given.
        edges: Node -> the segments of all edges that begin at it, each once.
    """

    along: float
    across: float
    starts: Mapping[str, tuple[float, float]]
    depths: Mapping[str, float]
    breadths: Mapping[str, float]
    edges: Mapping[str, Sequence[Segment]]


def arrange(sizes: Mapping[str, tuple[float, float]], edges: Sequence[Edge], *, apart: float, beside: float) -> Layout:
    """Place the nodes of an acyclic graph; parts that no edge connects lie beside one another.

    Args:
        sizes: Node -> its size, `(along, across)`, in a topological order.
        edges: From node to node, each once.
        apart: Distance between two ranks.
        beside: Distance between two nodes of a rank.
    """
    along, across = 0.0, -beside
    starts: dict[str, tuple[float, float]] = {}
    depths: dict[str, float] = {}
    drawn: dict[str, Sequence[Segment]] = {}
    for part in _parts(list(sizes), edges):
        inside = set(part)
        graph = _Ranked(part, [edge for edge in edges if edge[0] in inside])
        graph.order()
        centres = graph.centres({node: sizes[node][1] for node in part}, beside)
        ends = graph.extents({node: sizes[node][0] for node in part}, centres, apart)
        shift = across + beside
        for node in part:
            start, end = ends[graph.rank[node]]
            starts[node] = (start, centres[graph.vertex(node)] - sizes[node][1] / 2 + shift)
            depths[node] = end - start
        for (node, rank), below in graph.below.items():
            drawn[node] = [*drawn.get(node, ()), *_segments(rank, node, below, graph, centres, ends, shift)]
        along = max(along, ends[-1][1])
        across = max(starts[node][1] + sizes[node][1] for node in part)
        across = max([across, *(centre + shift for centre in centres.values())])
    breadths = {node: size[1] for node, size in sizes.items()}
    return Layout(along, max(across, 0.0), starts, depths, breadths, drawn)


def _segments(
    rank: int,
    node: str,
    below: Iterable[Vertex],
    graph: _Ranked,
    centres: Mapping[Vertex, float],
    ends: Sequence[tuple[float, float]],
    shift: float,
) -> list[Segment]:
    here = centres[node, rank] + shift
    through = [Segment(ends[rank], (here, here))] if rank != graph.rank[node] else []
    gap = (ends[rank][1], ends[rank + 1][0]) if rank + 1 < len(ends) else ends[rank]
    return [*through, *(Segment(gap, (here, centres[other] + shift), graph.is_node(other)) for other in below)]


def _parts(nodes: Sequence[str], edges: Iterable[Edge]) -> list[list[str]]:
    """The nodes that edges connect, together; in the order of each part's first."""
    part = {node: [node] for node in nodes}
    place = {node: number for number, node in enumerate(nodes)}
    for first, second in edges:
        joined, other = part[first], part[second]
        if joined is not other:
            joined.extend(other)
            part.update(dict.fromkeys(other, joined))
    unique = {id(each): sorted(each, key=place.__getitem__) for each in part.values()}
    return sorted(unique.values(), key=lambda each: place[each[0]])


class _Ranked:
    """A connected graph, cut into ranks.

    Attributes:
        rank: Of each node.
        ranks: The vertices of each rank, in their order across.
        above: Vertex -> those of the rank before that it is connected with.
        below: The same of the rank after.
    """

    def __init__(self, nodes: Sequence[str], edges: Sequence[Edge]) -> None:
        self.rank = _ranks(nodes, edges)
        last = dict.fromkeys(nodes, 0)
        for first, second in edges:
            last[first] = max(last[first], self.rank[second])
        self.ranks: list[list[Vertex]] = [[] for _ in range(max(self.rank.values()) + 1)]
        for node in nodes:
            for rank in range(self.rank[node], max(self.rank[node] + 1, last[node])):
                self.ranks[rank].append((node, rank))
        self.above: dict[Vertex, list[Vertex]] = {vertex: [] for rank in self.ranks for vertex in rank}
        self.below: dict[Vertex, list[Vertex]] = {vertex: [] for rank in self.ranks for vertex in rank}
        for node, rank in list(self.above):
            if (node, rank + 1) in self.above:
                self._connect((node, rank), (node, rank + 1))
        for first, second in edges:
            self._connect((first, self.rank[second] - 1), self.vertex(second))

    def _connect(self, first: Vertex, second: Vertex) -> None:
        self.below[first].append(second)
        self.above[second].append(first)

    def vertex(self, node: str) -> Vertex:
        """A node at its own rank."""
        return node, self.rank[node]

    # Few crossings.

    def order(self) -> None:
        """Sort each rank by the mean place of its neighbours, down and up in turn; keep the best that was met."""
        best, fewest = [list(rank) for rank in self.ranks], self._crossings()
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            down = sweep % 2 == 0
            beside = self.above if down else self.below
            for number in range(1, len(self.ranks)) if down else range(len(self.ranks) - 2, -1, -1):
                place = _places(self.ranks[number - 1 if down else number + 1])
                own = _places(self.ranks[number])
                self.ranks[number].sort(key=lambda vertex: _mean([place[v] for v in beside[vertex]], own[vertex]))
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(rank) for rank in self.ranks], crossings
        self.ranks = best

    def _crossings(self) -> int:
        count = 0
        for first, second in pairwise(self.ranks):
            place = _places(second)
            passed: list[int] = []
            for vertex in first:
                ends = [place[other] for other in self.below[vertex]]
                count += sum(len(passed) - bisect_right(passed, end) for end in ends)
                for end in ends:
                    insort(passed, end)
        return count

    # Places near the neighbours.

    def centres(self, across: Mapping[str, float], beside: float) -> dict[Vertex, float]:
        """Where the middle of each vertex is across; the first box begins at 0."""
        wide = {vertex: across[vertex[0]] if self.is_node(vertex) else 0.0 for vertex in self.above}
        centre: dict[Vertex, float] = {}
        offsets: list[list[float]] = []
        for rank in self.ranks:
            offset = [0.0]
            for first, second in pairwise(rank):
                offset.append(offset[-1] + (wide[first] + wide[second]) / 2 + beside)
            offsets.append(offset)
            centre |= {vertex: place - offset[-1] / 2 for vertex, place in zip(rank, offset, strict=True)}
        for round_ in range(_ROUNDS):
            for down in (True, False):
                numbers = range(len(self.ranks)) if down else range(len(self.ranks) - 1, -1, -1)
                for number in numbers:
                    self._settle(number, offsets[number], centre, both=round_ >= _ROUNDS // 2, down=down)
        least = min(place - wide[vertex] / 2 for vertex, place in centre.items())
        return {vertex: round(place - least, 1) for vertex, place in centre.items()}

    def _settle(
        self, number: int, offset: Sequence[float], centre: dict[Vertex, float], *, both: bool, down: bool
    ) -> None:
        """Move each vertex of a rank to its neighbours, as far as the order and the distances allow."""
        wishes, weights = [], []
        for vertex, room in zip(self.ranks[number], offset, strict=True):
            pulls = [(other, self._weight(vertex, other)) for other in self._neighbours(vertex, both=both, down=down)]
            total = sum(weight for _, weight in pulls)
            wish = sum(centre[other] * weight for other, weight in pulls) / total if pulls else centre[vertex]
            wishes.append(wish - room)
            weights.append(total or 0.1)
        for vertex, room, place in zip(self.ranks[number], offset, _increasing(wishes, weights), strict=True):
            centre[vertex] = place + room

    def _neighbours(self, vertex: Vertex, *, both: bool, down: bool) -> Sequence[Vertex]:
        if both:
            return [*self.above[vertex], *self.below[vertex]]
        return self.above[vertex] if down else self.below[vertex]

    def _weight(self, vertex: Vertex, other: Vertex) -> float:
        return (1.0, 2.0, _STRAIGHT)[2 - self.is_node(vertex) - self.is_node(other)]

    def is_node(self, vertex: Vertex) -> bool:
        """Whether it is none of the waypoints."""
        return self.rank[vertex[0]] == vertex[1]

    def extents(
        self, along: Mapping[str, float], centre: Mapping[Vertex, float], apart: float
    ) -> list[tuple[float, float]]:
        """Where each rank begins and ends along; further apart where an edge between two has far to go across."""
        found: list[tuple[float, float]] = []
        for rank in self.ranks:
            far = max(
                (abs(centre[vertex] - centre[other]) for vertex in rank for other in self.above[vertex]), default=0
            )
            start = found[-1][1] + apart + min(max(0.0, far - _NEAR * apart) / 12, 3 * apart) if found else 0.0
            deep = max(along[vertex[0]] for vertex in rank if self.is_node(vertex))
            found.append((start, start + deep))
        return found


def _ranks(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Each node after all that it depends on; then those with more edges out than in as late as they can be."""
    into: dict[str, list[str]] = {node: [] for node in nodes}
    out: dict[str, list[str]] = {node: [] for node in nodes}
    for first, second in edges:
        into[second].append(first)
        out[first].append(second)
    rank: dict[str, int] = {}
    for node in nodes:
        rank[node] = max((rank[other] + 1 for other in into[node]), default=0)
    for node in reversed(nodes):
        if len(out[node]) > len(into[node]):
            rank[node] = min(rank[other] for other in out[node]) - 1
    return rank


def _places(rank: Sequence[Vertex]) -> dict[Vertex, int]:
    return {vertex: number for number, vertex in enumerate(rank)}


def _mean(places: Sequence[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _increasing(wishes: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The numbers nearest to `wishes`, by the sum of weighted squares, none of which is below the one before it.

    Neighbours that wish to pass one another get their common mean (pool adjacent violators; Barlow et al. 1972).
    """
    pools: list[tuple[float, float, int]] = []
    for wish, weight in zip(wishes, weights, strict=True):
        value, total, count = wish, weight, 1
        while pools and pools[-1][0] > value:
            before, heavy, many = pools.pop()
            value = (before * heavy + value * total) / (heavy + total)
            total, count = total + heavy, count + many
        pools.append((value, total, count))
    return [value for value, _, count in pools for _ in range(count)]
