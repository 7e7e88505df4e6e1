"""A call of laminar's that does not fit, in a module that is imported: what it takes, as Python does not say."""

from __future__ import annotations

import inspect
import re
import sys

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


def _class(error: BaseException, name: str) -> type | None:
    """The class of laminar's that has a name, unless the code that raised the error means another one by it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    meant = {**trace.tb_frame.f_globals, **trace.tb_frame.f_locals}.get(name) if trace else None
    for module, content in list(sys.modules.items()):
        found = getattr(content, name, None) if module.startswith("laminar.") else None
        if isinstance(found, type) and found.__module__.startswith("laminar.") and meant in (None, found):
            return found
    return None
