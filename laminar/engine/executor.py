"""What an executor and an observer are to the scheduler; the families implement these and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from laminar.engine.checks import Check, Subject
from laminar.engine.events import Event
from laminar.engine.ledger import Commit, Failure
from laminar.engine.ports import Datastore
from laminar.errors import LaminarError, UsageError
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import Task


class Exit(NamedTuple):
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
        last: Whether no try follows if this one fails in user code.
        seen: Bytes of its output that the log has already, where an attempt of an earlier launch is taken up.
        log: Takes what the attempt prints, in pieces of any size.
        committed: May be called, from any thread, when the attempt is said to have committed before it has ended.
        released: May be called, from any thread, when the attempt has not ended and takes nothing of the engine any more.
    """

    task: Task
    configuration: Configuration
    log: Callable[[bytes], None]
    committed: Callable[[], None]
    released: Callable[[], None] = lambda: None
    last: bool = True
    seen: int = 0


class Leftover(NamedTuple):
    """An attempt that an earlier launch of the execution left, running or ended."""

    layer: str
    index: int  # type: ignore[assignment]  # the tuple's own is not missed
    attempt: int


class Visit(NamedTuple):
    """What `laminar shell` runs in the place of an attempt.

    Attributes:
        task: The attempt.
        configuration: How it was run, or would be.
        argv: What to run.
        own: Whether that is a command of laminar's, which is to be told the task.
        terminal: Whether it gets the terminal of this process.
        facts: What `facts` said when the attempt was started; empty where it never was.
    """

    task: Task
    configuration: Configuration
    argv: Sequence[str]
    own: bool
    terminal: bool
    facts: Mapping[str, Any]


Report = Callable[[Job, Exit], None]
Put = Callable[[Task, Commit, int], bool]


class Launch(NamedTuple):
    """One schedule or resume of a flow, as an executor sees it.

    Attributes:
        flow: The flow's name.
        execution: Id of the execution.
        target: What executor processes load; empty where no other process can.
        app_dir: Directory on this machine that the target is relative to.
        datastore: The store.
        containers: The container of each layer, by name.
        evaluate: Evaluates a job in this process; asks its second argument just before it commits, and gives the COMMIT to
            the third, where there is one.
        failed: Records why an attempt in this process failed.
        commit: Puts the COMMITs of several such attempts at once; None where that takes no less time than each by itself.
    """

    flow: str
    execution: str
    target: str
    app_dir: str
    datastore: Datastore
    containers: dict[str, Container]
    evaluate: Callable[[Job, Callable[[], bool], Put | None], bool]
    failed: Callable[[Task, Failure], None]
    commit: Callable[[Sequence[tuple[Task, Commit, int]]], None] | None = None


class Capacity(NamedTuple):
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
    apart: bool = True
    """Whether each attempt has a process of its own."""
    ahead: int = 0
    """How many attempts it likes to know before their turn has come, at most; 0 where that wins it nothing."""

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

    def expect(self, upcoming: Mapping[Task, Configuration]) -> None:  # noqa: B027 - most have nothing to do ahead
        """These will probably be submitted next: do what can be done ahead without running anything of them.

        What was expected before and is neither among these nor submitted is not expected any more. Any of it may come
        otherwise, or not at all, so nothing that goes wrong here is an error. Called where `ahead` is not 0, from the thread
        that calls `submit`; returns at once.

        Args:
            upcoming: Attempt -> how it would be run, the next one first.
        """

    def leftovers(self) -> Sequence[Leftover]:
        """Attempts of this execution that outlived the scheduler that started them; asked once, after `open`."""
        return ()

    def adopt(self, job: Job, report: Report) -> None:
        """Take up a leftover that is still to count, as `submit` does a new job."""
        raise NotImplementedError

    def discard(self, job: Job) -> None:
        """End and remove a leftover that does not count any more; what it printed goes to the job's log."""
        raise NotImplementedError

    def sweep(self, flow: str, execution: str, store: Datastore) -> int:
        """Remove all that an execution without a scheduler has left on the engine; says how much. Needs no `open`."""
        return 0

    def leave(self) -> None:
        """Another scheduler has taken over: give everything up, and end nothing that it may adopt."""
        self.close()

    def abandon(self) -> None:  # noqa: B027 - most leave nothing behind
        """See to it that nothing of the launch stays, without waiting for that: the user leaves at once."""

    def datastore(self, store: Datastore) -> str:
        """Where its processes find `store`."""
        return store.url

    def facts(self) -> dict[str, Any]:
        """What the records of this launch say about the engine, such as image ids by layer; asked once, after `open`."""
        return {}

    def shell(self, visit: Visit) -> int:
        """Run what people look around with, with the standard streams of this process, and return its exit code.

        It is called after `open`, for a launch that has no layer to run and a datastore that is only read.

        Raises:
            EngineError: The engine cannot.
            UsageError: It never can.
        """
        raise UsageError(
            f"the {self.name} executor opens no shells.", remedy="Open one on this machine: --executor process."
        )

    def checks(self, subject: Subject) -> Iterable[Check]:
        """What `laminar doctor` says of the engine; changes nothing, and needs no `open` before."""
        return ()

    @property
    def warnings(self) -> list[str]:
        """What the user should know of what `open` found, and that stops nothing."""
        return []

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
