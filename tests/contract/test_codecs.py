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

from laminar.serde import Bytes, Codec, Json, Pickle
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
        return [None, True, False, *numbers, "", "été\0\n\ud800😀", '"quoted"', "long" * 300_000]

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
