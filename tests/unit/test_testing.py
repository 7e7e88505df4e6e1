"""The contract suites find what they are for: each is run here over something that breaks one rule."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from laminar.datastores import Memory
from laminar.engine.artifacts import Archive
from laminar.engine.executor import Exit, Job, Report
from laminar.errors import NotFoundError
from laminar.executors import Thread
from laminar.serde import Json
from laminar.testing import CodecContract, DatastoreContract, ExecutorContract
from laminar.testing.bench import Bench

WAIT_S = 120.0


class Overwrites(Memory):
    def create(self, key: str, data: Any, *, durable: bool = True) -> bool:
        self._data[key] = bytes(data)
        return True


class ChecksThenWrites(Memory):
    """What fsspec's local file system does."""

    def __init__(self) -> None:
        super().__init__()
        self.checked: list[str] = []
        self.twice = threading.Event()

    def create(self, key: str, data: Any, *, durable: bool = True) -> bool:
        if key in self._data:
            return False
        self.checked.append(key)
        if len(self.checked) > 1:
            self.twice.set()
        self.twice.wait(WAIT_S)  # for another one to come through the check
        self._data[key] = bytes(data)
        return True


class WritesInPieces(Memory):
    def __init__(self) -> None:
        super().__init__()
        self.seen = threading.Event()

    def create(self, key: str, data: Any, *, durable: bool = True) -> bool:
        if not super().create(key, bytes(data)[:10]):
            return False
        self.seen.wait(WAIT_S)  # for somebody to read half of it
        self._data[key] = bytes(data)
        return True

    def read(self, key: str) -> Any:
        data = super().read(key)
        if len(data) == 10:
            self.seen.set()
        return data


class Forgetful(Memory):
    def read(self, key: str) -> Any:
        return self._data.get(key, b"")


class Vague(Memory):
    def keys(self, prefix: str) -> Iterator[str]:
        return super().keys(prefix.rstrip("/"))


class Deep(Memory):
    def children(self, prefix: str) -> Iterator[str]:
        return iter([key[len(prefix) :].split("/")[0] for key in self.keys(prefix)])


class Replaces(Memory):
    def append(self, key: str, data: Any) -> None:
        self._data[key] = bytes(data)


class TextOnly(Memory):
    def read(self, key: str) -> Any:
        return bytes(super().read(key)).decode("utf-8", "replace").encode()


class RemovesTheYoung(Memory):
    def remove(self, key: str, *, untouched_since: float = 0.0) -> bool:
        return super().remove(key)


class RefreshesNothing(Memory):
    def refresh(self, key: str) -> bool:
        return key in self._data


class Shares(Memory):
    def read(self, key: str) -> Any:
        try:
            held = self._data[key]
        except KeyError:
            raise NotFoundError(key) from None
        if not isinstance(held, bytearray):
            held = self._data[key] = bytearray(held)  # type: ignore[assignment]
        return held


suite = DatastoreContract()


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Overwrites, suite.test_create_changes_nothing_that_is_there),
        (Overwrites, suite.test_of_many_threads_one_wins_and_readers_see_all_or_nothing),
        (ChecksThenWrites, suite.test_of_many_threads_one_wins_and_readers_see_all_or_nothing),
        (WritesInPieces, suite.test_of_many_threads_one_wins_and_readers_see_all_or_nothing),
        (Forgetful, suite.test_reading_what_is_absent_says_that_it_is_absent),
        (Vague, suite.test_keys_are_those_below_the_prefix),
        (Deep, suite.test_children_are_the_next_segments_each_once),
        (Replaces, suite.test_append_adds_to_what_is_there),
        (Shares, lambda store: suite.test_writing_into_what_was_read_stays_with_the_reader(store, 100)),
        (RemovesTheYoung, suite.test_what_was_touched_since_stays),
        (RemovesTheYoung, suite.test_of_refresh_and_remove_one_comes_first),
        (RefreshesNothing, suite.test_of_refresh_and_remove_one_comes_first),
        (TextOnly, lambda store: suite.test_bytes_of_every_kind_come_back(store, b"\xff")),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("<>"),
)
def test_a_datastore_that_breaks_a_rule_fails(broken: type[Memory], test: Callable[[Memory], None]) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test(broken())


class Rounds(Json):
    def load(self, parts: Any, notes: dict[str, str]) -> Any:
        value = super().load(parts, notes)
        return round(value) if isinstance(value, float) else value


class Clumsy(Json):
    def dump(self, value: Any) -> Any:
        value.append("trace")
        return super().dump(value)


def test_a_codec_that_breaks_a_rule_fails() -> None:
    codecs = CodecContract()
    with pytest.raises(AssertionError):
        codecs.test_values_come_back_from_their_parts(Rounds(), [0.5])
    with pytest.raises(AssertionError):
        codecs.test_values_come_back_from_a_datastore(Rounds(), [0.5], Archive(Memory(), [Rounds()]))
    with pytest.raises(AssertionError):
        codecs.test_dump_leaves_its_value_alone(Clumsy(), [["value"]])
    with pytest.raises(AssertionError, match="give `values` one of more than a MiB"):
        codecs.test_damage_is_found_before_it_is_decoded(Json(), ["small"], Archive(Memory(), [Json()]))


class Doubles(Thread):
    def submit(self, job: Job, report: Report) -> None:
        def twice(job: Job, exit_: Exit) -> None:
            report(job, exit_)
            report(job, exit_)

        super().submit(job, twice)


class Drops(Thread):
    def submit(self, job: Job, report: Report) -> None:
        taken = Job(job.task, job.configuration, lambda data: job.log(data[:-1]), job.committed)
        super().submit(taken, lambda _, exit_: report(job, exit_))


class OneByOne(Thread):
    """Takes a job, and starts it when the one before has ended."""

    def open(self, launch: Any) -> None:
        super().open(launch)
        self._turn = threading.Semaphore()

    def submit(self, job: Job, report: Report) -> None:
        def ended(job: Job, exit_: Any) -> None:
            report(job, exit_)
            self._turn.release()

        if self._turn.acquire(blocking=False):
            super().submit(job, ended)


@pytest.mark.parametrize(
    ("broken", "name", "timeout_s"),
    [
        (Doubles, "test_every_job_reports_exactly_once", WAIT_S),
        (Drops, "test_a_log_is_whole_when_the_job_reports", WAIT_S),
        (OneByOne, "test_jobs_run_side_by_side_and_are_cancelled_apart", 0.5),
    ],
)
def test_an_executor_that_breaks_a_rule_fails(
    broken: type[Thread], name: str, timeout_s: float, tmp_path: Path
) -> None:
    bench = Bench(broken(), Memory(), tmp_path, timeout_s)
    try:
        with pytest.raises(AssertionError):
            getattr(ExecutorContract(), name)(bench)
    finally:
        bench.close()
