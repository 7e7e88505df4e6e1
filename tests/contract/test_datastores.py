"""Every datastore of laminar passes the suite for datastores."""

from __future__ import annotations

from pathlib import Path

import pytest

from laminar.datastores import Datastore, Local, Memory
from laminar.datastores.overlay import Overlay
from laminar.testing import DatastoreContract


class TestMemory(DatastoreContract):
    @pytest.fixture
    def store(self) -> Datastore:
        return Memory()

    def test_one_object_put_twice_is_put_once(self, store: Datastore) -> None:
        super().test_one_object_put_twice_is_put_once(store)


class Keeps(Memory):
    """A store of a third party that implements no removal."""

    stat = Datastore.stat
    refresh = Datastore.refresh
    move = Datastore.move
    remove = Datastore.remove


class TestKeeps(DatastoreContract):
    removes = False

    @pytest.fixture
    def store(self) -> Datastore:
        return Keeps()


class TestLocal(DatastoreContract):
    processes = True

    @pytest.fixture
    def store(self, tmp_path: Path) -> Datastore:
        return Local(tmp_path / "store")


class TestOverlay(DatastoreContract):
    removes = False

    @pytest.fixture
    def store(self, tmp_path: Path) -> Datastore:
        return Overlay(Local(tmp_path / "below"), Local(tmp_path / "above"))
