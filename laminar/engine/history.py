"""The records of an execution as a whole: what it was given, each launch of it, and how its layers were cut into splits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from laminar.engine import layout, records
from laminar.engine.artifacts import Entry
from laminar.engine.ports import Datastore
from laminar.errors import StoreError, UsageError
from laminar.model.grid import Grid
from laminar.model.names import nearest


class Plan(NamedTuple):
    """How a layer was cut into splits.

    Attributes:
        splits: How many.
        grid: Which elements each gets, where a ForEach cut it.
        skipped: Why the layer does not run; empty where it does.
    """

    splits: int
    grid: Grid | None = None
    skipped: str = ""


class History:
    """What is recorded about one execution of one flow, and about its layers."""

    def __init__(self, store: Datastore, flow: str, execution: str) -> None:
        self.store = store
        self.flow = flow
        self.execution = execution
        self._plans: dict[str, Plan] = {}
        self._launch = 0

    # The execution.

    def create(self, target: str, parameters: Mapping[str, Entry]) -> None:
        """Begin the execution.

        Raises:
            UsageError: There is one of that id.
        """
        document = {"flow": self.flow, "target": target, "parameters": dict(parameters), "created": time.time()}
        key = layout.execution_record(self.flow, self.execution)
        if not records.create(self.store, key, "execution", document):
            raise self._exists()

    def check_absent(self) -> None:
        """Raise `UsageError` where there is an execution of that id: nothing is set up for one that cannot begin.

        Also where parts of one are left, which something wrote after it was removed: a new one would take them for its own.
        """
        if self.record() is not None:
            raise self._exists()
        place = layout.execution(self.flow, self.execution)
        if any(True for _ in self.store.children(place)):
            raise UsageError(
                f"parts of an execution {self.execution!r} of flow {self.flow} are left, which was removed.",
                remedy=f"Give another --execution id, or remove {self.store.place(place)}",
            )

    @property
    def is_there(self) -> bool:
        """Whether the execution is, from one look: somebody may have removed it since it began."""
        return self.store.has(layout.execution_record(self.flow, self.execution))

    def removed(self) -> StoreError:
        """What ends a run whose execution was removed."""
        return StoreError(
            f"execution {self.execution} of {self.flow} was removed while it ran.",
            remedy="What it had committed is gone, too. Schedule the flow again.",
        )

    def check_present(self) -> None:
        """Raise `UsageError` where there is no execution of that id to go on with."""
        if self.record() is None:
            known = ids(self.store, self.flow)
            there = f"The latest: {', '.join(known[-3:])}." if known else "It has none there."
            raise UsageError(
                f"flow {self.flow} has no execution {self.execution!r} in the datastore {self.store.url or self.store!r}.",
                remedy=there + nearest(self.execution, known),
            )

    def record(self) -> dict[str, Any] | None:
        """What the execution was given (`target`, `parameters`, `created`); None where there is no such execution."""
        return records.load(self.store, layout.execution_record(self.flow, self.execution), "execution")

    def _exists(self) -> UsageError:
        return UsageError(
            f"flow {self.flow} has an execution {self.execution!r} already.",
            remedy="Give another --execution id, or none for a new one.",
        )

    # Its launches.

    def launch(self, facts: Mapping[str, Any]) -> None:
        """Record a schedule or resume: what is run, where, by which versions."""
        taken = list(self.store.children(layout.launches(self.flow, self.execution)))
        number = len(taken) + 1
        document = {**facts, "created": time.time()}
        while not records.create(self.store, layout.launch(self.flow, self.execution, number), "launch", document):
            number += 1
        self._launch = number

    def launches(self) -> list[dict[str, Any]]:
        """Each schedule or resume, oldest first."""
        names = self.store.children(layout.launches(self.flow, self.execution))
        found = (self.launch_at(number) for number in layout.numbers(names))
        return [launch for launch in found if launch is not None]

    def latest_launch(self) -> dict[str, Any] | None:
        """The last schedule or resume; None before the first."""
        names = self.store.children(layout.launches(self.flow, self.execution))
        return self.launch_at(max(layout.numbers(names), default=0))

    def launch_at(self, number: int) -> dict[str, Any] | None:
        """The schedule or resume of that number, from 1; None where there is none."""
        return records.load(self.store, layout.launch(self.flow, self.execution, number), "launch")

    def launch_count(self) -> int:
        """How often it was scheduled or resumed."""
        return len(layout.numbers(self.store.children(layout.launches(self.flow, self.execution))))

    # How its layers are computed, which may be more than once.

    def recompute(self, layers: Sequence[str]) -> None:
        """Open a generation: results of these layers no longer count, and stay. By the holder of the lease only."""
        number = max(self._numbers(), default=1) + 1
        records.create(
            self.store, layout.generation(self.flow, self.execution, number), "generation", {"layers": list(layers)}
        )
        self._plans.clear()
        self.__dict__.pop("_generations", None)

    def generation(self, layer: str) -> int:
        """Which computation of a layer counts: 1, and one more for each time that it was to be computed again."""
        return self._generations.get(layer, 1)

    @cached_property
    def _generations(self) -> dict[str, int]:
        """Layer -> its generation, as of the first time that this is asked."""
        found: dict[str, int] = {}
        for number in self._numbers():
            key = layout.generation(self.flow, self.execution, number)
            document = records.load(self.store, key, "generation") or {"layers": []}
            found |= dict.fromkeys(document["layers"], number)
        return found

    def _numbers(self) -> list[int]:
        names = self.store.children(layout.generations(self.flow, self.execution))
        return layout.numbers(names)

    def put_plan(self, layer: str, plan: Plan) -> bool:
        """Record how a layer was cut into splits; false where that is recorded already."""
        document = {"splits": plan.splits, "grid": plan.grid and plan.grid.to_json(), "skipped": plan.skipped}
        return records.create(self.store, self._plan_key(layer), "plan", document)

    def plan(self, layer: str) -> Plan | None:
        """How a layer was cut into splits; None before that. Read once, since it never changes."""
        if layer in self._plans:
            return self._plans[layer]
        document = records.load(self.store, self._plan_key(layer), "plan")
        if document is None:
            return None
        grid = document["grid"]
        plan = Plan(document["splits"], None if grid is None else Grid.from_json(grid), document["skipped"])
        return self._plans.setdefault(layer, plan)

    def _plan_key(self, layer: str) -> str:
        return layout.plan(self.flow, self.execution, layer, self.generation(layer))


def ids(store: Datastore, flow: str) -> list[str]:
    """The executions of a flow by their ids, oldest first."""
    histories = [History(store, flow, name) for name in store.children(layout.flow(flow))]
    dated = [(record["created"], each.execution) for each in histories if (record := each.record())]
    return [execution for _, execution in sorted(dated)]
