from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from laminar import wiring
from laminar.datastores import Local, Memory
from laminar.engine.artifacts import Archive
from laminar.errors import LaminarError
from laminar.serde import Array

kinds = arrays.array_dtypes() | arrays.scalar_dtypes() | arrays.nested_dtypes()
shapes = arrays.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=4)


@given(st.data())
def test_every_array_comes_back_as_it_was(data: st.DataObject) -> None:
    array = np.array(data.draw(arrays.arrays(data.draw(kinds), data.draw(shapes))))
    if data.draw(st.booleans()):
        array = np.asfortranarray(array)
    if data.draw(st.booleans()):
        array = array.T
    if array.ndim and data.draw(st.booleans()):
        array = array[::-2]
    archive = wiring.archive(Memory())
    entry = json.loads(json.dumps(archive.save(array)))
    read = archive.load(entry, "x", "A")
    assert (read.dtype, read.shape, read.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert entry["codec"] == ("pickle" if array.dtype.hasobject else "numpy")
    if array.flags.contiguous and entry["codec"] == "numpy":
        assert (read.flags.c_contiguous, read.flags.f_contiguous) == (
            array.flags.c_contiguous,
            array.flags.f_contiguous,
        )
        assert read.flags.writeable


@pytest.mark.parametrize("order", ["C", "F"])
def test_no_copy_is_made_of_a_contiguous_array(order: Any, tmp_path: Path) -> None:
    array = np.ones((700, 300), order=order)
    (part,), _ = Array().dump(array)
    assert np.shares_memory(np.frombuffer(part, "u1"), array)
    archive = Archive(Local(tmp_path), [Array()])
    read = archive.load(archive.save(array), "x", "A")
    assert not read.flags.owndata
    read[0] = -1  # in this process's own map of the file
    np.testing.assert_array_equal(archive.load(archive.save(array), "x", "A"), array)


@pytest.mark.parametrize("kind", ['"|O"', '{"names": ["a"], "formats": ["|O"], "offsets": [0], "itemsize": 8}'])
def test_bytes_are_never_taken_for_objects(kind: str) -> None:
    archive = wiring.archive(Memory())
    entry = archive.save(np.arange(3))
    entry["notes"]["dtype"] = kind
    with pytest.raises(LaminarError, match=r"cannot be read here: ValueError: .* holds objects"):
        archive.load(entry, "x", "A")


def test_an_array_larger_than_its_content_is_refused() -> None:
    archive = wiring.archive(Memory())
    entry = archive.save(np.arange(3))
    entry["notes"]["shape"] = "[4]"
    with pytest.raises(LaminarError, match="buffer is too small"):
        archive.load(entry, "x", "A")


def test_metadata_of_a_type_is_kept_by_pickle() -> None:
    archive = wiring.archive(Memory())
    entry = archive.save(np.zeros(2, np.dtype("i4", metadata={"unit": "m"})))
    assert entry["codec"] == "pickle"


def test_numpy_is_imported_for_arrays_only() -> None:
    script = (
        "import sys; from laminar import wiring; from laminar.datastores import Memory; archive = wiring.archive(Memory())\n"
        "for value in (1, [1], b'x', (1,), object): archive.load(archive.save(value), 'x', 'A')\n"
        "assert 'numpy' not in sys.modules and 'dill' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
