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


class Overwrites(Memory):
    def create(self, key: str, data: Any, *, durable: bool = True) -> bool:
        self._data[key] = bytes(data)
        return True


class ChecksThenWrites(Memory):
    """What fsspec's local file system does."""

    def __init__(self) -> None:
        super().__init__()
        self.between = threading.Barrier(2)

    def create(self, key: str, data: Any, *, durable: bool = True) -> bool:
        if key in self._data:
            return False
        try:
            self.between.wait(0.01)  # let another one through the check
        except threading.BrokenBarrierError:
            self.between.reset()
        self._data[key] = bytes(data)
        return True


class WritesInPieces(Memory):
    def create(self, key: str, data: Any, *, durable: bool = True) -> bool:
        if not super().create(key, bytes(data)[:10]):
            return False
        threading.Event().wait(0.0005)
        self._data[key] = bytes(data)
        return True


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
    ("broken", "name"),
    [
        (Doubles, "test_every_job_reports_exactly_once"),
        (Drops, "test_a_log_is_whole_when_the_job_reports"),
        (OneByOne, "test_jobs_run_side_by_side_and_are_cancelled_apart"),
    ],
)
def test_an_executor_that_breaks_a_rule_fails(broken: type[Thread], name: str, tmp_path: Path) -> None:
    bench = Bench(broken(), Memory(), tmp_path, timeout_s=0.5)
    try:
        with pytest.raises(AssertionError):
            getattr(ExecutorContract(), name)(bench)
    finally:
        bench.close()
