"""A Python prompt: IPython where it is installed, else Python's own; and code that is run in place of one."""

from __future__ import annotations

import code
import linecache
import rlcompleter
import sys
from contextlib import suppress
from typing import Any

from laminar.engine.termination import Terminated
from laminar.engine.tracebacks import user_traceback
from laminar.model.layer import Layer

_CODE = "<command>"


def run(source: str, names: dict[str, Any]) -> None:
    """Run `source` among `names`.

    Raises:
        SyntaxError: It is no Python.
        BaseException: What it raises.
    """
    linecache.cache[_CODE] = (len(source), None, source.splitlines(keepends=True), _CODE)  # for tracebacks
    exec(compile(source, _CODE, "exec"), names)  # noqa: S102 - what it is for


def interact(names: dict[str, Any]) -> int:
    """Read and run lines until the end; returns the exit code."""
    with suppress(ImportError):
        from IPython import start_ipython  # type: ignore[import-not-found, unused-ignore]

        start_ipython(argv=["--no-banner", "--no-confirm-exit"], user_ns=names)
        return 0
    with suppress(ImportError):  # a Python that was built without it
        import readline

        readline.set_completer(_Completer(names).complete)
        libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    try:
        _Console(names).interact(banner="", exitmsg="")
    except SystemExit as left:
        return exit_code(left)
    return 0


def exit_code(left: SystemExit) -> int:
    """The exit code of `sys.exit(...)`, which prints what is neither a number nor None."""
    if left.code is None or isinstance(left.code, int):
        return left.code or 0
    print(left.code, file=sys.stderr)  # noqa: T201
    return 1


class _Console(code.InteractiveConsole):
    """Python's, with tracebacks that begin where the user's code does."""

    def showtraceback(self) -> None:
        error = sys.exception()
        assert error is not None
        if isinstance(
            error, Terminated
        ):  # Python's console would show it, as it does with all but SystemExit, and read on
            raise error
        assert error.__traceback__ is not None
        trace = error.__traceback__.tb_next  # without this console's own frame
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
        sys.last_exc = error  # type: ignore[attr-defined, unused-ignore]  # Python 3.12: what pdb.pm looks for
        self.write(f"{user_traceback(error.with_traceback(trace))}\n")


class _Completer(rlcompleter.Completer):
    """Python's, which would load each artifact that it offers to see whether it can be called.

    It also puts a parenthesis behind what can be called; layers can, and are seldom meant to be.
    """

    def _callable_postfix(self, value: object, word: str) -> str:
        found: str = word if isinstance(value, Layer) else super()._callable_postfix(value, word)  # type: ignore[misc]
        return found

    def attr_matches(self, text: str) -> list[str]:
        owner, _, begun = text.rpartition(".")
        found = self.namespace.get(owner)  # type: ignore[attr-defined]
        if not isinstance(found, Layer):
            return super().attr_matches(text)
        names = [name for name in dir(found) if name.startswith(begun) and (begun or not name.startswith("_"))]
        return [f"{owner}.{name}" for name in sorted(names)]
