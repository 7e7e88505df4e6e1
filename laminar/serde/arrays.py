"""The codec for NumPy arrays: their memory as it lies there, and how to look at it. Runs no code when it reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from laminar.engine.ports import Buffer, Codec


class Array(Codec):
    """Arrays of exactly `numpy.ndarray`, and numbers of NumPy's own types.

    Byte order, structured types, dates, and the order of the axes in memory (C or Fortran) come back as they were; an array
    that has neither order is written in C's. Arrays of objects, and of types that NumPy itself does not know by name, are
    left to pickle.
    """

    name = "numpy"

    def accepts(self, value: Any) -> bool:
        """Whether `value` is such an array or number. NumPy is not imported to find out."""
        kind = type(value)
        if kind.__module__ != "numpy":
            return False
        if kind.__name__ != "ndarray":
            import numpy

            # Text of NumPy's own types would lose its trailing zeros.
            return isinstance(value, numpy.generic) and value.dtype.kind in "?biufcmM"
        return _described(value.dtype) is not None

    def dump(self, value: Any) -> tuple[Sequence[Buffer], dict[str, str]]:
        """The memory of the array; a copy only where it is not contiguous."""
        import numpy

        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        notes = {"dtype": json.dumps(_described(value.dtype)), "shape": json.dumps(value.shape), "order": order}
        if type(value) is not numpy.ndarray:
            notes["scalar"] = "yes"
        if not value.nbytes:
            return [b""], notes
        flat: Any = numpy.ascontiguousarray(value.T if order == "F" else value).reshape(-1)
        return [memoryview(flat.view("u1"))], notes

    def load(self, parts: Sequence[Buffer], notes: dict[str, str]) -> Any:
        """A view of the part.

        Raises:
            ValueError: The notes are not those of an array that this codec writes.
        """
        import numpy

        dtype = _restored(json.loads(notes["dtype"]))
        if dtype.hasobject:  # NumPy would take the bytes for addresses
            raise ValueError(f"{dtype} holds objects")
        order: Any = notes["order"]
        array: Any = numpy.ndarray(json.loads(notes["shape"]), dtype, buffer=parts[0], order=order)
        return array[()] if "scalar" in notes else array


def _described(dtype: Any) -> Any:
    """`dtype` as JSON; None where that would lose something."""
    try:
        found = _description(dtype)
        return found if not dtype.hasobject and _restored(found) == dtype else None
    except (TypeError, ValueError):  # a type of another library, which NumPy does not know by name
        return None


def _description(dtype: Any) -> Any:
    if dtype.metadata:
        raise ValueError("metadata is compared by nobody")
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": _description(base), "shape": list(shape)}
    if dtype.names is None:
        return dtype.str
    fields = [dtype.fields[name] for name in dtype.names]
    titles = [field[2] if len(field) > 2 else None for field in fields]
    if any(type(title) not in (str, type(None)) for title in titles):
        raise ValueError("titles of fields may be any objects")
    return {
        "names": list(dtype.names),
        "formats": [_description(field[0]) for field in fields],
        "offsets": [field[1] for field in fields],
        "titles": titles,
        "itemsize": dtype.itemsize,
        "aligned": dtype.isalignedstruct,
    }


def _restored(description: Any) -> Any:
    import numpy

    if isinstance(description, str):
        form: Any = description
    elif "base" in description:
        form = (_restored(description["base"]), tuple(description["shape"]))
    else:
        form = {**description, "formats": [_restored(each) for each in description["formats"]]}
    return numpy.dtype(form)
