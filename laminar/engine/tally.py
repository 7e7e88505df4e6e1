"""What a run comes to: counted while it goes on, and said by its last event and by the error that ends it."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property

from laminar.engine.addresses import name_of
from laminar.engine.agenda import LayerRun
from laminar.engine.commands import Options
from laminar.engine.events import Ended
from laminar.engine.failures import Ending, add_commands, add_others, done_words
from laminar.engine.ledger import Ledger
from laminar.errors import ExecutionError, Interrupted
from laminar.model.words import plural


class Tally:
    """Counts.

    Args:
        ledger: The records of the execution.
        layers: Where each layer stands.

    Attributes:
        splits: Committed in this run.
        caught: Of them, those whose error a Catch let pass.
        retries: Attempts that another followed.
        failure: Of the first split that has finally failed; what ends the run.
    """

    def __init__(self, ledger: Ledger, layers: Collection[LayerRun]) -> None:
        self.splits = self.caught = self.retries = 0
        self.failure: ExecutionError | None = None
        self._ledger = ledger
        self._layers = layers
        self._ending = Ending()
        self._failed: list[str] = []

    def failed(self, error: ExecutionError, ending: Ending) -> None:
        """A split has finally failed."""
        self._failed.append(f"{error.layer}/{error.index}")
        if self.failure is None:
            self.failure, self._ending = error, ending

    def ended(self, at: float, outcome: str) -> Ended:
        """The last event of a run."""
        slowest = max(self._layers, key=lambda layer: layer.took)
        return Ended(
            at=at,
            outcome=outcome,
            layers=len(self._layers),
            splits=self.splits,
            retries=self.retries,
            slowest=slowest.node.name if slowest.took else "",
            slowest_s=slowest.took,
            failed_at=f"{self.failure.layer}/{self.failure.index}" if self.failure else "",
            skipped=sum(layer.skipped for layer in self._layers),
            # Where the store cannot be reached, nothing is to be asked of it.
            look=self._options.command("show", self._name) if outcome == "done" and self._ledger.store.url else "",
            caught=self.caught,
        )

    def error(self) -> ExecutionError | None:
        """The failure that ends a run, with all that there is to say of it; None where nothing has failed."""
        if self.failure is not None:
            name = self._name if self._ledger.store.url else ""
            add_commands(self.failure, self._ending, name, self._done_words(), self._options)
            add_others(self.failure, self._failed[1:], list(self._left()))
        return self.failure

    def interrupted(self, number: int, *, at_once: bool = False) -> Interrupted:
        """A signal of that number ends the run; `at_once` waits for nothing."""
        again = self._options.command("resume", self._name) if self._ledger.store.url else ""
        return Interrupted(
            f"interrupted: execution {self._ledger.execution} of {self._ledger.flow} has stopped; what was committed stays.",
            signum=number,
            at_once=at_once,
            remedy=f"go on    {again}{self._done_words()}" if again else "",
        )

    def taken_over(self, by: str) -> Interrupted:
        """Another process schedules the execution now."""
        return Interrupted(
            f"execution {self._ledger.execution} of {self._ledger.flow} was taken over by {by}.",
            signum=signal.SIGTERM,
            taken_over=True,
        )

    def _left(self) -> Iterator[str]:
        """What of the layers that have failed did not run, in words: once a split has failed, no other one starts."""
        failed = Counter(address.rpartition("/")[0] for address in self._failed)
        for layer in self._layers:
            count = layer.left - failed[layer.node.name]
            if layer.failed and count > 0:
                yield f"{plural(count, 'split')} of {layer.node.name}"

    def _done_words(self) -> str:
        """How much of the execution need not run again, for who goes on with it."""
        layers = [layer for layer in self._layers if not layer.skipped]
        done = sum((layer.splits or 0) - layer.left for layer in layers)
        unknown = any(layer.splits is None and layer.node.configuration.foreach for layer in layers)
        return done_words(
            done, None if unknown else sum(1 if layer.splits is None else layer.splits for layer in layers)
        )

    @property
    def _options(self) -> Options:
        """What commands must be given to find it."""
        return self._ledger.store.options

    @cached_property
    def _name(self) -> str:
        """What commands call the execution."""
        return name_of(self._ledger)
