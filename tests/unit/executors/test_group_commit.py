from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from functools import partial

import pytest

from laminar.errors import StoreError
from laminar.executors.group_commit import GroupCommit

WAIT_S = 120.0


class Disk:
    """Puts groups, each when it is told to."""

    def __init__(self) -> None:
        self.begun: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        self.go_on = threading.Semaphore(0)
        self.error: Exception | None = None
        self.told: queue.SimpleQueue[tuple[int, BaseException | None]] = queue.SimpleQueue()
        self.commits = GroupCommit(self.commit)

    def commit(self, group: Sequence[int]) -> None:
        self.begun.put(list(group))
        assert self.go_on.acquire(timeout=WAIT_S)
        if self.error:
            raise self.error

    def put(self, number: int) -> None:
        self.commits.put(number, lambda error: self.told.put((number, error)))

    def tells(self, count: int) -> list[tuple[int, BaseException | None]]:
        return [self.told.get(timeout=WAIT_S) for _ in range(count)]


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_what_comes_while_a_group_is_put_is_the_next_group(disk: Disk) -> None:
    disk.put(0)
    assert disk.begun.get(timeout=WAIT_S) == [0], "the first one waits for no other"
    for number in (1, 2, 3):
        disk.put(number)
    disk.go_on.release()
    assert disk.tells(1) == [(0, None)]
    assert disk.begun.get(timeout=WAIT_S) == [1, 2, 3]
    assert disk.told.empty(), "nobody is told before it is durable"
    disk.go_on.release()
    assert disk.tells(3) == [(1, None), (2, None), (3, None)]
    disk.commits.close(WAIT_S)


@pytest.mark.parametrize("error", [StoreError("the disk is full"), RuntimeError("what nobody expects")])
def test_all_of_a_group_hear_why_it_cannot_be_put_and_the_next_one_is(disk: Disk, error: Exception) -> None:
    disk.error = error
    disk.put(0)
    disk.go_on.release()
    assert disk.tells(1) == [(0, error)]
    disk.error = None
    disk.put(1)
    disk.go_on.release()
    assert disk.tells(1) == [(1, None)]
    disk.commits.close(WAIT_S)


def test_one_that_cannot_be_put_fails_alone() -> None:
    held, there = threading.Event(), list[int]()

    def commit(group: Sequence[int]) -> None:
        assert held.wait(WAIT_S)
        for number in group:
            if number < 0:
                raise StoreError(f"no {number}")
            there.append(number)

    commits, heard = GroupCommit(commit), dict[int, BaseException | None]()
    for number in (0, 1, -2, 3, -4, 5):
        commits.put(number, partial(heard.__setitem__, number))
    held.set()
    commits.close(WAIT_S)
    assert {number: error and str(error) for number, error in heard.items()} == {
        **dict.fromkeys((0, 1, 3, 5)),
        -2: "no -2",
        -4: "no -4",
    }
    assert set(there) == {0, 1, 3, 5}


def test_what_waits_when_it_is_closed_is_put(disk: Disk) -> None:
    for number in range(3):
        disk.put(number)
        disk.go_on.release()
    disk.commits.close(WAIT_S)
    assert disk.tells(3) == [(number, None) for number in range(3)]


def test_who_has_one_too_many_waits_and_to_leave_at_once_waits_for_nothing(disk: Disk) -> None:
    disk.put(-1)
    disk.begun.get(timeout=WAIT_S)
    for number in range(64):
        disk.put(number)
    late = threading.Thread(target=disk.put, args=(64,))
    late.start()
    disk.commits.close(timeout_s=0)
    assert disk.told.empty()
    disk.go_on.release(100)
    late.join(WAIT_S)
    assert {number for number, _ in disk.tells(66)} == set(range(-1, 65))
