"""An execution of thousands of splits, as hours of work would leave it, written in a second: its records, file by file."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

from laminar.datastores import Local
from laminar.engine import layout, records
from laminar.engine.ledger import Ledger
from laminar.model.configuration import Configuration, Container, Retry

BEGAN = 1_790_000_000.0
"""When it began, in seconds since 1970: 2026-09-21 14:13:20 UTC."""

SLOTS = 40
"""Splits that run at one time."""


class Survey:
    """Writes the execution `s` of the flow Survey, which failed.

    `Source` is cut into `splits` splits of `Process`; some fail, some are tried again; `Join` waits for them.
    """

    def __init__(self, root: Path, splits: int, *, failing: range) -> None:
        self.ledger = Ledger(Local(root), "Survey", "s")
        self._root = root
        self._chance = random.Random(splits)
        self._whole()
        self.end = BEGAN + 9
        slots = [BEGAN + 9.0] * min(SLOTS, max(splits, 1))
        self._put(layout.plan("Survey", "s", "Process"), "plan", splits=splits, grid=_grid(splits), skipped="")
        for index in range(splits):
            slot = slots.index(min(slots))
            slots[slot] = self._split(index, splits, slots[slot], fails=index in failing) + 0.1
        self.end = max(slots)
        self._put(layout.lease("Survey", "s", 1, "ended.json"), "ended", outcome="failed", at=self.end)

    def _whole(self) -> None:
        asks = Configuration(container=Container(cpu=2, memory=4000), retry=Retry(attempts=3)).to_json()
        graph = {"Source": [], "Process": ["Source"], "Join": ["Process"]}
        year = {**_entry("2026"), "type": "int"}
        self._put(
            layout.execution_record("Survey", "s"),
            "execution",
            flow="Survey",
            target="main:Survey",
            parameters={"year": year},
            created=BEGAN,
        )
        owner = {"pid": 4711, "born": "1", "host": "worker-3", "user": "ada", "at": BEGAN}
        self._put(layout.lease("Survey", "s", 1, "owner.json"), "owner", **owner)
        self._put(
            layout.launch("Survey", "s", 1),
            "launch",
            target="main:Survey",
            graph=graph,
            configurations=dict.fromkeys(graph, asks),
            executor="docker",
            engine={"images": dict.fromkeys(graph, f"sha256:{'4c' * 32}")},
            versions={"laminar": "0.1.0", "python": "3.11.2"},
            fingerprint="",
            argv=["laminar", "schedule", "main:Survey", "-p", "year=2026"],
            pid=4711,
            created=BEGAN + 0.1,
        )
        self._put(layout.plan("Survey", "s", "Source"), "plan", splits=1, grid=None, skipped="")
        self._commit("Source", 0, 1, BEGAN + 0.5, 8.0, title=_entry("'parts of 2026'"), parts=_shard())

    def _split(self, index: int, splits: int, began: float, *, fails: bool) -> float:
        """Returns when it ended."""
        attempt, took = 1, self._chance.lognormvariate(0, 0.6)
        if self._chance.random() < 0.01:
            began = self._fail(index, 1, began, took / 2, "TimeoutError", f"station {index} does not answer") + 0.1
            attempt = 2
        if fails:
            ended = self._fail(index, attempt, began, took, "ValueError", f"part {index} has no header")
            self._put(layout.final("Survey", "s", "Process", index, attempt), "final", epoch=1)
            self._write(layout.log("Survey", "s", "Process", index, attempt), f"reading part {index}\n".encode())
            return ended
        score = _entry(f"{self._chance.random():.4f}")
        return self._commit("Process", index, attempt, began, took, score=score, rows=_entry(str(index * 7)))

    def _fail(self, index: int, attempt: int, began: float, took: float, kind: str, message: str) -> float:
        started = {"configuration": None, "last": False, "generation": 1, "created": began}
        self._put(layout.started("Survey", "s", "Process", index, attempt), "started", **started)
        trace = f'Traceback (most recent call last):\n  File "main.py", line 41, in __call__\n{kind}: {message}\n'
        failure = {"kind": "user", "error": kind, "message": message, "remedy": "", "traceback": trace}
        self._put(layout.failure("Survey", "s", "Process", index, attempt), "failure", **failure, at=began + took)
        return began + took

    def _commit(self, layer: str, index: int, attempt: int, began: float, took: float, **artifacts: Any) -> float:
        self._put(
            layout.commit("Survey", "s", layer, index),
            "commit",
            attempt=attempt,
            artifacts=artifacts,
            inputs={},
            code="",
            started=began,
            finished=began + took,
            versions={"laminar": "0.1.0", "python": "3.11.2"},
            caught=None,
            splits=1,
            usage={"cpu_s": took * 1.6, "memory_peak_mib": 900 + 400 * self._chance.random(), "measured": "container"},
        )
        if attempt > 1:  # its own record, which a split that was tried again is read from
            started = {"configuration": None, "last": False, "generation": 1, "created": began}
            self._put(layout.started("Survey", "s", layer, index, attempt), "started", **started)
        return began + took

    def _put(self, key: str, kind: str, /, **document: Any) -> None:
        self._write(key, records.encode(kind, document))

    def _write(self, key: str, data: bytes) -> None:
        path = self._root / key
        os.makedirs(path.parent, exist_ok=True)
        path.write_bytes(data)


def _entry(preview: str) -> dict[str, Any]:
    inline = json.dumps(preview)
    return {
        "type": "float",
        "preview": preview,
        "codec": "json",
        "inline": inline,
        "sizes": [len(inline)],
        "blob": None,
    }


def _shard() -> dict[str, Any]:
    return {"type": "shard", "preview": "parts", "items": 3, "page_items": 1, "pages": []}


def _grid(splits: int) -> list[dict[str, Any]]:
    return [{"layer": "Source", "attribute": "parts", "first": 0, "runs": [[splits, 1]]}]
