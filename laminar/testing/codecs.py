"""The suite that every codec passes."""

# ruff: noqa: D102 - the names of the tests are sentences

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from laminar.engine.artifacts import Archive
from laminar.engine.ports import Codec
from laminar.errors import CorruptError


class CodecContract:
    """What laminar relies on in a codec. Override the fixtures `codec` and `values`."""

    @pytest.fixture
    def codec(self) -> Codec:
        """The codec that is tested."""
        raise NotImplementedError("override the fixture `codec`")

    @pytest.fixture
    def values(self) -> Sequence[Any]:
        """Values that it accepts: typical ones, empty ones, and one of more than a MiB."""
        raise NotImplementedError("override the fixture `values`")

    def equal(self, value: Any, other: Any) -> bool:
        """Whether a value read back is the one that was saved; override it where `==` does not say so."""
        return type(value) is type(other) and bool(value == other)

    def test_it_accepts_its_values_and_answers_for_any_other(self, codec: Codec, values: Sequence[Any]) -> None:
        assert all(codec.accepts(value) is True for value in values)
        for stranger in (None, True, 1, 1.5, "text", b"bytes", [], {}, object(), type, len, Exception("x")):
            assert codec.accepts(stranger) in (True, False)

    def test_its_name_is_a_word(self, codec: Codec) -> None:
        assert codec.name
        assert codec.name.isprintable()
        assert codec.name == type(codec)().name

    def test_parts_are_buffers_and_notes_are_text(self, codec: Codec, values: Sequence[Any]) -> None:
        for value in values:
            parts, notes = codec.dump(value)
            assert parts
            assert all(memoryview(part).contiguous for part in parts)
            assert json.loads(json.dumps(notes)) == notes

    def test_values_come_back_from_their_parts(self, codec: Codec, values: Sequence[Any]) -> None:
        for value in values:
            parts, notes = codec.dump(value)
            mine = [memoryview(bytearray(memoryview(part).cast("B"))) for part in parts]
            assert self.equal(codec.load(mine, notes), value)

    def test_dump_leaves_its_value_alone(self, codec: Codec, values: Sequence[Any]) -> None:
        for value in values:
            before = copy.deepcopy(value)
            codec.dump(value)
            assert self.equal(value, before)

    def test_values_come_back_from_a_datastore(self, codec: Codec, values: Sequence[Any], archive: Archive) -> None:
        for value in values:
            entry = json.loads(json.dumps(archive.save(value)))
            assert entry["codec"] == codec.name
            assert self.equal(archive.load(entry, "value", "Layer"), value)

    def test_damage_is_found_before_it_is_decoded(self, codec: Codec, values: Sequence[Any], archive: Archive) -> None:
        entries = [entry for entry in map(archive.save, values) if "blob" in entry]
        assert entries, "give `values` one of more than a MiB"
        for entry in entries:
            with pytest.raises(CorruptError, match="lost"):
                archive.load({**entry, "blob": "0" * 64}, "value", "Layer")

    @pytest.fixture(params=["memory", "local"])
    def archive(self, codec: Codec, request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
        """Artifacts in memory, and in files that are mapped when they are read, written by the codec that is tested."""
        from laminar.datastores.local import Local
        from laminar.datastores.memory import Memory

        return Archive(Memory() if request.param == "memory" else Local(tmp_path), [codec])
