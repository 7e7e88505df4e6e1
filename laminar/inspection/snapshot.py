"""An execution as it is at one moment, however damaged: what can be read, and a list of what cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from laminar.engine import layout, records
from laminar.engine.ledger import Commit, Failure, Ledger, Plan
from laminar.engine.ports import Buffer, Datastore, Staged
from laminar.errors import NotFoundError, StoreError

ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class Damage:
    """A record that cannot be read.

    Attributes:
        key: Where it is in the datastore.
        layer: Whose it is; empty where it is none's.
        index: The split whose it is; None where it is about more.
        message: What is wrong with it.
        remedy: What to do.
    """

    key: str
    layer: str
    index: int | None
    message: str
    remedy: str

    @property
    def hides_result(self) -> bool:
        """Whether it is not known, for its sake, what a layer or a split came to."""
        return layout.kind(self.key) in ("plan", "commit")


class Snapshot(Ledger):
    """The records of an execution, each read once: what is asked twice agrees, also while it runs.

    A record that cannot be read counts as absent, and is noted.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._sound = _Sound(ledger.store)
        self._kept: dict[tuple[Any, ...], Any] = {}
        super().__init__(self._sound, ledger.flow, ledger.execution)

    @property
    def damaged(self) -> list[Damage]:
        """What could not be read so far, by key."""
        return [self._sound.damaged[key] for key in sorted(self._sound.damaged)]

    def record(self) -> dict[str, Any] | None:
        """What the execution was given."""
        return self._once(super().record)

    def latest_launch(self) -> dict[str, Any] | None:
        """The last schedule or resume."""
        return self._once(super().latest_launch)

    def launch_at(self, number: int) -> dict[str, Any] | None:
        """The schedule or resume of that number."""
        return self._once(super().launch_at, number)

    def plan(self, layer: str) -> Plan | None:
        """How a layer was cut into splits."""
        return self._once(super().plan, layer)

    def commit(self, layer: str, index: int, generation: int | None = None) -> Commit | None:
        """The result of a split."""
        return self._once(super().commit, layer, index, generation)

    def committed(self, layer: str) -> set[int]:
        """The splits of a layer that have a result."""
        return self._once(super().committed, layer)

    def begun(self, layer: str) -> set[int]:
        """The splits of a layer of which anything is recorded."""
        return self._once(super().begun, layer)

    def attempts(self, layer: str, index: int) -> list[int]:
        """Numbers of the attempts at a split."""
        return self._once(super().attempts, layer, index)

    def start(self, layer: str, index: int, attempt: int) -> dict[str, Any]:
        """What was recorded when an attempt was started."""
        return self._once(super().start, layer, index, attempt)

    def failure(self, layer: str, index: int, attempt: int) -> Failure | None:
        """Why an attempt failed."""
        return self._once(super().failure, layer, index, attempt)

    def _once(self, read: Callable[..., ValueT], *where: Any) -> ValueT:
        key = (read.__name__, *where)
        if key not in self._kept:
            self._kept[key] = read(*where)
        found: ValueT = self._kept[key]
        return found


class _Sound(Datastore):
    """Another datastore, in which records that cannot be read are absent."""

    def __init__(self, store: Datastore) -> None:
        self.url = store.url
        self.damaged: dict[str, Damage] = {}
        self._store = store

    @property
    def identity(self) -> object:
        return self._store.identity

    def read(self, key: str) -> Buffer:
        try:
            data = self._store.read(key)
            if (kind := _RECORDS.get(layout.kind(key))) is not None:
                records.checked(kind, data, key)
        except NotFoundError:
            raise
        except StoreError as error:
            self.damaged[key] = Damage(key, *layout.read_layer(key), error.message, error.remedy)
            raise NotFoundError(error.message) from error
        return data

    def keys(self, prefix: str) -> Iterator[str]:
        return self._store.keys(prefix)

    def children(self, prefix: str) -> Iterator[str]:
        return self._store.children(prefix)

    def holding(self, prefix: str, name: str) -> Iterator[str]:
        return self._store.holding(prefix, name)

    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        return self._store.create(key, data, durable=durable)

    def append(self, key: str, data: Buffer) -> None:
        self._store.append(key, data)

    def stage(self) -> AbstractContextManager[Staged]:
        return self._store.stage()

    def __repr__(self) -> str:
        return repr(self._store)


_RECORDS = {kind: kind for kind in layout.KINDS if kind not in ("blob", "beats", "log")} | {"lease": "owner"}
"""Kind of a key -> kind of the record under it."""
