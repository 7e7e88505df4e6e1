from __future__ import annotations

from typing import Any

import pytest

from laminar.datastores import Datastore
from laminar.engine import usage
from laminar.engine.ledger import Commit, Failure, Ledger, Plan, Started
from laminar.engine.usage import OUT_OF_MEMORY
from laminar.inspection.found import Error, Usage
from laminar.inspection.requests import advice
from laminar.inspection.splits import layer_facts, split_facts
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import Task


def asked(cpu: float = 1, memory: int = 1500) -> dict[str, Any]:
    return {"container": {"cpu": cpu, "memory": memory}}


@pytest.mark.parametrize(
    ("configuration", "usage", "duration_s", "said"),
    [
        (asked(), Usage(30.0, 800.0, "container"), 60.0, []),
        (asked(), Usage(30.0, 48.4, "container"), 60.0, ["asks for 1500 MiB of memory and used 48 at most: less would do"]),
        (asked(memory=300), Usage(None, 48.4, "container"), None, []),
        (asked(), Usage(None, 48.4, "process"), None, []),
        (
            asked(),
            Usage(None, 1350, "process"),
            1.0,
            ["used 1350 of the 1500 MiB of memory that it asks for, which would be its limit in a container"],
        ),
        (
            asked(),
            Usage(None, 1350, "container"),
            1.0,
            ["used 1350 of the 1500 MiB of memory that it asks for: more would be safer"],
        ),
        (asked(1), Usage(60.0, None, "process"), 60.0, []),  # one thread at work: nothing held it back
        (
            asked(1),
            Usage(180.0, None, "process"),
            60.0,
            ["used 3.0 cores on average and asks for 1, which would be its limit in a container"],
        ),
        (asked(4), Usage(54.0, None, "process"), 60.0, ["asks for 4 cores and used 0.9 on average: fewer would do"]),
        (asked(4), Usage(54.0, None, "container"), 60.0, ["asks for 4 cores and used 0.9 on average: fewer would do"]),
        (asked(4), Usage(5.4, None, "container"), 6.0, []),
        (asked(1), Usage(1.0, None, "container"), 60.0, []),
        (
            asked(2),
            Usage(119.0, None, "container"),
            60.0,
            ["used all of the 2 cores that it asks for: with more it is faster, where its work is parallel"],
        ),
        (asked(0.5), Usage(None, None, "container"), 60.0, []),
        (None, Usage(1.0, 1.0, "container"), 60.0, []),
        (asked(), None, 60.0, []),
    ],
)  # fmt: skip
def test_a_request_that_does_not_fit_is_worth_a_sentence(
    configuration: dict[str, Any] | None, usage: Usage | None, duration_s: float | None, said: list[str]
) -> None:
    assert advice(configuration, usage, duration_s) == said


def test_what_was_killed_for_its_memory_is_told_so() -> None:
    used = Usage(None, 1000.0, "container")
    for message, words in (
        (f"{OUT_OF_MEMORY} at 1000 MiB", "was killed at its limit"),
        ("other", "more would be safer"),
    ):
        (said,) = advice(asked(memory=1000), used, errors=[None, Error("user", "", message, "", "")])
        assert words in said


REGISTERED = Configuration(container=Container(memory=60))
RAISED = Configuration(container=Container(memory=180))


def attempted(store: Datastore, number: int, asked: Configuration, index: int = 0) -> tuple[Ledger, Task]:
    """An attempt in an execution whose one layer asks for 60 MiB, unless a hook raised that."""
    made = Ledger(store, "F", "x")
    if made.record() is None:
        made.create("", {})
        facts = {"executor": "docker", "engine": {}, "versions": {}, "target": "", "fingerprint": "", "argv": []}
        made.launch({"graph": {"A": []}, "configurations": {"A": REGISTERED.to_json()}, **facts})
        made.put_plan("A", Plan(2))
    task = Task(layer="A", index=index, splits=2, attempt=number, target="", execution="x", datastore="")
    made.put_started(task, Started(asked, changed=asked is not REGISTERED))
    return made, task


@pytest.mark.parametrize(
    ("peak", "said"),
    [(111.0, []), (175.0, ["used 175 of the 180 MiB of memory that it asks for: more would be safer"])],
)
def test_a_peak_is_held_against_what_that_attempt_asked_for(store: Datastore, peak: float, said: list[str]) -> None:
    made, task = attempted(store, 1, REGISTERED)
    made.put_failure(task, Failure("infrastructure", "", OUT_OF_MEMORY))
    _, task = attempted(store, 2, RAISED)
    made.put_commit(task, Commit(2, {}, usage=usage.Usage(None, peak, "container")))
    facts = layer_facts(made, "A")
    assert facts.layer.memory_peak_at == (0, 2)
    assert facts.advice == [f"split 0 at attempt 2 {sentence}" for sentence in said]
    assert split_facts(made, "A", 0).attempts[-1].advice == said


def test_of_attempts_that_asked_for_different_amounts_a_layer_says_nothing(store: Datastore) -> None:
    made, task = attempted(store, 1, RAISED)
    made.put_commit(task, Commit(1, {}, usage=usage.Usage(None, 175.0, "container")))
    _, task = attempted(store, 1, REGISTERED, index=1)
    used = usage.Usage(None, 60.0, "container")
    made.put_failure(task, Failure("infrastructure", "", f"{OUT_OF_MEMORY} at 60 MiB", usage=used))
    assert layer_facts(made, "A").advice == []
    assert "was killed at its limit, the 60 MiB" in split_facts(made, "A", 1).attempts[0].advice[0]
