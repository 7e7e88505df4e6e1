"""Progress as JSON: each event, as docs/json.md describes it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from laminar import Flow, Layer, launch
from laminar.configurations import layers
from laminar.datastores import Memory
from laminar.engine.events import Event
from laminar.errors import ExecutionError
from laminar.executors import Thread
from laminar.progress.objects import Objects, name_of

PAGE = (Path(__file__).parents[3] / "docs" / "json.md").read_text().split("## `--progress json`")[1]
KINDS = get_args(Event)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_every_event_is_described(kind: type[Event]) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name_of(kind)}` ")]
    assert {*kind._fields} - {"at"} <= set(re.findall(r"`(\w+)`", row))


def test_a_run_as_objects() -> None:
    class Fails(Layer):
        def __call__(self) -> None:
            raise ValueError("no")

    flow = type("F", (Flow,), {})
    flow.register(retry=layers.Retry(attempts=2, delay=0, jitter=0))(Fails)
    stream = io.StringIO()
    with pytest.raises(ExecutionError):
        launch.schedule(flow(datastore=Memory(), executor=Thread()), execution="x", observers=[Objects(stream)])
    found: list[dict[str, Any]] = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {each["version"] for each in found} == {1}
    assert [each["at"] for each in found] == sorted(each["at"] for each in found)
    assert [each["event"] for each in found] == [
        "began",
        "layer_planned",
        *["attempt_started", "attempt_failed"] * 2,
        "ended",
    ]
    assert (found[0]["execution"], found[0]["layers"]) == ("x", {"Fails": []})
    assert [each["retry_s"] for each in found if each["event"] == "attempt_failed"] == [0, None]
    assert (found[-1]["outcome"], found[-1]["failed_at"]) == ("failed", "Fails/0")
