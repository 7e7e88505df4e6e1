"""Every executor of laminar passes the suite for executors."""

from __future__ import annotations

import os

import pytest

from laminar.executors import Docker, Executor, Process, Thread
from laminar.testing import ExecutorContract
from laminar.testing.bench import Bench


class TestThread(ExecutorContract):
    processes = False

    @pytest.fixture
    def executor(self) -> Executor:
        return Thread(concurrency=2)

    def test_cancelling_twice_reports_once(self, bench: Bench) -> None:
        super().test_cancelling_twice_reports_once(bench)


class TestProcess(ExecutorContract):
    @pytest.fixture
    def executor(self) -> Executor:
        return Process(concurrency=2)


@pytest.mark.docker
class TestDocker(ExecutorContract):
    @pytest.fixture
    def executor(self) -> Executor:
        return Docker(image=os.environ.get("LAMINAR_TEST_IMAGE"), concurrency=2)
