"""The suite that every executor passes: real layers, in whatever the executor starts for them."""

# ruff: noqa: D102 - the names of the tests are sentences

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

from laminar import launch, wiring
from laminar.engine.executor import Executor, Exit
from laminar.engine.ledger import Ledger
from laminar.engine.ports import Datastore
from laminar.errors import UsageError
from laminar.testing.bench import Bench
from laminar.testing.sample import LINES, FanFlow, Sink


class ExecutorContract:
    """What laminar relies on in an executor. Override the fixture `executor`, and `store` where it needs another.

    Attributes:
        processes: Whether each attempt runs in a process of its own. Without, what would end this process is skipped.
        timeout_s: How long the executor may take to start and end one attempt.
    """

    processes = True
    timeout_s = 120.0

    @pytest.fixture
    def executor(self) -> Executor:
        """The executor, with a `concurrency` of 2 where it takes one."""
        raise NotImplementedError("override the fixture `executor`")

    @pytest.fixture
    def store(self, tmp_path: Path) -> Datastore:
        """A datastore that the executor's processes can open: a directory."""
        return wiring.datastore(str(tmp_path / "store"))

    @pytest.fixture
    def bench(self, executor: Executor, store: Datastore, project: Path) -> Iterator[Bench]:
        """The executor, opened when the test first uses it, closed when the test has ended."""
        store.check()
        bench = Bench(executor, store, project, self.timeout_s)
        yield bench
        bench.close()

    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An empty project directory, and the working directory."""
        folder = tmp_path / "project"
        folder.mkdir()
        monkeypatch.chdir(folder)
        return folder

    def _only_processes(self) -> None:
        if not self.processes:
            pytest.skip("attempts run in this process")

    def test_a_layer_is_evaluated_and_commits(self, bench: Bench) -> None:
        exit_ = bench.run("Tells")
        assert exit_ == Exit(code=0)
        assert bench.committed("Tells")
        assert bench.run("Adds") == Exit(code=0)
        assert bench.value("Adds", "total") == 1
        assert all(bench.notices), "a job was said to have committed before it had"

    def test_an_attempt_knows_what_it_is(self, bench: Bench) -> None:
        bench.exit_of(bench.submit("Tells", attempt=3, index=0, splits=4))
        assert bench.value("Tells", "told") == ["Tells", 0, 4, 3, bench.ledger.execution]

    def test_an_error_of_the_layer_is_recorded_and_no_success(self, bench: Bench) -> None:
        exit_ = bench.run("Fails")
        assert exit_.code not in (0, None)
        assert not bench.committed("Fails")
        failure = bench.ledger.failure("Fails", 0, 1)
        assert failure is not None
        assert (failure.kind, failure.error, failure.message) == ("user", "ValueError", "on purpose")

    def test_an_exit_code_is_the_processes_own(self, bench: Bench) -> None:
        self._only_processes()
        assert bench.run("Exits") == Exit(code=7)
        assert not bench.committed("Exits")

    def test_a_killed_process_is_no_success(self, bench: Bench) -> None:
        self._only_processes()
        exit_ = bench.run("Dies")
        assert exit_.code in (-9, 137)
        assert exit_.error is None
        assert not bench.committed("Dies")

    def test_the_environment_is_the_containers_and_without_the_task(self, bench: Bench) -> None:
        self._only_processes()
        bench.run("Environment")
        assert bench.value("Environment", "value") == "a value = with, signs"
        assert bench.value("Environment", "task") == []

    def test_a_log_is_whole_when_the_job_reports(self, bench: Bench) -> None:
        job = bench.submit("Prints")
        assert bench.exit_of(job).code == 0
        lines = [f"{number} été" for number in range(LINES)]
        assert bench.logs[job].decode().splitlines() == [*lines, "the last words"]

    def test_what_goes_to_stderr_is_in_the_log(self, bench: Bench) -> None:
        job = bench.submit("Tells")
        assert bench.exit_of(job).code == 0
        assert "told" in bench.logs[job].decode().splitlines()

    def test_every_job_reports_exactly_once(self, bench: Bench) -> None:
        jobs = [bench.submit("Tells", index=index, splits=4) for index in range(4)]
        jobs += [bench.submit("Fails", attempt=attempt, index=attempt - 1, splits=2) for attempt in (1, 2)]
        for job in reversed(jobs):
            bench.exit_of(job)
        bench.executor.cancel(jobs[0])  # it has ended: nothing happens
        bench.close()
        assert bench.counts == {job.task.address: 1 for job in jobs}
        assert all(bench.committed("Tells", index) for index in range(4))

    def test_jobs_run_side_by_side_and_are_cancelled_apart(self, bench: Bench) -> None:
        one, two = bench.submit("Hangs", index=0, splits=2), bench.submit("Hangs", index=1, splits=2)
        bench.wait_until_it_hangs(one)
        bench.wait_until_it_hangs(two)
        bench.executor.cancel(two)
        assert bench.exit_of(two).code != 0
        assert bench.counts == {"Hangs/1": 1}
        bench.executor.cancel(one)
        assert bench.exit_of(one).code != 0
        assert not bench.committed("Hangs", 0)
        assert not bench.committed("Hangs", 1)

    def test_a_job_that_is_cancelled_at_once_ends(self, bench: Bench) -> None:
        job = bench.submit("Hangs")
        bench.executor.cancel(job)  # it may not have started yet
        assert bench.exit_of(job).code != 0
        assert not bench.committed("Hangs")

    def test_what_is_expected_runs_when_it_is_submitted_and_not_before(self, bench: Bench) -> None:
        bench.expect("Tells", "Exits")
        assert bench.run("Tells") == Exit(code=0)
        bench.expect("Adds")
        bench.expect()
        bench.close()
        assert bench.counts == {"Tells/0": 1}
        assert not bench.committed("Adds")

    def test_what_is_expected_may_come_otherwise(self, bench: Bench) -> None:
        self._only_processes()
        changed = bench.configuration("Environment")
        changed.container.env = {"LAMINAR_SAMPLE": "another"}
        bench.executor.expect({bench.task("Environment"): changed})
        assert bench.run("Environment") == Exit(code=0)
        assert bench.value("Environment", "value") == "a value = with, signs"

    def test_what_was_expected_prints_ends_and_is_cancelled_as_anything_else(self, bench: Bench) -> None:
        self._only_processes()
        bench.expect("Prints", "Dies", "Hangs")
        job = bench.submit("Prints")
        assert bench.exit_of(job).code == 0
        assert bench.logs[job].endswith(f"{LINES - 1} été\nthe last words".encode())
        assert bench.run("Dies").code in (-9, 137)
        job = bench.submit("Hangs")
        bench.executor.cancel(job)
        assert bench.exit_of(job).code != 0

    def test_cancelling_twice_reports_once(self, bench: Bench) -> None:
        job = bench.submit("Hangs")
        bench.wait_until_it_hangs(job)
        bench.executor.cancel(job)
        bench.executor.cancel(job)
        bench.exit_of(job)
        bench.close()
        assert bench.counts == {"Hangs/0": 1}

    def test_a_store_that_nobody_else_sees_is_refused(self, executor: Executor, project: Path) -> None:
        self._only_processes()
        from laminar.datastores.memory import Memory

        with pytest.raises(UsageError, match="datastore"):
            _ = Bench(executor, Memory(), project, self.timeout_s).executor

    def test_it_says_what_it_is_and_what_it_has(self, bench: Bench) -> None:
        capacity = bench.executor.capacity()
        assert all(bound is None or bound > 0 for bound in (capacity.cpu, capacity.memory, capacity.jobs))
        assert json.loads(json.dumps(bench.executor.facts())) == bench.executor.facts()
        assert bench.executor.name
        assert bench.executor.summary

    def test_a_flow_runs_within_its_bound(self, executor: Executor, store: Datastore, project: Path) -> None:
        flow = FanFlow(datastore=store, executor=executor)
        settings = launch.settings_of(flow, {"progress": "quiet"})
        execution = launch.schedule(flow, settings=settings)
        assert flow.execution(execution).layer(Sink).total == 1 + 4 + 9 + 16
        ledger = Ledger(store, flow.name, execution)
        commits = [commit for node in flow.graph() if (commit := ledger.commit(node.name, 0))]
        assert len(commits) == 6
        # At one time those are evaluated that began before it and had not ended.
        moments = sorted(moment for commit in commits for moment in ((commit.started, 1), (commit.finished, -1)))
        most = max(accumulate(change for _, change in moments))
        assert most <= (getattr(executor, "concurrency", None) or 4)
