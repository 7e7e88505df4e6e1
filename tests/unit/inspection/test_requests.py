from __future__ import annotations

from typing import Any

import pytest

from laminar.engine.usage import OUT_OF_MEMORY
from laminar.inspection.found import Error, Usage
from laminar.inspection.requests import advice


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
    usage = Usage(None, 1000.0, "container")
    for message, words in (
        (f"{OUT_OF_MEMORY} at 1000 MiB", "was killed at its limit"),
        ("other", "more would be safer"),
    ):
        (said,) = advice(asked(memory=1000), usage, errors=[None, Error("user", "", message, "", "")])
        assert words in said
