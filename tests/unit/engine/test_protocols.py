from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from laminar import wiring
from laminar.datastores import Datastore, Local, Memory
from laminar.engine import layout
from laminar.engine.artifacts import Archive
from laminar.errors import CorruptError, LaminarError, LayerError, UsageError
from laminar.serde import Protocol


class Point:
    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class Point3(Point):
    """Not of the exact type."""


class OnBytes(Protocol):
    def dumps(self, value: Point) -> bytes:
        return f"{value.x},{value.y}".encode()

    def loads(self, data: bytes) -> Point:
        assert type(data) is bytes
        return Point(*map(int, data.decode().split(",")))


class OnFiles(Protocol):
    """By a wrapper that closes the file when it is gone."""

    def dump(self, value: Point, file: BinaryIO) -> None:
        csv.writer(io.TextIOWrapper(file)).writerow([value.x, value.y])

    def load(self, file: BinaryIO) -> Point:
        ((x, y),) = csv.reader(io.TextIOWrapper(file))
        return Point(int(x), int(y))


class OnUris(OnBytes):
    """Takes storage over, by what it inherits."""

    name = "points"

    def write(self, value: Point, uri: str) -> None:
        os.mkdir(uri)  # there is nothing yet, and the place for it is there
        Path(uri, "point").write_bytes(self.dumps(value))

    def read(self, uri: str) -> Point:
        return self.loads(Path(uri, "point").read_bytes())


@pytest.fixture
def store(tmp_path: Path) -> Datastore:
    return Local(tmp_path)


def back(archive: Archive, value: Any) -> Any:
    return archive.load(json.loads(json.dumps(archive.save(value))), "x", "A")


@pytest.mark.parametrize("protocol", [OnBytes, OnFiles, OnUris])
def test_values_of_exactly_its_types_are_its(store: Datastore, protocol: type[Protocol]) -> None:
    assert store.protocol(Point, complex)(protocol) is protocol
    archive = wiring.archive(store)
    for value in (Point(1, -2), Point(10**6, 0)):
        assert back(archive, value) == value
    entry = archive.save(Point(1, 2))
    assert entry["protocol"] == (protocol.name or f"{__name__}:{protocol.__name__}")
    assert entry["type"] == f"{__name__}.Point"
    assert archive.save(Point3(1, 2))["codec"] == "pickle"
    (item,) = archive.load_page(archive.save_items([Point(1, 2)]), 0, "x", "A")
    assert item["protocol"] == entry["protocol"]


def test_it_goes_before_what_laminar_would_do() -> None:
    store = Memory()

    @store.protocol(str)
    class Upper(Protocol):
        def dumps(self, value: str) -> bytes:
            return value.upper().encode()

        def loads(self, data: bytes) -> str:
            return data.decode()

    assert back(wiring.archive(store), "text") == "TEXT"
    assert back(wiring.archive(store, pickle="deny"), "text") == "TEXT"
    assert back(wiring.archive(Memory()), "text") == "text"  # no other store is changed
    assert back(wiring.archive(Memory(), store), "text") == "TEXT"


def test_storage_that_is_taken_over_is_new_each_time_and_not_verified(store: Datastore) -> None:
    store.protocol(Point)(OnUris)
    archive = wiring.archive(store)
    one, two = archive.save(Point(1, 2)), archive.save(Point(1, 2))
    assert one["external"] != two["external"]
    places = sorted(store.keys(layout.EXTERNAL))
    assert places == sorted(f"{layout.external(entry['external'])}/point" for entry in (one, two))
    assert not list(store.keys(layout.BLOBS))
    Path(store.place(places[0])).write_text("3,4")
    archive.verify(one, "x", "A")
    archive.verify(archive.save_items([Point(1, 2)]), "x", "A")
    assert Point(3, 4) in [archive.load(entry, "x", "A") for entry in (one, two)]


def test_a_tampered_name_leads_nowhere(store: Datastore) -> None:
    store.protocol(Point)(OnUris)
    archive = wiring.archive(store)
    with pytest.raises(LaminarError, match="is no name of an external artifact"):
        archive.load({**archive.save(Point(1, 2)), "external": "../../etc"}, "x", "A")


def test_what_it_wrote_is_verified_unless_it_takes_storage_over(store: Datastore) -> None:
    @store.protocol(Point)
    class Wide(OnBytes):
        def dumps(self, value: Point) -> bytes:
            return super().dumps(value).rjust(5000)

    archive = wiring.archive(store)
    entry = archive.save(Point(1, 2))
    with store.stage() as staged:
        staged.write(b" " * 5000)
        staged.publish(layout.blob(entry["blob"]), replace=True)
    with pytest.raises(CorruptError, match="artifact 'x' of A is corrupt"):
        archive.load(entry, "x", "A")


def test_an_artifact_of_a_protocol_that_is_not_there_is_named(store: Datastore) -> None:
    store.protocol(Point)(OnBytes)
    entry = wiring.archive(store).save(Point(1, 2))
    with pytest.raises(LaminarError) as caught:
        wiring.archive(Memory()).load(entry, "model", "Train")
    assert caught.value.message == (
        f"artifact 'model' of Train was written by protocol '{__name__}:OnBytes', which is not known here."
    )
    assert caught.value.remedy.startswith("Register it with @datastore.protocol to the datastore of the flow")


class Half(Protocol):
    def dumps(self, value: Point) -> bytes:
        return b""


class Deaf(Protocol):
    def load(self, file: BinaryIO) -> None: ...


class Blank(Protocol):
    """Implements nothing."""


class Other(OnBytes):
    name = "points"


@pytest.mark.parametrize(
    ("types", "protocol", "words"),
    [
        ((Point,), Half, "protocol Half has dumps, but no loads"),
        ((Point,), Deaf, "protocol Deaf has load, but no dump"),
        ((Point,), Blank, "protocol Blank cannot write anything"),
        ((Point,), Point, "it is no protocol"),
        ((complex, bytes), OnBytes, "bytes has a protocol in this datastore already: 'points'"),
        ((Point,), Other, "two protocols of this datastore are named 'points'"),
        ((), OnBytes, "without the types that it is for"),
        ((OnBytes,), None, "without the types that it is for"),
        (("Point",), OnBytes, "without the types that it is for"),
    ],
)
def test_what_cannot_be_registered_says_why(store: Datastore, types: Any, protocol: Any, words: str) -> None:
    store.protocol(bytes)(OnUris)
    with pytest.raises(UsageError) as caught:
        store.protocol(*types)(protocol)
    assert words in caught.value.message
    assert caught.value.remedy


def test_a_store_that_has_no_place_refuses_what_takes_storage_over() -> None:
    with pytest.raises(UsageError, match="OnUris takes storage over, and the memory datastore has no place for it"):
        Memory().protocol(Point)(OnUris)


def test_dumps_that_returns_no_bytes_is_named(store: Datastore) -> None:
    @store.protocol(Point)
    class Text(OnBytes):
        name = "text"

        def dumps(self, value: Point) -> Any:
            return "1,2"

    with pytest.raises(LayerError, match="dumps of protocol 'text' returned a str"):
        wiring.archive(store).save(Point(1, 2))


def test_with_pickle_denied_nothing_of_a_pickle_is_even_read() -> None:
    class Closed(Memory):
        def read(self, key: str) -> Any:
            raise AssertionError("it was read")

    archive = wiring.archive(Closed(), pickle="deny")
    entry = archive.save({"big": (b"x" * 5000,)})
    with pytest.raises(UsageError) as caught:
        archive.load(entry, "model", "Train")
    assert caught.value.message == (
        "artifact 'model' of Train is a pickle of dict, and `pickle: deny` is set: it was not loaded."
    )
    assert "LAMINAR_PICKLE=allow" in caught.value.remedy
