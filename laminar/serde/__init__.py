"""Codecs: how values become bytes. The first that accepts a value writes it; protocols of a datastore come before these."""

from __future__ import annotations

from laminar.engine.ports import Codec
from laminar.engine.protocols import Protocol
from laminar.serde.arrays import Array
from laminar.serde.pickles import Pickle
from laminar.serde.plain import Bytes, Json

CODECS: tuple[Codec, ...] = (Json(), Bytes(), Array(), Pickle())
"""In order of preference; the last accepts everything."""

__all__ = ["CODECS", "Array", "Bytes", "Codec", "Json", "Pickle", "Protocol"]
