"""Every codec of laminar passes the suite for codecs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pytest

from laminar.serde import Array, Bytes, Codec, Json, Pickle
from laminar.testing import CodecContract


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    colour: Colour


class TestJson(CodecContract):
    @pytest.fixture
    def codec(self) -> Codec:
        return Json()

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        numbers = [0, -1, 2**63 - 1, -(2**63), 0.1, -0.0, 1e308, 5e-324, math.inf]
        texts = ["", "été\0\n\ud800😀", "\ud83d\ude00", '"quoted"', "long" * 300_000]
        return [None, True, False, *numbers, *texts, [], {}, {"b": [numbers, {"": texts[:4]}], "a": [None, []]}]

    def test_signs_and_nan_survive(self, codec: Codec) -> None:
        zero, nan = (codec.load(codec.dump(value)[0], {}) for value in (-0.0, math.nan))
        assert math.copysign(1, zero) == -1
        assert math.isnan(nan)


class TestBytes(CodecContract):
    @pytest.fixture
    def codec(self) -> Codec:
        return Bytes()

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        return [b"", b"\0", bytes(range(256)), b"long" * 300_000]


class TestArray(CodecContract):
    @pytest.fixture
    def codec(self) -> Codec:
        return Array()

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        fields = np.dtype([("when", "M8[s]"), ("at", ">f4", (2, 3)), ("name", "U5")], align=True)
        inner = np.dtype({"names": ["x"], "formats": [fields], "offsets": [8], "itemsize": 200})
        arrays = [np.arange(12).reshape(3, 4), np.array(1.5), np.zeros((0, 3)), np.full(5, np.nan, ">c16")]
        orders = [
            np.ones((300, 500), order="F"),
            np.arange(1e6)[::2],
            np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
        ]
        kinds = [
            np.zeros(3, fields),
            np.zeros((2, 2), inner),
            np.zeros(3, "V0"),
            np.array(["a\0b", ""]),
            np.array([b"a"]),
        ]
        dates = [np.array(["2020-01-01", "NaT"], "M8[D]"), np.array([1, 2], "m8[25us]")]
        numbers = [np.float64(0.1), np.int8(-1), np.bool_(True), np.datetime64("2020-01-01T00:00"), np.complex64(1j)]
        return [*arrays, *orders, *kinds, *dates, *numbers, np.arange(300_000)]

    def equal(self, value: Any, other: Any) -> bool:
        return same_array(value, other)


def same_array(value: Any, other: Any) -> bool:
    kinds = [(type(each), each.dtype, each.shape, each.dtype.isalignedstruct) for each in (value, other)]
    return kinds[0] == kinds[1] and value.tobytes() == other.tobytes()


class TestPickle(CodecContract):
    @pytest.fixture
    def codec(self) -> Codec:
        return Pickle()

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        plain = [[], {}, {"a": [1, (2, {3})]}, 10**100, bytearray(b"x" * 2_000_000), datetime.now(UTC), Decimal("0.10")]
        arrays = [np.arange(12).reshape(3, 4), np.zeros((0, 3)), np.asfortranarray(np.ones((300, 500))), np.float64(1)]
        return [*plain, Colour.RED, Point(1, Colour.RED), *arrays, {"array": np.arange(1e6)}, np.arange(1e6)[::2]]

    def equal(self, value: Any, other: Any) -> bool:
        if isinstance(value, np.ndarray):
            return value.dtype == other.dtype and np.array_equal(value, other)
        if isinstance(value, dict) and "array" in value:
            return self.equal(value["array"], other["array"])
        return super().equal(value, other)


class TestPickleByValue(CodecContract):
    """What dill writes: code, and what is local to a function."""

    @pytest.fixture
    def codec(self) -> Codec:
        return Pickle()

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        @dataclass
        class Local:
            x: int

        return [lambda x: x + 1, Local, {"f": lambda x: 2 * x, "padding": "x" * 2_000_000}]

    def equal(self, value: Any, other: Any) -> bool:
        if isinstance(value, type):
            return bool(value(1).x == other(1).x)
        if isinstance(value, dict):
            return self.equal(value["f"], other["f"]) and value["padding"] == other["padding"]
        return bool(value(20) == other(20))
