"""What a datastore and a codec are to the engine; the families implement these and nothing else.

A third party plugs in by passing an object of its own subclass in Python. `laminar.testing` has the suites it must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from laminar.engine.commands import Options
from laminar.errors import NotFoundError, StoreError

if TYPE_CHECKING:
    from laminar.engine.protocols import ProtocolT

Buffer = bytes | bytearray | memoryview


class Staged(Protocol):
    """Bytes on their way into the datastore, under no key yet."""

    def write(self, data: Buffer) -> None:
        """Append `data`."""

    def publish(self, key: str, *, replace: bool = False) -> bool:
        """Put what was written under `key`, durably and all or nothing.

        Returns:
            Whether it was put. False where the key exists and `replace` is not set: then nothing has changed.
        """


class Stat(NamedTuple):
    """What a store knows of a key, or of all that is below it.

    Attributes:
        size: Bytes.
        modified: When it was last put, added to or refreshed, in seconds since 1970; of several, the latest.
    """

    size: int
    modified: float


class Datastore(ABC):
    """Keys and bytes. Keys are `/`-separated and made in `laminar.engine.layout` only.

    A back end writes these five methods and `stage`; all else is built on them. Every method raises `StoreError` where the
    store cannot be reached or refuses, and `NotFoundError` only where a key is certainly absent.
    """

    url: str = ""
    """How an executor process on this machine opens the same store; empty where none can."""

    options = Options()
    """What commands must be given to find it; whoever opens it by the settings says so."""

    @property
    def identity(self) -> object:
        """The same for all objects of this process that are one store."""
        return self.url or id(self)

    @abstractmethod
    def create(self, key: str, data: Buffer, *, durable: bool = True) -> bool:
        """Put `data` under `key` if it is absent, all or nothing; of many writers exactly one wins.

        Args:
            key: Where.
            data: What; never empty.
            durable: Whether it must survive a loss of power from when this returns.

        Returns:
            Whether this call was the one that put it.
        """

    grouped: bool = False
    """Whether `create_all` makes many things durable in less time than `create` makes each."""

    def create_all(self, entries: Sequence[tuple[str, Buffer]]) -> list[bool]:
        """Put each `(key, data)` as `create` does, all durable from when this returns; says which it was that put.

        None of them is under its key before what is put is durable: what a loss of power leaves of them is whole.
        """
        return [self.create(key, data) for key, data in entries]

    @abstractmethod
    def read(self, key: str) -> Buffer:
        """What is under `key`; private to the caller, who may write into it where it is writable.

        Raises:
            NotFoundError: Nothing is.
        """

    @abstractmethod
    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix` (a whole number of path segments, ending in `/`), in no order."""

    @abstractmethod
    def children(self, prefix: str) -> Iterator[str]:
        """The first path segments after `prefix`, each once, in no order; cheap however much lies below them."""

    @abstractmethod
    def append(self, key: str, data: Buffer) -> None:
        """Add to what is under `key`, for logs: visible to readers soon, not necessarily durable."""

    @abstractmethod
    def stage(self) -> AbstractContextManager[Staged]:
        """A place for bytes whose key is not known yet; what was not published is gone when the context ends."""

    def has(self, key: str) -> bool:
        """Whether anything is under `key`."""
        try:
            self.read(key)
        except NotFoundError:
            return False
        return True

    def holding(self, prefix: str, name: str) -> Iterator[str]:
        """Those children of `prefix` that have a key `name` right below them, each once, in no order; nothing is read."""
        for key in self.keys(prefix):
            child, _, rest = key[len(prefix) :].partition("/")
            if rest == name:
                yield child

    def check(self, user: tuple[int, int] | None = None) -> None:  # noqa: B027 - most stores have nothing to check
        """Raise `StoreError`, with a remedy, where results could not be written.

        Args:
            user: `(uid, gid)` that the executor processes will have; None for this process's own.
        """

    def list_executions(self, *, flow: Any) -> list[Any]:
        """The executions of a flow in this datastore, oldest first.

        Args:
            flow: The flow, or its class.
        """
        from laminar.engine.ledger import executions

        flow = flow() if isinstance(flow, type) else flow
        return [flow.execution(ledger.execution, datastore=self) for ledger in executions(self, flow.name)]

    def list_layers(self, *, execution: Any) -> list[Any]:
        """The layers of an execution that have been planned, in the order in which the flow registers them."""
        from laminar.engine.ledger import Ledger

        ledger = Ledger(self, execution.flow.name, execution.id)
        here = execution.flow.execution(execution.id, datastore=self)
        return [
            here.layer(registration.layer)
            for name, registration in execution.flow.registry().items()
            if ledger.plan(name) is not None
        ]

    def list_artifacts(self, *, layer: Any) -> list[str]:
        """The names of the artifacts that a layer of an execution has committed, in any of its splits."""
        from laminar.engine.ledger import Ledger

        ledger = Ledger(self, layer.execution.flow.name, layer.execution.id)
        plan = ledger.plan(layer.name)
        commits = (ledger.commit(layer.name, index) for index in range(plan.splits if plan else 0))
        return sorted({name for commit in commits if commit for name in commit.artifacts})

    def owner(self) -> tuple[int, int] | None:
        """`(uid, gid)` that files of this store belong to, where it has files."""
        return None

    def place(self, key: str, *, writes: bool = False) -> str:
        """The URI of `key`, for protocols that take storage over; where one `writes`, what it needs there is made."""
        return f"{self.url}/{key}"

    # What garbage collection needs. A store that has none of it keeps everything for ever, and works.

    def stat(self, key: str) -> Stat:
        """How large `key` is, or all that is below it, and how old.

        Raises:
            NotFoundError: Nothing is there.
        """
        raise self._keeps_everything()

    def refresh(self, key: str) -> bool:
        """Make `key` as young as if it were put now; false where it is absent or that cannot be done.

        A writer that finds its content there calls this before it relies on it. Of a `refresh` and a `remove` or `move`
        of what is older, one comes first: either the key stays, or `refresh` returns false.
        """
        return True  # nothing is ever removed from a store that does not override the methods below

    def move(self, key: str, to: str, *, untouched_since: float = inf) -> bool:
        """Put what is under `key`, and below it, under `to` instead: in one step, and durably.

        Args:
            key: What.
            to: Where nothing is, or a key that is replaced.
            untouched_since: Do nothing where it was modified after this time, in seconds since 1970.

        Returns:
            Whether it was moved; false where it is absent, too.
        """
        raise self._keeps_everything()

    def remove(self, key: str, *, untouched_since: float = inf) -> bool:
        """Remove what is under `key`, and below it, one by one; the arguments and the result are those of `move`."""
        raise self._keeps_everything()

    def _keeps_everything(self) -> StoreError:
        return StoreError(
            f"nothing can be removed from the datastore {self!r}: {type(self).__name__} does not implement it.",
            remedy="Implement stat, refresh, move and remove; laminar.testing.DatastoreContract tests them.",
        )

    def protocol(self, *types: type[Any]) -> Callable[[ProtocolT], ProtocolT]:
        """Decorator: write and read values of exactly these types by the `laminar.serde.Protocol` below it.

        Raises:
            UsageError: One of the types has a protocol here already, or the class implements no pair of methods.
        """
        from laminar.engine.protocols import register

        return register(self, types)


class Codec(ABC):
    """One way to write values as bytes and to read them back."""

    kind = "codec"
    """Under which word an artifact's entry has the name."""

    name: str = ""
    """What a COMMIT calls it; it never changes, since stored values are read by it."""

    @abstractmethod
    def accepts(self, value: Any) -> bool:
        """Whether this codec is the one for `value`."""

    @abstractmethod
    def dump(self, value: Any) -> tuple[Sequence[Buffer], dict[str, str]]:
        """`value` as parts, written one after the other without a copy, and notes that `load` gets back."""

    @abstractmethod
    def load(self, parts: Sequence[Buffer], notes: dict[str, str]) -> Any:
        """The value of these parts, which are private to it: writable, and its own to keep."""
