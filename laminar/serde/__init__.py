"""Codecs: how values become bytes. The first that accepts a value writes it."""

from __future__ import annotations

from laminar.engine.ports import Codec
from laminar.serde.pickles import Pickle
from laminar.serde.plain import Bytes, Json

CODECS: tuple[Codec, ...] = (Json(), Bytes(), Pickle())
"""In order of preference; the last accepts everything."""

__all__ = ["CODECS", "Bytes", "Codec", "Json", "Pickle"]
