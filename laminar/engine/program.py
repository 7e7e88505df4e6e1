"""The program: a `__main__` that defines a flow is imported once, and answers to its real name.

So its classes are the same in scheduler, containers and readers.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import FunctionType
from typing import Any


def adopt(flow: type[Any]) -> str:
    """Let the program answer to its real name, where it defines `flow`; returns the directory it is importable from.

    Whatever the program defines then belongs to that name: `main`, not `__main__`, so that pickles made here are read
    elsewhere and the other way round. Nothing is imported a second time.
    """
    program = sys.modules["__main__"]
    file = getattr(program, "__file__", None)
    if file is None or flow.__module__ not in ("__main__", getattr(program, "__laminar_name__", None)):
        return os.getcwd()
    spec, name = getattr(program, "__spec__", None), real_name()
    folder = os.path.dirname(os.path.abspath(file)) if spec is None else os.getcwd()
    program.__dict__["__laminar_name__"] = name
    sys.modules[name] = program
    _rename(vars(program), name)
    cwd = os.path.realpath(os.getcwd())
    return cwd if os.path.commonpath((os.path.realpath(folder), cwd)) == cwd else folder


def real_name() -> str:
    """The name by which other processes import the program; `__main__` where it is no file."""
    program = sys.modules["__main__"]
    spec, file = getattr(program, "__spec__", None), getattr(program, "__file__", None)
    if spec is not None:  # python -m package.module
        return str(spec.name)
    return os.path.splitext(os.path.basename(file))[0] if file else "__main__"


def command() -> list[str]:
    """What to give Python to run this program again, where it defines a flow and is run from a file; else nothing."""
    main = sys.modules["__main__"]
    if not hasattr(main, "__laminar_name__"):
        return []
    spec = getattr(main, "__spec__", None)
    return ["-m", spec.name, *sys.argv[1:]] if spec is not None else list(sys.argv)


def _rename(namespace: Any, name: str) -> None:
    """Give all classes and functions of `__main__` in `namespace` their module's real name, wrapped ones too."""
    for value in list(namespace.values()):
        made_here = isinstance(value, type | FunctionType) or hasattr(value, "__wrapped__")
        if made_here and getattr(value, "__module__", None) == "__main__":
            with suppress(AttributeError, TypeError):  # a wrapper that takes no attributes
                value.__module__ = name
            if isinstance(value, type):
                _rename(vars(value), name)
