from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.datastores import Datastore, Memory
from laminar.engine import logs
from laminar.engine.logs import LogWriter
from laminar.errors import StoreError

outputs = st.lists(st.binary(max_size=40) | st.sampled_from([b"\n", b"\r", b"\r\n", "é".encode(), b"x" * 5000])).map(
    b"".join
)


def chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def written(data: list[bytes]) -> tuple[list[str], list[str], bytes]:
    """Lines shown, tail, and what is in the store."""
    store, lines = Memory(), list[str]()
    writer = LogWriter(store, "log", lines.append)
    for piece in data:
        writer.write(piece)
    writer.close()
    return lines, writer.tail, bytes(store.read("log")) if any(data) else b""


@given(outputs, st.lists(st.integers(0, 20_000)))
def test_pieces_of_any_size_give_the_same_lines_and_the_same_log(data: bytes, cuts: list[int]) -> None:
    lines, tail, kept = written(chunks(data, cuts))
    assert kept == data
    shown = [line.rstrip(b"\r").rpartition(b"\r")[2] for line in data.split(b"\n")]
    whole = [line[:4096].decode("utf-8", "replace") for line in shown]
    if data.endswith(b"\n") or not data:
        whole.pop()
    assert lines == whole
    assert tail == whole[-20:]


def test_invalid_utf8_is_shown_and_kept_as_it_is() -> None:
    lines, _, kept = written([b"\xff\xc3", b"(\n\xc3", b"\xa9\n"])
    assert lines == ["\ufffd\ufffd(", "é"]
    assert kept == b"\xff\xc3(\n\xc3\xa9\n"


def test_a_line_without_an_end_needs_no_memory_and_is_cut() -> None:
    writer = LogWriter(Memory(), "log")
    for _ in range(1000):
        writer.write(b"x" * 1000)
        assert len(writer._open) <= 4096
    assert writer.tail == ["x" * 4096]


def test_the_last_line_is_what_a_terminal_shows_now() -> None:
    writer = LogWriter(Memory(), "log")
    seen = []
    for piece in (b"", b"reading\n", b"\n", b"\r 10%", b"\r 20%\r", b"\r", b"30", b"%", b"\n", b"  \n"):
        writer.write(piece)
        seen.append(writer.last)
    assert seen == ["", "reading", "reading", "10%", "20%", "20%", "30", "30%", "30%", "30%"]
    for number in range(2000):
        writer.write(b"\r%d of 2000" % number)
        assert len(writer._open) <= 4097
    assert writer.last == "1999 of 2000"


def test_beyond_the_cap_it_is_dropped_and_the_log_says_so(store: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "CAP_BYTES", 1 << 20)
    lines: list[str] = []
    writer = LogWriter(store, "log", lines.append)
    for number in range(3000):
        writer.write(f"{number:>999}\n".encode())
    kept = bytes(store.read("log"))
    notice = b"\n[laminar: the rest is dropped; a log is kept up to 1 MiB]\n"
    assert kept.endswith(notice)
    assert kept.count(b"[laminar:") == 1
    assert len(kept) == (1 << 20) + len(notice)
    assert len(lines) == 3000  # what is shown goes on
    assert writer.tail[-1].strip() == "2999"


def test_a_log_of_exactly_the_cap_is_whole(store: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "CAP_BYTES", 1000)
    LogWriter(store, "log").write(b"x" * 1000)
    assert bytes(store.read("log")) == b"x" * 1000


def test_a_store_that_refuses_decides_nothing(store: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(key: str, data: bytes) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(store, "append", refuse)
    lines: list[str] = []
    LogWriter(store, "log", lines.append).write(b"one\ntwo\n")
    assert lines == ["one", "two"]
