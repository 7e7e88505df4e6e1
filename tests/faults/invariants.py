"""What must hold after every fault (I1 to I6 of docs/reliability.md), read from the files, not through laminar."""

from __future__ import annotations

import json
import os
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

_CHECKSUM = b',"sha256":"'


def commits(store: Path) -> dict[str, bytes]:
    """Path -> content of every COMMIT of the store."""
    return {
        str(path.relative_to(store)): path.read_bytes() for path in sorted(store.glob("runs/*/*/layers/*/*/COMMIT*"))
    }


def verify(store: Path) -> None:
    """I1: every COMMIT is whole, and all that it names exists and is what was written."""
    for content in commits(store).values():
        body, separator, end = content.rpartition(_CHECKSUM)
        assert separator
        assert end == sha256(body + b"}").hexdigest().encode() + b'"}'
        for entry in json.loads(content)["artifacts"].values():
            for digest in _blobs(store, entry):
                assert sha256(_blob(store, digest).read_bytes()).hexdigest() == digest


def _blobs(store: Path, entry: Any) -> Iterator[str]:
    for place in entry.get("pages", [entry]):
        if "blob" in place:
            yield place["blob"]
        if "pages" in entry:
            size = place["sizes"][0]
            data = _blob(store, place["blob"]).read_bytes() if "blob" in place else b64decode(place["inline"])
            for item in json.loads(data[:size]):
                yield from _blobs(store, item)


def _blob(store: Path, digest: str) -> Path:
    return store / "cas" / "sha256" / digest[:2] / digest


def unchanged(before: dict[str, bytes], store: Path) -> None:
    """I2: no COMMIT has changed, nor gone."""
    now = commits(store)
    assert {path: now.get(path) for path in before} == before


class Calls:
    """How often user code was called: each call of a layer adds its `LAYER INDEX ATTEMPT` to a file beside the store."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def made(self, name: str = "calls") -> Counter[tuple[str, int, int]]:
        """(layer, index, attempt) -> calls."""
        file = self._project / name
        lines = file.read_text().splitlines() if file.exists() else []
        return Counter((layer, int(index), int(attempt)) for layer, index, attempt in map(str.split, lines))

    def were_due(self) -> None:
        """I5: each call was of an attempt of its own, that was recorded as started."""
        for (layer, index, attempt), times in self.made().items():
            assert times == 1, (layer, index, attempt)
            folder = self._project / ".laminar" / "runs"
            assert list(folder.glob(f"*/*/layers/{layer}/{index}/{attempt}/started.json")), (layer, index, attempt)


def committed(store: Path) -> set[tuple[str, int]]:
    """The splits that have a COMMIT."""
    parts = (path.split("/") for path in commits(store))
    return {(part[4], int(part[5])) for part in parts}


def processes(folder: Path) -> list[str]:
    """The command lines of the processes that work in `folder`."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if os.readlink(process / "cwd") == str(folder):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return [command for command in found if command]


def nobody_left(folder: Path, seconds: float = 120.0) -> None:
    """I4: of what ran in `folder`, nothing runs any more."""
    deadline = time.monotonic() + seconds
    while left := processes(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)
