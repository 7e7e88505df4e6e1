"""What a datastore, an executor and an observer are to the engine; the families implement these and nothing else.

A third party plugs in by passing an object of its own subclass in Python. `laminar.testing` has the suites it must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from laminar.errors import LaminarError
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import Task

if TYPE_CHECKING:
    from laminar.engine.events import Event

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


class Datastore(ABC):
    """Keys and bytes. Keys are `/`-separated and made in `laminar.engine.layout` only.

    A back end writes these five methods and `stage`; all else is built on them. Every method raises `StoreError` where the
    store cannot be reached or refuses, and `NotFoundError` only where a key is certainly absent.
    """

    url: str = ""
    """How an executor process on this machine opens the same store; empty where none can."""

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

    def check(self, user: tuple[int, int] | None = None) -> None:  # noqa: B027 - most stores have nothing to check
        """Raise `StoreError`, with a remedy, where results could not be written.

        Args:
            user: `(uid, gid)` that the executor processes will have; None for this process's own.
        """

    def owner(self) -> tuple[int, int] | None:
        """`(uid, gid)` that files of this store belong to, where it has files."""
        return None


class Codec(ABC):
    """One way to write values as bytes and to read them back."""

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


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How an attempt's process ended, as far as its executor can tell. It says nothing about success.

    Attributes:
        code: Exit code; None where there is none.
        oom: The kernel's out-of-memory killer was at work in it.
        vanished: It is gone without an exit state.
        error: Why the engine could not run it, in words; trying again will not help.
        exception: The live exception, where the attempt ran in this process.
    """

    code: int | None = None
    oom: bool = False
    vanished: bool = False
    error: LaminarError | None = None
    exception: BaseException | None = None


@dataclass(frozen=True, eq=False)
class Job:
    """An attempt, ready for an executor.

    Attributes:
        task: What to evaluate.
        configuration: How, after all hooks.
        log: Takes what the attempt prints, in pieces of any size.
    """

    task: Task
    configuration: Configuration
    log: Callable[[bytes], None]


Report = Callable[[Job, Exit], None]


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed, as its own process recorded it.

    Attributes:
        kind: `user` for the layer's own code, `refused` for what no further try can mend, `infrastructure` else.
        error: Type of the exception.
        message: What it said.
        remedy: What to do, where laminar knows.
        traceback: The user's own frames.
    """

    kind: str
    error: str
    message: str
    remedy: str = ""
    traceback: str = ""


@dataclass(frozen=True)
class Launch:
    """One schedule or resume of a flow, as an executor sees it.

    Attributes:
        flow: The flow's name.
        execution: Id of the execution.
        target: What executor processes load; empty where no other process can.
        app_dir: Directory on this machine that the target is relative to.
        datastore: The store.
        containers: The container of each layer, by name.
        evaluate: Evaluates a task in this process; asks its third argument just before it commits.
        failed: Records why an attempt in this process failed.
    """

    flow: str
    execution: str
    target: str
    app_dir: str
    datastore: Datastore
    containers: dict[str, Container]
    evaluate: Callable[[Task, Configuration, Callable[[], bool]], bool]
    failed: Callable[[Task, Failure], None]


@dataclass(frozen=True)
class Capacity:
    """What an engine has, to be shared by what runs at one time. None is without bound."""

    cpu: float | None = None
    memory: int | None = None
    jobs: int | None = None


class Executor(ABC):
    """Starts the processes that evaluate splits, and watches them.

    An object holds what the user chose. For each launch laminar makes a shallow copy of it and calls `open`, which sets up
    whatever the launch needs; then `submit` for each attempt, from one thread. An engine that only takes jobs and is
    asked about them later reports from a thread of its own; one whose command waits reports from a thread for each job
    (`laminar.executors.workers` has these). Success is never an executor's to tell: the scheduler reads the
    completion marker.
    """

    name: str = ""

    @abstractmethod
    def open(self, launch: Launch) -> None:
        """Check all that can be checked before the first layer, and get ready.

        Raises:
            EngineError: The engine cannot run this launch.
            UsageError: It never could.
        """

    @abstractmethod
    def capacity(self) -> Capacity:
        """What the engine has; asked once, after `open`."""

    @abstractmethod
    def submit(self, job: Job, report: Report) -> None:
        """Start `job` and return at once; `report` is called exactly once, from any thread, when it has ended."""

    @abstractmethod
    def cancel(self, job: Job) -> None:
        """End a submitted job soon, if it has not ended; its report still comes."""

    @abstractmethod
    def close(self) -> None:
        """Leave nothing of the launch behind; called when no job runs any more."""

    def datastore(self, store: Datastore) -> str:
        """Where its processes find `store`."""
        return store.url

    def facts(self) -> dict[str, Any]:
        """What the records of this launch say about the engine, such as image ids by layer; asked once, after `open`."""
        return {}

    @property
    def summary(self) -> str:
        """What the progress view shows in its title."""
        return self.name


class Observer(Protocol):
    """Sees what happens; called from the scheduler's thread, in order."""

    def __call__(self, event: Event) -> None:
        """Take note of `event`."""

    def close(self) -> None:
        """No more events come."""
