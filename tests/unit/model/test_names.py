from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.engine import layout
from laminar.errors import UsageError
from laminar.model import names

CONTRACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def accepts(text: str) -> bool:
    try:
        return names.execution_id(text) == text
    except UsageError:
        return False


@given(st.one_of(st.text(), st.from_regex(CONTRACT, fullmatch=True), st.text("aA0._-/\0\n", max_size=140)))
def test_the_ids_accepted_are_those_of_the_contract_without_two_dots(text: str) -> None:
    assert accepts(text) == bool(CONTRACT.fullmatch(text) and ".." not in text)


@given(st.text())
def test_no_id_accepted_leaves_its_directory(text: str) -> None:
    if accepts(text):
        path = os.path.normpath(os.path.join("/store", layout.execution("Flow", text)))
        assert path == f"/store/runs/Flow/{text}"


@pytest.mark.parametrize(
    "text", ["", ".", "..", "-x", ".x", "_x", "a/b", "a\\b", "a\0", "a\n", "\na", "a b", "é", "x" * 129, "a..b"]
)
def test_an_id_that_is_none_is_refused_in_words(text: str) -> None:
    with pytest.raises(UsageError, match="invalid execution id") as caught:
        names.execution_id(text)
    assert caught.value.remedy
    assert len(caught.value.message) < 200


@given(st.lists(st.integers(0, 1 << 46), min_size=2, max_size=5, unique=True))
def test_new_ids_sort_by_time(times: list[int]) -> None:
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        for now in times:
            patch.setattr(names.time, "time", lambda now=now: (now + 0.5) / 1000)
            made[now] = names.new_execution_id()
    assert all(accepts(identity) and len(identity) == 16 for identity in made.values())
    assert [made[now] for now in sorted(times)] == sorted(made.values())


def test_new_ids_of_one_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names.time, "time", lambda: 1.0)
    assert len({names.new_execution_id() for _ in range(1000)}) == 1000


@given(st.text())
def test_class_names_are_identifiers(text: str) -> None:
    if text.isidentifier() and len(text.encode()) <= 128:
        assert names.class_name(text) == text
    else:
        with pytest.raises(UsageError, match="invalid name"):
            names.class_name(text)


def test_a_class_name_has_128_bytes_at_most() -> None:
    assert names.class_name("é" * 64)
    with pytest.raises(UsageError):
        names.class_name("é" * 65)


def test_nearest_suggests_what_is_close_only() -> None:
    assert names.nearest("Trian", ["Train", "Load"]) == " Did you mean 'Train'?"
    assert names.nearest("xyz", ["Train", "Load"]) == ""
