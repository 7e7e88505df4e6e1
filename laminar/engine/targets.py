"""Targets: the `module:attribute` by which another process finds a flow."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any, NamedTuple

from laminar.errors import TargetError

_made_importable: set[str] = set()
"""Folders that laminar itself made importable in this process; no other process has them."""


class Target(NamedTuple):
    """A parsed `module:attribute` or `path/to/file.py[:attribute]`."""

    module: str
    path: str = ""
    attribute: str = ""

    @classmethod
    def parse(cls, text: str) -> Target:
        """Parse what was typed.

        Raises:
            TargetError: It is neither form.
        """
        place, _, attribute = text.partition(":")
        if place.endswith(".py"):
            return cls(os.path.basename(place)[:-3], os.path.normpath(place), attribute)
        if not all(part.isidentifier() for part in [*place.split("."), *(attribute or "x").split(".")]):
            raise TargetError(
                f"invalid target {text!r}.",
                remedy="Type module:attribute (main:HelloFlow) or path/to/file.py:attribute.",
            )
        return cls(place, "", attribute)

    def __str__(self) -> str:
        return f"{self.path or self.module}:{self.attribute}" if self.attribute else self.path or self.module


def exists(target: Target, app_dir: str) -> bool:
    """Whether the file of the target's module, or of the package it is in, is in `app_dir`."""
    if target.path:
        return os.path.isfile(os.path.join(app_dir, target.path))
    top = os.path.join(app_dir, target.module.partition(".")[0])
    return os.path.isfile(f"{top}.py") or os.path.isdir(top)


def installed(target: Target) -> bool:
    """Whether the target's module is in an installed package."""
    return not target.path and importlib.util.find_spec(target.module.partition(".")[0]) is not None


def make_importable(folder: str) -> None:
    """Put a folder first on `sys.path`."""
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    _made_importable.add(folder)


def target_of(flow: type[Any], app_dir: str) -> Target:
    """The target by which another process finds the class of a flow; its module is importable from `app_dir`.

    Raises:
        TargetError: No other process can find it: it is local to a function, or was typed into a notebook.
    """
    thread = "or run it with the thread executor: executors.Thread(), --executor thread."
    module = sys.modules.get(flow.__module__)
    file = getattr(module, "__file__", None)
    if module is None or file is None:
        raise TargetError(
            f"flow {flow.__name__} is defined in a notebook or at a prompt, where no other process finds it.",
            remedy=f"Move it to a module, {thread}",
        )
    found: Any = module
    for part in flow.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not flow:
        raise TargetError(
            f"flow {flow.__name__} is not an attribute of its module {flow.__module__}, so no other process finds it.",
            remedy=f"Move class {flow.__name__} to the top level of its module, {thread}",
        )
    name = flow.__module__
    relative = os.path.relpath(os.path.realpath(file), os.path.realpath(app_dir))
    outside = relative.startswith(os.pardir + os.sep)
    if outside and os.path.dirname(os.path.realpath(file)) in map(os.path.realpath, _made_importable):
        folder = os.path.relpath(os.path.dirname(file))
        raise TargetError(
            f"{file} is outside of {os.path.abspath(app_dir)}, the directory that other processes import from.",
            remedy=f"Name its own: --app-dir {folder}, with the target {os.path.basename(file)}:{flow.__qualname__}.",
        )
    # Only a file that was run or loaded by its path has the name of the file, in a folder that is no package.
    in_its_place = relative == f"{name}.py" and name.isidentifier()
    by_path = not outside and not in_its_place and os.path.basename(relative) == f"{name}.py"
    return Target(name, relative if by_path else "", flow.__qualname__)
