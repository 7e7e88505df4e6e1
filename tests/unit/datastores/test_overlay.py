from __future__ import annotations

from pathlib import Path

import pytest

from laminar.datastores.local import Local
from laminar.datastores.overlay import Overlay
from laminar.engine import layout
from laminar.errors import NotFoundError


@pytest.fixture
def below(tmp_path: Path) -> Local:
    store = Local(tmp_path / "below")
    store.create("runs/F/e/log", b"one ")
    store.create(layout.external("abc"), b"external")
    return store


@pytest.fixture
def overlay(below: Local, tmp_path: Path) -> Overlay:
    return Overlay(below, Local(tmp_path / "above"))


def test_what_is_below_is_read_listed_and_not_put_again(overlay: Overlay) -> None:
    assert bytes(overlay.read("runs/F/e/log")) == b"one "
    assert not overlay.create("runs/F/e/log", b"two")
    with overlay.stage() as staged:
        staged.write(b"two")
        assert not staged.publish("runs/F/e/log")
    assert overlay.create("runs/F/f/log", b"new")
    assert sorted(overlay.children("runs/F/")) == ["e", "f"]
    assert sorted(overlay.holding("runs/F/", "log")) == ["e", "f"]
    assert sorted(overlay.keys("runs/")) == ["runs/F/e/log", "runs/F/f/log"]
    with pytest.raises(NotFoundError):
        overlay.read("runs/F/g/log")


def test_nothing_that_is_written_reaches_what_is_below(overlay: Overlay, below: Local, tmp_path: Path) -> None:
    before = contents(tmp_path / "below")
    overlay.create("runs/F/new", b"x")
    overlay.append("runs/F/e/log", b"two ")
    overlay.append("runs/F/e/log", b"three")
    with overlay.stage() as staged:
        staged.write(b"replaced")
        assert staged.publish(layout.external("abc"), replace=True)
    Path(overlay.place(layout.external("def"), writes=True)).write_bytes(b"by a protocol")
    assert bytes(overlay.read("runs/F/e/log")) == b"one two three"
    assert bytes(overlay.read(layout.external("abc"))) == b"replaced"
    assert Path(overlay.place(layout.external("def"))).read_bytes() == b"by a protocol"
    assert contents(tmp_path / "below") == before


def test_what_protocols_have_written_below_is_read_in_its_place(overlay: Overlay, below: Local) -> None:
    assert overlay.place(layout.external("abc")) == below.place(layout.external("abc"))


def test_no_other_process_is_told_where_it_is_unless_it_only_reads(below: Local) -> None:
    assert Overlay(below, below).url == ""
    assert Overlay(below, below, below.url).url == below.url


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
