"""Tracebacks as their reader wants them: the user's own frames, not those of laminar or of the import machinery."""

from __future__ import annotations

import importlib
import os
from types import TracebackType

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def user_traceback(error: BaseException) -> str:
    """The traceback of `error` without frames of laminar and `importlib`; causes and contexts are kept."""
    import traceback  # paid by failures only

    report = traceback.TracebackException.from_exception(error, compact=True)
    seen: traceback.TracebackException | None = report
    while seen is not None:
        users = [frame for frame in seen.stack if not _foreign(frame.filename)]
        seen.stack = traceback.StackSummary.from_list(users)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "".join(report.format()).rstrip()


def without_ours(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from the first of the user's frames on."""
    while trace is not None and _foreign(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _foreign(filename: str) -> bool:
    if filename.startswith(("<frozen importlib", "<frozen runpy")) or filename == importlib.__file__:
        return True
    return os.path.abspath(filename).startswith(_OURS + os.sep)
