"""`examples/memory_that_grows/`: what each split asked for, and how often it was tried."""

from __future__ import annotations


def test_memory_follows_the_input_and_doubles_after_each_failure(project, example, run):
    example("memory_that_grows")
    found = run()(
        sizes="run.layer(Archives).sizes",
        unpacked="list(run.layer(Unpack).unpacked)",
        seen="list(run.layer(Unpack).memory)",
        ran_with="[run.layer(Unpack, index=i).configuration.container.memory for i in range(3)]",
        attempts="[run.layer(Unpack, index=i).attempt for i in range(3)]",
        id="run.id",
    )
    execution = found.pop("id")
    assert found == {
        "sizes": [1, 20, 0],
        "unpacked": [1, 20, 100],
        "seen": [132, 208, 512],
        "ran_with": [132, 208, 512],
        "attempts": [1, 1, 3],
    }
    ledger = project.ledger("UnpackFlow", execution)
    failures = [ledger.failure("Unpack", 2, attempt) for attempt in (1, 2)]
    assert [failure.error for failure in failures] == ["MemoryError", "MemoryError"]
    assert "more than 64 MiB come out" in failures[1].message
