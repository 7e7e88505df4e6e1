from __future__ import annotations

import itertools
import os
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.engine.executor import Job
from laminar.executors.output import follow, until_closed, until_ended
from laminar.model.configuration import Configuration
from laminar.model.wire import COMMITTED, Task

TASK = Task(target="m:F", execution="x", layer="A", datastore="/store")


def followed(pieces: list[bytes], seen: int = 0) -> tuple[bytes, int, bytes]:
    """What the log got, how often the notice was seen, and the last words, of output that comes in these pieces."""
    log, notices = bytearray(), list[int]()
    job = Job(TASK, Configuration(), log.extend, lambda: notices.append(len(log)))
    # A socket of packets: each read returns one piece, as a pipe does that is read as fast as it is written.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        writer = threading.Thread(target=lambda: [*map(theirs.send, pieces), theirs.shutdown(socket.SHUT_WR)])
        writer.start()
        last, came = follow(until_closed(ours.fileno()), job, seen)
        writer.join()
    assert came == sum(map(len, pieces))
    return bytes(log), len(notices), last


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place for place in places if place < len(data))})
    return [data[start:end] for start, end in itertools.pairwise(at)]


outputs = st.lists(st.binary(max_size=9) | st.sampled_from([b"\x1e", b"\x1elaminar", b"line\n"]), max_size=6).map(
    b"".join
)
anywhere = st.lists(st.integers(0, 120), max_size=12)


@given(outputs, anywhere, st.integers(0, 60))
def test_output_without_the_notice_is_the_log_but_for_what_was_had_before(
    data: bytes, places: list[int], seen: int
) -> None:
    log, notices, last = followed(cut(data, places), seen)
    if COMMITTED not in data:
        assert (log, notices, last) == (data[seen:], 0, data[seen:])


def test_the_notice_is_taken_out_where_it_comes_in_one_piece() -> None:
    assert followed([b"before\n", COMMITTED, b"after\n"]) == (b"before\nafter\n", 1, b"before\nafter\n")
    assert followed([b"before\n" + COMMITTED + b"after\n"]) == (b"before\nafter\n", 1, b"before\nafter\n")
    assert followed([COMMITTED, COMMITTED])[:2] == (COMMITTED, 1), "whoever prints it again wants it in the log"


def test_what_was_printed_before_the_commit_is_passed_on_before_that_is_said() -> None:
    told: list[object] = []
    job = Job(TASK, Configuration(), told.append, lambda: told.append("committed"))
    follow([b"before\n" + COMMITTED + b"after\n"], job)
    assert told == [b"before\n", "committed", b"after\n"]


LAST = len(COMMITTED) - 1


@pytest.mark.parametrize("place", range(1, LAST + 1))
def test_the_notice_is_found_wherever_it_is_cut(place: int) -> None:
    assert followed([b"before\n" + COMMITTED[:place], COMMITTED[place:] + b"after"])[:2] == (b"before\nafter", 1)


def test_a_notice_after_what_looks_like_the_beginning_of_one_is_found_too() -> None:
    for before in (b"\x1e", b"\x1elam", COMMITTED[:-1]):
        for place in range(1, len(COMMITTED)):
            assert followed([before + COMMITTED[:place], COMMITTED[place:]])[:2] == (before, 1)


@pytest.mark.parametrize("holds", [True, False], ids=["another holds the pipe", "nobody does"])
def test_what_a_process_has_written_is_read_to_its_end_whoever_holds_the_pipe(holds: bool) -> None:
    output, writes = os.pipe()
    ended, end = os.pipe()
    pieces = until_ended(output, ended)
    os.write(writes, b"first")
    assert next(pieces) == b"first"
    os.write(writes, b"its last words")
    if not holds:
        os.close(writes)
    os.close(end)
    assert next(pieces) == b"its last words"
    if holds:
        os.write(writes, b"of what it has left running")
    assert list(pieces) == []


def test_the_last_words_are_4_kib_at_most() -> None:
    log, _, last = followed([b"x" * 3000] * 10 + [b"end"])
    assert last == (b"x" * 4093) + b"end"
    assert len(log) == 30_003
