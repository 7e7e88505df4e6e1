"""What Python does not say of an error in an imported module: what a call of laminar's takes, which name was meant."""

from __future__ import annotations

import builtins
import inspect
import re
import sys
from collections.abc import Mapping
from typing import Any

from laminar.model.names import nearest

_MISFIT = re.compile(
    r"(\w+)\.(\w+)\(\) (?:got an unexpected keyword argument '(\w+)'|takes \d+ positional arguments? but .*)"
)


def taken(error: BaseException) -> str:
    """`Retry takes attempts=, delay=. Did you mean 'attempts'?`, where that is what is wrong; else nothing."""
    found = _MISFIT.match(str(error)) if isinstance(error, TypeError) else None
    ours = found and _class(error, found[1])
    if not found or not ours:
        return ""
    parameters = inspect.signature(getattr(ours, found[2])).parameters
    named = [each.name for each in parameters.values() if each.kind is each.KEYWORD_ONLY]
    names = named or [name for name in parameters if name != "self"]
    what = found[1] if found[2] == "__init__" else found[2]
    return f"{what} takes {', '.join(f'{name}=' for name in names)}.{nearest(found[3] or '', names)}" if names else ""


def meant(error: BaseException) -> str:
    """` Did you mean 'Kmers'?`, where a name is not defined and one that is near is; else nothing."""
    if not isinstance(error, NameError) or isinstance(error, UnboundLocalError):
        return ""
    return nearest(error.name or "", [*_names(error), *vars(builtins)])


def _names(error: BaseException) -> Mapping[str, Any]:
    """What the names stand for in the code that raised the error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return {**trace.tb_frame.f_globals, **trace.tb_frame.f_locals} if trace else {}


def _class(error: BaseException, name: str) -> type | None:
    """The class of laminar's that has a name, unless the code that raised the error means another one by it."""
    here = _names(error).get(name)
    for module, content in list(sys.modules.items()):
        found = getattr(content, name, None) if module.startswith("laminar.") else None
        if isinstance(found, type) and found.__module__.startswith("laminar.") and here in (None, found):
            return found
    return None
