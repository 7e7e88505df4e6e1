from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.datastores import Datastore
from laminar.engine import records
from laminar.errors import CorruptError, StoreError

from .. import strategies as ours

OWN = {"laminar", "format", "sha256"}
documents = st.dictionaries(st.text().filter(lambda name: name not in OWN), ours.json_values, max_size=5)


@given(st.text(), documents)
def test_a_record_is_json_and_reads_back(kind: str, document: dict[str, Any]) -> None:
    data = records.encode(kind, document)
    read = records.decode(kind, data, "somewhere")
    assert json.loads(data) == read
    assert {name: value for name, value in read.items() if name not in OWN} == document


@given(documents, st.data())
def test_one_flipped_bit_is_found(document: dict[str, Any], data: st.DataObject) -> None:
    raw = bytearray(records.encode("kind", document))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptError, match="somewhere is unreadable"):
        records.decode("kind", raw, "somewhere")


def test_every_flipped_bit_and_every_cut_of_a_record_is_found() -> None:
    raw = records.encode("commit", {"attempt": 1, "artifacts": {"x": {"inline": "MQ=="}}})
    damaged = [raw[:size] for size in range(len(raw))] + [raw + b" ", raw + raw, b"\0" * len(raw)]
    for position in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        damaged.append(bytes(flipped))
    for data in damaged:
        with pytest.raises(CorruptError, match="checksum does not match"):
            records.decode("commit", data, "somewhere")


@given(documents, st.binary())
def test_what_is_no_record_is_never_read_as_one(document: dict[str, Any], data: bytes) -> None:
    with pytest.raises(CorruptError):
        records.decode("kind", data, "somewhere")


def test_a_record_of_a_newer_laminar_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(records, "FORMAT", records.FORMAT + 1)
        data = records.encode("kind", {"a": 1})
    with pytest.raises(CorruptError, match="somewhere has record format 2") as caught:
        records.decode("kind", data, "somewhere")
    assert "newer laminar" in caught.value.remedy


def test_a_record_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(CorruptError, match="is a 'plan' record, where a 'commit' one belongs"):
        records.decode("commit", records.encode("plan", {}), "somewhere")


def test_the_first_one_wins_and_what_is_absent_is_none(store: Datastore) -> None:
    assert records.load(store, "key", "kind") is None
    assert records.create(store, "key", "kind", {"a": 1})
    assert not records.create(store, "key", "kind", {"a": 2})
    found = records.load(store, "key", "kind")
    assert found is not None
    assert found["a"] == 1


def test_an_unknown_error_is_not_taken_for_absence(store: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(key: str) -> bytes:
        raise StoreError("cannot read")

    monkeypatch.setattr(store, "read", refuse)
    with pytest.raises(StoreError, match="cannot read"):
        records.load(store, "key", "kind")
