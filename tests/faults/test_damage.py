"""Files of the store that were damaged, or that a newer laminar wrote: never taken for absent, never believed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from laminar import Flow, Layer
from laminar.configurations import layers
from laminar.datastores import Local
from laminar.engine import layout, records
from laminar.errors import ExecutionError, LaminarError
from laminar.executors import Thread
from tests.faults.invariants import commits, verify

called: list[tuple[str, int]] = []
failing: list[str] = []


class F(Flow): ...


@F.register
class A(Layer):
    def __call__(self) -> None:
        called.append(("A", 0))
        self.shard(parts=[b"x" * 2000, b"y" * 3000])


@F.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=A, attribute="parts")]))
class B(Layer):
    def __call__(self, a: A) -> None:
        called.append(("B", self.index))
        if failing and self.index == 1:
            raise ValueError
        self.twice = a.parts * 2


@F.register
class C(Layer):
    def __call__(self, b: B) -> None:
        called.append(("C", 0))
        self.sizes = [len(part) for part in b.twice]


def damaged(data: bytes, how: str) -> bytes:
    if how == "cut":
        return data[: len(data) // 2]
    if how == "empty":
        return b""
    if how == "garbage":
        return b"\x00\xff{" * 100
    flipped = bytearray(data)
    flipped[len(data) // 3] ^= 4
    return bytes(flipped)


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMINAR_PROGRESS", "quiet")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with an execution of which B/1 has failed, and what is below it has not run."""
    root = tmp_path_factory.mktemp("begun")
    failing.append("B")
    try:
        with pytest.raises(ExecutionError):
            F(datastore=Local(root), executor=Thread())(execution="one", foo="bar" * 1000)
    finally:
        failing.clear()
    return root


@pytest.fixture
def store(begun: Path, tmp_path: Path) -> Path:
    called.clear()
    return Path(shutil.copytree(begun, tmp_path / "store"))


def files(root: Path, kind: str) -> list[Path]:
    found = [path for path in root.rglob("*") if path.is_file() and layout.kind(str(path.relative_to(root))) == kind]
    assert found
    return sorted(found)


def resumed(root: Path) -> Any:
    execution = F(datastore=Local(root), executor=Thread()).execution("one")
    execution.resume()
    return execution.layer(C).sizes


EXPLAINS = ("launch", "failure", "final", "log", "started")
"""These decide nothing: an execution goes on without them, unless they are needed to go on."""


@pytest.mark.parametrize("how", ["cut", "empty", "garbage", "flipped"])
@pytest.mark.parametrize(
    "kind", ["execution", "launch", "lease", "ended", "plan", "commit", "started", "failure", "final"]
)
def test_a_damaged_record(store: Path, kind: str, how: str) -> None:
    for path in files(store, kind):
        path.write_bytes(damaged(path.read_bytes(), how))
    before = commits(store)
    if kind in EXPLAINS:
        assert resumed(store) == [4000, 6000]
    else:
        with pytest.raises(LaminarError, match="is unreadable: its checksum does not match its content") as caught:
            resumed(store)
        assert any(str(path.relative_to(store)) in caught.value.message for path in files(store, kind))
        assert caught.value.exit_code == 3
        assert caught.value.remedy
        assert called == []
    assert before.items() <= commits(store).items()
    assert not {("A", 0), ("B", 0)} & set(called)


@pytest.mark.parametrize("kind", ["execution", "lease", "plan", "commit"])
def test_a_record_of_a_newer_laminar(store: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in files(store, kind):
        document = records.decode(path.stem.replace("COMMIT", "commit"), path.read_bytes(), "")
        kept = {name: value for name, value in document.items() if name not in ("laminar", "format", "sha256")}
        with monkeypatch.context() as patch:
            patch.setattr(records, "FORMAT", records.FORMAT + 1)
            path.write_bytes(records.encode(path.stem.replace("COMMIT", "commit"), kept))
    with pytest.raises(LaminarError, match=r"has record format 2; this laminar reads up to 1") as caught:
        resumed(store)
    assert "upgrade this one" in caught.value.remedy
    assert called == []


@pytest.mark.parametrize("how", ["cut", "empty", "garbage", "flipped", "gone"])
def test_a_damaged_blob_is_named_and_can_be_computed_again(store: Path, how: str) -> None:
    blobs = files(store, "blob")
    for path in blobs:
        path.unlink() if how == "gone" else path.write_bytes(damaged(path.read_bytes(), how))
    execution = F(datastore=Local(store), executor=Thread()).execution("one")
    with pytest.raises(LaminarError) as caught:
        execution.resume()
    assert "corrupt" in str(caught.value) or "lost" in str(caught.value)
    assert "--rerun" in str(caught.value)
    assert ("A", 0) not in called
    called.clear()
    execution.resume(rerun=[A])
    assert execution.layer(C).sizes == [4000, 6000]
    assert sorted(called) == [("A", 0), ("B", 0), ("B", 1), ("C", 0)]
    verify(store)


def test_no_temporary_file_is_ever_read(store: Path) -> None:
    """What a killed writer left is neither listed nor in the way."""
    (store / "tmp").mkdir(exist_ok=True)
    (store / "tmp" / "0123").write_bytes(b"half")
    assert resumed(store) == [4000, 6000]
