"""From a target to its flow: the module is imported, and nothing is scheduled by that.

While laminar loads a module, and at module level of any module that is not the program, flows are false (`schedules`), so
that a guarded `flow()` is skipped.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from laminar.engine.targets import Target, make_importable
from laminar.errors import LaminarError, TargetError
from laminar.model.names import nearest

_loading: list[list[object]] = []
"""For each module load under way, innermost last: the flows constructed in it, in order."""


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
        make_importable(os.path.abspath(place))
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
                remedy=_with_colon(target)
                or "Run it in the directory of your module, or name that directory with --app-dir.",
            ) from None
        except (Exception, SystemExit) as error:
            raise _failed(target, error) from error
    return Loaded(target, module, flows)


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


def _with_colon(target: Target) -> str:
    """`Did you mean rna:Rna?`, where `rna.Rna` was typed and the import of `rna` went well; else nothing."""
    module, _, attribute = target.module.rpartition(".")
    there = not target.attribute and hasattr(sys.modules.get(module), attribute)
    return f"Did you mean {module}:{attribute}?" if there else ""


def _failed(target: Target, error: BaseException) -> TargetError:
    from laminar.engine.keywords import meant, taken
    from laminar.engine.tracebacks import user_traceback

    what = f"exits with {error.code!r}" if isinstance(error, SystemExit) else f"raises {type(error).__name__}"
    remedy = taken(error) or f"Mend the module; the traceback above is its own.{meant(error)}"
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
