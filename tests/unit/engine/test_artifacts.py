from __future__ import annotations

import base64
import json
import math
from enum import Enum
from typing import Any

import dill
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar import wiring
from laminar.datastores import Datastore, Local, Memory
from laminar.engine import layout
from laminar.engine.artifacts import INLINE_BYTES, Archive
from laminar.engine.ports import Codec
from laminar.errors import CorruptError, LaminarError, LayerError, SkewError, StoreError

from .. import strategies as ours


class Colour(Enum):
    RED = "red"


@pytest.fixture
def archive(store: Datastore) -> Archive:
    return wiring.archive(store)


def back(archive: Archive, value: Any) -> Any:
    """`value` after it was saved, recorded and read."""
    return archive.load(json.loads(json.dumps(archive.save(value))), "x", "A")


@given(ours.json_values | st.binary(max_size=3000) | st.sampled_from([Colour.RED, 1j, (1, {2}), 2**63, -(2**63)]))
def test_what_is_read_equals_what_was_saved(value: Any) -> None:
    read = back(wiring.archive(Memory()), value)
    assert read == value
    assert type(read) is type(value)


def test_nan_is_nan(archive: Archive) -> None:
    assert math.isnan(back(archive, math.nan))
    assert back(archive, -math.inf) == -math.inf


@pytest.mark.parametrize(("size", "inline"), [(0, True), (INLINE_BYTES, True), (INLINE_BYTES + 1, False)])
def test_small_content_stays_in_the_entry(store: Datastore, archive: Archive, size: int, inline: bool) -> None:
    entry = archive.save(b"x" * size)
    assert ("inline" in entry, "blob" in entry) == (inline, not inline)
    assert bool(list(store.keys(layout.BLOBS))) != inline
    assert archive.load(entry, "x", "A") == b"x" * size


def test_equal_content_is_stored_once(store: Datastore, archive: Archive) -> None:
    one, two = archive.save(b"x" * 5000), archive.save(b"x" * 5000)
    assert one == two
    assert list(store.keys(layout.BLOBS)) == [layout.blob(one["blob"])]


class Number(int):
    """Not an int to JSON: it would come back as one."""


@pytest.mark.parametrize(
    ("value", "codec"),
    [
        *[(value, "json") for value in (None, True, 1, 0.5, "x", 2**63 - 1, [], {"a": [None, {}]})],
        (b"x", "bytes"),
        *[(value, "numpy") for value in (np.arange(3), np.float32(1), np.datetime64("2020-01-01"))],
        *[(value, "pickle") for value in (2**63, Number(1), (1,), [(1,)], {1: 2}, bytearray(b"x"), Colour.RED)],
        *[(value, "pickle") for value in (np.array([None]), np.ma.array([1]), np.rec.array([(1, 2)]), np.str_("a"))],
    ],
    ids=repr,
)
def test_codecs_are_chosen_by_exact_type(archive: Archive, value: Any, codec: str) -> None:
    assert archive.save(value)["codec"] == codec


def test_an_entry_says_what_it_is_without_being_loaded(archive: Archive) -> None:
    entry = archive.save([1, 2, 3])
    assert (entry["type"], entry["preview"]) == ("list", "list of 3")
    assert archive.save(np.zeros((2, 3), dtype="int8"))["preview"] == "ndarray 2 by 3 int8"


def flip(store: Datastore, entry: dict[str, Any], position: int) -> None:
    key = layout.blob(entry["blob"])
    data = bytearray(store.read(key))
    data[position] ^= 1
    with store.stage() as staged:
        staged.write(data)
        staged.publish(key, replace=True)


@pytest.mark.parametrize("position", [0, 5000, -1])
def test_one_flipped_bit_in_a_blob_is_found_and_named(store: Datastore, archive: Archive, position: int) -> None:
    entry = archive.save([b"x" * 10_000])
    flip(store, entry, position)
    for read in (archive.load, archive.verify):
        with pytest.raises(CorruptError, match="artifact 'model' of Train is corrupt: expected SHA-256") as caught:
            read(entry, "model", "Train")
        assert entry["blob"] in caught.value.message
        assert "--rerun Train" in caught.value.remedy


def test_a_cut_blob_is_found(store: Datastore, archive: Archive) -> None:
    entry = archive.save(np.arange(10_000))
    with store.stage() as staged:
        staged.write(b"short")
        staged.publish(layout.blob(entry["blob"]), replace=True)
    with pytest.raises(CorruptError, match="is corrupt"):
        archive.load(entry, "x", "A")


def test_a_lost_blob_is_named(archive: Archive) -> None:
    entry = archive.save(b"x" * 10_000)
    elsewhere = wiring.archive(Memory())
    for read in (elsewhere.load, elsewhere.verify):
        with pytest.raises(CorruptError, match="artifact 'model' of Train is lost") as caught:
            read(entry, "model", "Train")
        assert "--rerun Train" in caught.value.remedy


def test_a_blob_that_cannot_be_read_is_not_lost(
    store: Datastore, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = archive.save(b"x" * 10_000)

    def refuse(key: str) -> bytes:
        raise StoreError("the network is down")

    monkeypatch.setattr(store, "read", refuse)
    with pytest.raises(StoreError, match="the network is down") as caught:
        archive.load(entry, "x", "A")
    assert type(caught.value) is StoreError


def test_saving_again_mends_a_corrupt_blob(store: Datastore, archive: Archive) -> None:
    entry = archive.save(b"x" * 10_000)
    flip(store, entry, 7)
    assert archive.save(b"x" * 10_000) == entry
    assert archive.load(entry, "x", "A") == b"x" * 10_000


@pytest.mark.parametrize("where", ["memory", "local"])
@pytest.mark.parametrize("shape", [(7,), (300, 500), (1 << 18,)])
def test_arrays_go_out_of_band_and_come_back_writable(where: str, shape: tuple[int, ...], tmp_path: Any) -> None:
    archive = wiring.archive(Memory() if where == "memory" else Local(tmp_path))
    array = np.random.default_rng(0).random(shape)
    entry = archive.save({"array": array, "name": "x"})
    assert len(entry["sizes"]) == (2 if array.nbytes >= 1 << 14 else 1)
    read = archive.load(entry, "x", "A")
    np.testing.assert_array_equal(read["array"], array)
    read["array"][0] = -1
    assert read["array"].flags.writeable
    np.testing.assert_array_equal(archive.load(entry, "x", "A")["array"], array)


def test_parts_lie_at_multiples_of_64_bytes(store: Datastore, archive: Archive) -> None:
    arrays = [np.full(20_000 + odd, odd, dtype="uint8") for odd in (1, 2, 3)]
    entry = archive.save(arrays)
    assert len(store.read(layout.blob(entry["blob"]))) % 64 == 0
    for read, array in zip(archive.load(entry, "x", "A"), arrays, strict=True):
        np.testing.assert_array_equal(read, array)


def test_functions_go_by_value(archive: Archive) -> None:
    factor = 3
    assert back(archive, lambda x: x * factor)(14) == 42


def test_an_array_beside_a_function_goes_out_of_band(archive: Archive) -> None:
    entry = archive.save({"array": np.zeros(100_000), "f": lambda x: x})
    assert max(entry["sizes"][1:], default=0) == 800_000


class Holder:
    def __init__(self, held: Any) -> None:
        self.held = held


class Refuses:
    def __reduce__(self) -> Any:
        raise OSError("this connection cannot be moved")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ((x for x in ()), "the value is a generator"),
        ([1, {"a": (x for x in ())}], "the value[1]['a'] is a generator"),
        (Holder([Refuses()]), "the value.held[0] is a Refuses (OSError: this connection cannot be moved)"),
        ({"a": (0, Holder(iter(x for x in ())))}, "the value['a'][1].held is a generator"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_pickled_is_named_with_its_path(archive: Archive, value: Any, path: str) -> None:
    with pytest.raises(LayerError) as caught:
        archive.save(value)
    assert f"it cannot be pickled: {path}" in caught.value.message
    assert "'_'" in caught.value.remedy


def test_a_value_too_deep_for_pickle_is_an_error_in_words(archive: Archive) -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(LayerError, match="cannot be pickled"):
        archive.save(value)
    while value:  # Python itself cannot free so deep a list at once
        value = value.pop()


def test_an_endless_number_is_saved(archive: Archive) -> None:
    assert back(archive, 10**5000) == 10**5000


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no words")

    __hash__ = object.__hash__


class RuderError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words either")


class RefusesRudely(Refuses):
    def __reduce__(self) -> Any:
        raise RuderError


def test_code_of_the_users_cannot_mask_what_cannot_be_pickled(archive: Archive) -> None:
    with pytest.raises(LayerError, match=r"the value\[<Rude>\] is a RefusesRudely \(RuderError\)"):
        archive.save({Rude(): RefusesRudely()})
    with pytest.raises(LayerError, match="the value, key <Refuses>, is a Refuses"):
        archive.save({Refuses(): 1})


def test_one_of_many_is_found_soon(archive: Archive) -> None:
    with pytest.raises(LayerError, match=r"the value\[99999\] is a Refuses"):
        archive.save([*range(99_999), Refuses()])


def test_what_another_dill_made_of_it_is_refused_by_name(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = archive.save(lambda: 1)
    assert entry["notes"]["dill_version"] == dill.__version__
    entry["notes"]["dill_version"] = "0.1"
    assert archive.load(entry, "f", "A")() == 1  # it can be read, so it is

    def fail(*_: Any) -> None:
        raise TypeError("code() takes 16 arguments")

    monkeypatch.setattr(dill._dill, "_create_code", fail)
    with pytest.raises(SkewError, match=r"artifact 'f' of A: dill 0\.1 wrote it, and dill .* \(TypeError: code\(\)"):
        archive.load(entry, "f", "A")


def test_code_of_another_python_is_refused_by_name(archive: Archive) -> None:
    entry = archive.save(lambda: 1)
    entry["notes"] = {"dill": "2.7"}
    with pytest.raises(SkewError, match=r"artifact 'f' of A: it holds code that Python 2\.7 compiled"):
        archive.load(entry, "f", "A")


def test_a_codec_that_is_not_known_is_named(archive: Archive) -> None:
    with pytest.raises(LaminarError, match="artifact 'x' of A was written by codec 'parquet', which is not known here"):
        archive.load({**archive.save(1), "codec": "parquet"}, "x", "A")


def test_what_cannot_be_imported_here_is_named(archive: Archive) -> None:
    entry = archive.save(Colour.RED)
    pickled = Colour.__module__.encode()
    content = base64.b64decode(entry["inline"]).replace(pickled, b"x" * len(pickled))
    entry["inline"] = base64.b64encode(content).decode()
    with pytest.raises(LaminarError, match=r"artifact 'x' of A \(.*Colour\) cannot be read here: ModuleNotFoundError"):
        archive.load(entry, "x", "A")


def test_the_first_codec_that_accepts_writes(store: Datastore) -> None:
    class Upper(Codec):
        name = "upper"

        def accepts(self, value: Any) -> bool:
            return isinstance(value, str)

        def dump(self, value: Any) -> Any:
            return [value.upper().encode(), b"", memoryview(b"tail")], {"n": "1"}

        def load(self, parts: Any, notes: dict[str, str]) -> Any:
            return [bytes(part) for part in parts], notes

    archive = Archive(store, [Upper()])
    assert back(archive, "abc") == ([b"ABC", b"", b"tail"], {"n": "1"})
    assert back(archive, "abc" * 1000) == ([b"ABC" * 1000, b"", b"tail"], {"n": "1"})
