"""The codec for any Python value: pickle, and dill for what pickle cannot.

Large buffers (NumPy arrays and the like) go out of band by pickle protocol 5 (PEP 574): they are written from where they
lie and read back as views of the mapped blob, never through the pickle.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from laminar.engine.ports import Buffer, Codec
from laminar.errors import LayerError, SkewError

if TYPE_CHECKING:
    import pickle

_OUT_OF_BAND_BYTES = 16 * 1024
"""Buffers from this size get a part of their own; smaller ones are cheaper inside the pickle."""

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class Pickle(Codec):
    """Pickle protocol 5. What it cannot write (functions and classes by value) dill writes, noted as such.

    dill is imported for such values only: it costs tens of milliseconds, which each container would pay.
    """

    name = "pickle"

    def accepts(self, value: Any) -> bool:
        """Any value."""
        return True

    def dump(self, value: Any) -> tuple[Sequence[Buffer], dict[str, str]]:
        """The pickle, then its large buffers.

        Raises:
            LayerError: Neither pickle nor dill can; names the innermost part that cannot be pickled.
        """
        import pickle  # paid by values that need it

        buffers: list[Buffer] = []

        def in_band(buffer: pickle.PickleBuffer) -> bool:
            view = buffer.raw()
            if view.nbytes < _OUT_OF_BAND_BYTES:
                return True
            buffers.append(view)
            return False

        try:
            return [pickle.dumps(value, protocol=5, buffer_callback=in_band), *buffers], {}
        except Exception:  # whatever a user's __reduce__ raises: dill may still know a way
            buffers.clear()
            try:
                return [_dill(value, in_band), *buffers], {"dill": _PYTHON, "dill_version": _dill_version()}
            except Exception as error:
                path, culprit = _innermost(value)
                raise LayerError(
                    f"it cannot be pickled: {path} is a {type(culprit).__qualname__} ({_said(error)})",
                    remedy="Keep it in a local variable or under a name that begins with '_', "
                    "and save what it can be made from again.",
                ) from error

    def load(self, parts: Sequence[Buffer], notes: dict[str, str]) -> Any:
        """The value; its large buffers are views of `parts`.

        Raises:
            SkewError: It holds bytecode of another minor version of Python, or what another version of dill made of it.
        """
        if "dill" not in notes:
            import pickle

            return pickle.loads(parts[0], buffers=parts[1:])
        if notes["dill"] != _PYTHON:
            raise SkewError(
                f"it holds code that Python {notes['dill']} compiled; this is Python {_PYTHON}.",
                remedy="Read it with the same Python, or define what it is made of in a module of the project.",
            )
        import dill

        try:
            return dill.Unpickler(io.BytesIO(parts[0]), buffers=parts[1:]).load()
        except Exception as error:
            written = notes.get("dill_version", dill.__version__)
            if written == dill.__version__:
                raise
            raise SkewError(
                f"dill {written} wrote it, and dill {dill.__version__} cannot read it ({_said(error)}).",
                remedy=f"Install dill {written} here, or the same version everywhere.",
            ) from error


def _dill_version() -> str:
    import dill

    return str(dill.__version__)


def _said(error: Exception) -> str:
    """The error in one line; its own text may be code of the user's, which may raise."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def _dill(value: Any, in_band: Callable[[pickle.PickleBuffer], bool] | None = None) -> bytes:
    import dill

    class Pickler(dill.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            """Arrays by their own protocol 5, which knows buffers; dill's way for them does not."""
            kind = type(obj)
            array = (kind.__module__, kind.__name__) == ("numpy", "ndarray")
            return obj.__reduce_ex__(5) if array else NotImplemented

    file = io.BytesIO()
    # recurse: a lambda takes along the globals it uses, not a reference to whatever __main__ is where it is read.
    Pickler(file, protocol=5, recurse=True, buffer_callback=in_band).dump(value)
    return file.getvalue()


def _innermost(value: Any, path: str = "the value", depth: int = 0) -> tuple[str, Any]:
    """Where inside `value` the first part lies that cannot be pickled although all inside it can."""
    try:
        found = _first_failing(list(_children(value))) if depth < 20 else None
    except Exception:  # a user's container, which may raise anything
        found = None
    return (path, value) if found is None else _innermost(found[1], f"{path}{found[0]}", depth + 1)


def _first_failing(children: list[tuple[str, Any]]) -> tuple[str, Any] | None:
    """The first child that cannot be pickled. Halves are tried at once: of a million, each one alone would take minutes."""
    while children:
        middle = (len(children) + 1) // 2
        try:
            _dill([child for _, child in children[:middle]])
        except Exception:
            if middle == 1:
                return children[0]
            children = children[:middle]
        else:
            children = children[middle:]
    return None


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{_shown(key)}]", child) for key, child in value.items())
        yield from ((f", key {_shown(key)},", key) for key in value)
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", child) for index, child in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from ((f"{{{_shown(child)}}}", child) for child in value)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from ((f".{name}", child) for name, child in vars(value).items())


def _shown(key: Any) -> str:
    """A key as the path has it: in full where it is plain, and never by code of the user's."""
    return repr(key) if type(key) in (str, int, float, bool, bytes, type(None)) else f"<{type(key).__qualname__}>"
