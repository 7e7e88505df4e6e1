"""Targets: from `module:attribute` to a flow, and from a flow back to the target that another process loads.

Importing never schedules. While laminar loads a module, and at module level of any module that is not the program, flows
are false (`schedules`), so that a guarded `flow()` is skipped. And a program is imported once: `adopt` lets the running
`__main__` answer to its real name, so that its classes are the same in scheduler, containers and readers.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType, FunctionType, ModuleType
from typing import Any, NamedTuple

from laminar.errors import LaminarError, TargetError
from laminar.model.names import nearest

_inserted: set[str] = set()
"""Folders that laminar itself made importable in this process; no other process has them."""

_loading: list[list[object]] = []
"""For each module load under way, innermost last: the flows constructed in it, in order."""


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


class Loaded(NamedTuple):
    """A module that laminar loaded, and the flows that its import constructed, in order."""

    target: Target
    module: ModuleType
    constructed: Sequence[object] = ()


def constructed(flow: object) -> None:
    """Note that a flow was constructed, where laminar is loading a module."""
    if _loading:
        _loading[-1].append(flow)


def is_loading() -> bool:
    """Whether laminar is loading a module now."""
    return bool(_loading)


def schedules(frame: FrameType | None) -> bool:
    """Whether code reached from `frame` may schedule: not while laminar loads a module, and not while one is imported."""
    if _loading:
        return False
    while frame is not None:
        name = frame.f_globals.get("__name__", "__main__")
        # What is in no module table is run, not imported: the workers of pytest-xdist run theirs under a name of its own.
        if frame.f_code.co_name == "<module>" and name != "__main__" and name in sys.modules:
            return False
        frame = frame.f_back
    return True


def load(target: Target, app_dir: str) -> Loaded:
    """Import the target's module, scheduling nothing.

    Args:
        target: What to load; a path is relative to `app_dir`.
        app_dir: Directory that is made importable.

    Raises:
        TargetError: There is no such module, or importing it raised; then `details` has the user's traceback.
    """
    for place in dict.fromkeys((app_dir, os.path.join(app_dir, os.path.dirname(target.path)))):
        folder = os.path.abspath(place)
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)
        _inserted.add(folder)
    with _scheduling_nothing() as flows:
        try:
            module = _load_path(target, app_dir) if target.path else importlib.import_module(target.module)
        except TargetError:
            raise
        except ModuleNotFoundError as error:
            if not _is_part(error.name, target.module):
                raise _failed(target, error) from error
            raise TargetError(
                f"there is no module {error.name!r} to import (target {target}, in {os.path.abspath(app_dir)}).",
                remedy="Run it in the directory of your module, or name that directory with --app-dir.",
            ) from None
        except (Exception, SystemExit) as error:
            raise _failed(target, error) from error
    return Loaded(target, module, flows)


def exists(target: Target, app_dir: str) -> bool:
    """Whether the file of the target's module, or of the package it is in, is in `app_dir`."""
    if target.path:
        return os.path.isfile(os.path.join(app_dir, target.path))
    top = os.path.join(app_dir, target.module.partition(".")[0])
    return os.path.isfile(f"{top}.py") or os.path.isdir(top)


def installed(target: Target) -> bool:
    """Whether the target's module is in an installed package."""
    return not target.path and importlib.util.find_spec(target.module.partition(".")[0]) is not None


def find(loaded: Loaded, base: type[Any]) -> Any:
    """The flow that the target names: an instance of `base`.

    A class stands for the first instance of exactly that class that the import constructed, else for a new one.

    Raises:
        TargetError: No such attribute, one that is not a flow, or none named and more than one there.
    """
    found = _named(loaded, base) if loaded.target.attribute else _only(loaded, base)
    if isinstance(found, type):
        made = [flow for flow in loaded.constructed if type(flow) is found]
        return made[0] if made else _instance(loaded.target, found)
    return found


def flows_in(module: ModuleType, base: type[Any]) -> list[type[Any]]:
    """The subclasses of `base` that `module` defines, in order of definition."""
    own = {value: None for value in vars(module).values() if isinstance(value, type) and issubclass(value, base)}
    return [flow for flow in own if flow is not base and flow.__module__ in (module.__name__, "__main__")]


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
    if outside and os.path.dirname(os.path.realpath(file)) in map(os.path.realpath, _inserted):
        folder = os.path.relpath(os.path.dirname(file))
        raise TargetError(
            f"{file} is outside of {os.path.abspath(app_dir)}, the directory that other processes import from.",
            remedy=f"Name its own: --app-dir {folder}, with the target {os.path.basename(file)}:{flow.__qualname__}.",
        )
    # Only a file that was run or loaded by its path has the name of the file, in a folder that is no package.
    in_its_place = relative == f"{name}.py" and name.isidentifier()
    by_path = not outside and not in_its_place and os.path.basename(relative) == f"{name}.py"
    return Target(name, relative if by_path else "", flow.__qualname__)


def adopt(flow: type[Any]) -> str:
    """Let the program answer to its real name, where it defines `flow`; returns the directory it is importable from.

    Whatever the program defines then belongs to that name: `main`, not `__main__`, so that pickles made here are read
    elsewhere and the other way round. Nothing is imported a second time.
    """
    program = sys.modules["__main__"]
    file = getattr(program, "__file__", None)
    if file is None or flow.__module__ not in ("__main__", getattr(program, "__laminar_name__", None)):
        return os.getcwd()
    spec, name = getattr(program, "__spec__", None), program_name()
    folder = os.path.dirname(os.path.abspath(file)) if spec is None else os.getcwd()
    program.__dict__["__laminar_name__"] = name
    sys.modules[name] = program
    _rename(vars(program), name)
    cwd = os.path.realpath(os.getcwd())
    return cwd if os.path.commonpath((os.path.realpath(folder), cwd)) == cwd else folder


def program_name() -> str:
    """The name by which other processes import the program; `__main__` where it is no file."""
    program = sys.modules["__main__"]
    spec, file = getattr(program, "__spec__", None), getattr(program, "__file__", None)
    if spec is not None:  # python -m package.module
        return str(spec.name)
    return os.path.splitext(os.path.basename(file))[0] if file else "__main__"


def program() -> list[str]:
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


@contextmanager
def _scheduling_nothing() -> Iterator[list[object]]:
    flows: list[object] = []
    _loading.append(flows)
    try:
        yield flows
    finally:
        _loading.pop()


def _load_path(target: Target, app_dir: str) -> ModuleType:
    path = os.path.abspath(os.path.join(app_dir, target.path))
    if not os.path.isfile(path):
        raise TargetError(f"there is no file {path} (target {target}).", remedy="Name a file relative to --app-dir.")
    present = sys.modules.get(target.module)
    if present is not None:
        if os.path.realpath(getattr(present, "__file__", None) or "") == os.path.realpath(path):
            return present
        raise TargetError(
            f"{target.path} cannot be loaded as {target.module!r}: another module of that name is loaded already.",
            remedy="Rename the file.",
        )
    spec = importlib.util.spec_from_file_location(target.module, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[target.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[target.module]
        raise
    return module


def _named(loaded: Loaded, base: type[Any]) -> Any:
    module, attribute = loaded.module, loaded.target.attribute
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if isinstance(found, base) or (isinstance(found, type) and issubclass(found, base) and found is not base):
        return found
    names = [flow.__name__ for flow in flows_in(module, base)]
    there = f"Flows in {module.__name__}: {', '.join(names) or 'none'}.{nearest(attribute, names)}"
    if found is None:
        raise TargetError(f"module {module.__name__!r} has no attribute {attribute!r}.", remedy=there)
    raise TargetError(f"{loaded.target} is a {type(found).__name__}, not a flow.", remedy=there)


def _instance(target: Target, flow: type[Any]) -> Any:
    try:
        return flow()
    except LaminarError:
        raise
    except Exception as error:
        place = target.path or f"module {target.module}"
        raise TargetError(
            f"{flow.__name__}() raises {type(error).__name__}: {error}.",
            remedy=f"Give each argument of its __init__ a default, or construct one at the top level of {place}.",
        ) from error


def _only(loaded: Loaded, base: type[Any]) -> Any:
    flows = flows_in(loaded.module, base)
    if len(flows) == 1:
        return flows[0]
    if not flows:
        raise TargetError(
            f"module {loaded.module.__name__!r} defines no flow.", remedy="Define one: class MyFlow(Flow): ..."
        )
    names = ", ".join(f"{loaded.target}:{flow.__name__}" for flow in flows)
    raise TargetError(f"module {loaded.module.__name__!r} defines {len(flows)} flows.", remedy=f"Name one: {names}.")


def _is_part(name: str | None, module: str) -> bool:
    """Whether `name` is `module` or one of the packages it is in, as opposed to something that it imports."""
    return name is not None and (module == name or module.startswith(f"{name}."))


def _failed(target: Target, error: BaseException) -> TargetError:
    from laminar.engine.keywords import taken
    from laminar.engine.tracebacks import user_traceback

    what = f"exits with {error.code!r}" if isinstance(error, SystemExit) else f"raises {type(error).__name__}"
    remedy = taken(error) or "Mend the module; the traceback above is its own."
    if isinstance(error, ModuleNotFoundError) and error.name:
        what = f"needs {error.name!r}, which is not installed here"
        remedy = (
            f"Install {error.name.partition('.')[0]} where this runs: in the image (name it in requirements.txt, then "
            "laminar build), or in this environment."
        )
    return TargetError(
        f"importing {target.path or target.module} {what}.",
        remedy=remedy,
        details=user_traceback(error),
    )
