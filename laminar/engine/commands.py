"""Commands that people are told to type, with what each must be given to find what this process found."""

from __future__ import annotations

from typing import NamedTuple

_LOADING = ("resume", "shell")
"""Commands that read more of the settings than where the datastore is, and load the flow's code."""


class Options(NamedTuple):
    """What commands must be given; nothing, where the settings of their own are those of this process.

    Attributes:
        store: By all commands, to find the datastore: `("--datastore", "runs")`.
        code: By those that load the flow as well.
        run: By the one that goes on with an execution, to run it as it was typed: `("--image", "mine:2")`.
    """

    store: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    run: tuple[str, ...] = ()

    def command(self, name: str, *words: str) -> str:
        """`laminar logs 01jd8q/Process/17 --datastore runs`, to be pasted into a shell."""
        import shlex  # paid by who prints a command

        code = self.code if name in _LOADING else ()
        run = self.run if name == "resume" else ()
        return shlex.join(["laminar", name, *words, *self.store, *code, *run])

    def with_name(self, text: str, name: str) -> str:
        """`text`, a remedy, with the name of the execution in its command: who wrote it did not know that."""
        return text.replace("laminar resume EXECUTION", self.command("resume", name))
