"""The suite that every datastore passes."""

# ruff: noqa: D102 - the names of the tests are sentences

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from laminar.engine import layout
from laminar.engine.ports import Buffer, Datastore
from laminar.errors import NotFoundError, StoreError
from laminar.testing.races import ROUNDS, WRITERS, check_winners, content, race, race_apart, winnings

_START_S = 60.0
_SKEW_S = 600.0
_TICK_S = 0.02


class DatastoreContract:
    """What laminar relies on in a datastore. Override the fixture `store`; each test wants an empty one.

    Attributes:
        processes: Whether a pickled copy of the store, opened in another process, is the same store. Set it where that
            holds; the races are then run between processes, too.
        removes: Whether it implements `stat`, `refresh`, `move` and `remove`. Where it does not, `laminar gc` refuses it.
    """

    processes = False
    removes = True

    @pytest.fixture
    def store(self) -> Datastore:
        """An empty store of the kind that is tested."""
        raise NotImplementedError("override the fixture `store`: return an empty datastore")

    def test_what_is_created_is_read_back(self, store: Datastore) -> None:
        for durable in (True, False):
            key = layout.plan("Flow", "run", f"Durable{durable}")
            assert store.create(key, b"content", durable=durable) is True
            assert bytes(store.read(key)) == b"content"

    def test_create_changes_nothing_that_is_there(self, store: Datastore) -> None:
        assert store.create(_KEY, b"first")
        assert store.create(_KEY, b"second") is False
        assert store.create(_KEY, b"third", durable=False) is False
        assert bytes(store.read(_KEY)) == b"first"

    def test_one_object_put_twice_is_put_once(self, store: Datastore) -> None:
        content = b"the very same object"
        assert store.create(_KEY, content) is True
        assert store.create(_KEY, content) is False

    def test_of_many_that_are_put_at_once_each_is_put_if_it_is_absent(self, store: Datastore) -> None:
        keys = [layout.commit("Flow", "run", "A", index) for index in range(4)]
        store.create(keys[1], b"there")
        entries = [(key, key.encode()) for key in (*keys, keys[3])]
        assert store.create_all(entries) == [True, False, True, True, False]
        assert [bytes(store.read(key)) for key in keys] == [keys[0].encode(), b"there", *map(str.encode, keys[2:])]
        assert store.create_all([]) == []

    def test_reading_what_is_absent_says_that_it_is_absent(self, store: Datastore) -> None:
        with pytest.raises(NotFoundError):
            store.read(_KEY)
        store.create(layout.commit("Flow", "run", "Layer", 1), b"a neighbour")
        with pytest.raises(NotFoundError):
            store.read(_KEY)

    def test_it_has_what_was_put_or_added_to_and_nothing_else(self, store: Datastore) -> None:
        log, neighbour = layout.log("Flow", "run", "Layer", 0, 1), layout.commit("Flow", "run", "Layer", 1)
        assert [store.has(key) for key in (_KEY, log, neighbour)] == [False, False, False]
        store.create(_KEY, b"content")
        store.append(log, b"line")
        assert [store.has(key) for key in (_KEY, log, neighbour)] == [True, True, False]

    @pytest.mark.parametrize("content", [bytes(range(256)), b"\0", b"\r\n\n", b"\xff\xfe", b" "], ids=repr)
    def test_bytes_of_every_kind_come_back(self, store: Datastore, content: bytes) -> None:
        kinds: list[Buffer] = [content, bytearray(content), memoryview(b"--" + content)[2:]]
        for number, buffer in enumerate(kinds):
            key = layout.commit("Flow", "run", "Layer", number)
            assert store.create(key, buffer)
            assert bytes(store.read(key)) == content

    def test_large_values_come_back(self, store: Datastore) -> None:
        content = bytes(range(256)) * (5 << 12)  # 5 MiB
        assert store.create(_KEY, content)
        assert bytes(store.read(_KEY)) == content

    @pytest.mark.parametrize("size", [100, 5 << 20])
    def test_writing_into_what_was_read_stays_with_the_reader(self, store: Datastore, size: int) -> None:
        store.create(_KEY, b"a" * size)
        mine = memoryview(store.read(_KEY))
        if not mine.readonly:
            mine[0] = ord("b")
        assert bytes(store.read(_KEY)) == b"a" * size

    def test_names_of_layers_in_any_script_are_keys(self, store: Datastore) -> None:
        key = layout.commit("Fluß", "run", "Слой", 0)
        assert store.create(key, b"content")
        assert list(store.keys(layout.layers("Fluß", "run"))) == [key]

    def test_keys_are_those_below_the_prefix(self, store: Datastore) -> None:
        below = {layout.plan("Flow", "run", "Layer"), layout.commit("Flow", "run", "Layer", 0)}
        for key in [*below, layout.plan("Flow", "run2", "Layer"), layout.plan("Flows", "run", "Layer")]:
            store.create(key, b"content")
        assert sorted(store.keys(layout.execution("Flow", "run"))) == sorted(below)
        assert list(store.keys(layout.execution("Flow", "another"))) == []

    def test_children_are_the_next_segments_each_once(self, store: Datastore) -> None:
        for index in (0, 1, 10):
            for attempt in (1, 2):
                store.create(layout.started("Flow", "run", "Layer", index, attempt), b"content")
        store.create(layout.plan("Flow", "run", "Layer"), b"content")
        found = list(store.children(f"{layout.layers('Flow', 'run')}Layer/"))
        assert sorted(found) == ["0", "1", "10", "plan.json"]
        assert list(store.children(layout.flow("Another"))) == []

    def test_holding_are_the_children_that_have_the_key(self, store: Datastore) -> None:
        for index in (0, 10):
            store.create(layout.commit("Flow", "run", "Layer", index), b"content")
        store.create(layout.started("Flow", "run", "Layer", 1, 1), b"content")
        store.create(layout.plan("Flow", "run", "Layer"), b"content")
        layer = layout.layer("Flow", "run", "Layer")
        assert sorted(store.holding(layer, "COMMIT")) == ["0", "10"]
        assert list(store.holding(layer, "other")) == []
        assert list(store.holding(layout.layer("Flow", "run", "Another"), "COMMIT")) == []

    def test_append_adds_to_what_is_there(self, store: Datastore) -> None:
        key = layout.log("Flow", "run", "Layer", 0, 1)
        pieces: list[Buffer] = [b"one\n", bytearray(b"tw"), memoryview(b"o\n"), b"x" * 100_000]
        for number in range(1, len(pieces) + 1):
            store.append(key, pieces[number - 1])
            assert bytes(store.read(key)) == b"".join(pieces[:number])

    def test_a_staged_value_is_under_no_key_until_it_is_published(self, store: Datastore) -> None:
        with store.stage() as staged:
            for piece in (b"one ", bytearray(b"two "), memoryview(b"three")):
                staged.write(piece)
            assert _everything(store) == []
            assert staged.publish(_KEY) is True
            assert bytes(store.read(_KEY)) == b"one two three"
        assert bytes(store.read(_KEY)) == b"one two three"

    def test_publish_changes_nothing_that_is_there_unless_told(self, store: Datastore) -> None:
        store.create(_KEY, b"first")
        with store.stage() as staged:
            staged.write(b"second")
            assert staged.publish(_KEY) is False
            assert bytes(store.read(_KEY)) == b"first"
            assert staged.publish(_KEY, replace=True) is True
        assert bytes(store.read(_KEY)) == b"second"
        with store.stage() as staged:
            staged.write(b"new")
            assert staged.publish(layout.blob("ab" * 32), replace=True) is True

    def test_nothing_is_left_of_what_was_not_published(self, store: Datastore) -> None:
        with store.stage() as staged:
            staged.write(b"x" * 100_000)
        with suppress(ZeroDivisionError), store.stage() as staged:
            staged.write(b"x" * 100_000)
            _ = 1 // 0
        assert _everything(store) == []

    def test_of_many_threads_one_wins_and_readers_see_all_or_nothing(self, store: Datastore) -> None:
        start = threading.Barrier(WRITERS)
        with ThreadPoolExecutor(WRITERS) as pool:
            won = list(pool.map(lambda number: race(store, number, start.wait), range(WRITERS)))
        check_winners(store, won)

    def test_of_many_processes_one_wins_and_readers_see_all_or_nothing(self, store: Datastore) -> None:
        if not self.processes:
            pytest.skip("the store is seen by this process only")
        context = multiprocessing.get_context("spawn")
        start = context.Barrier(WRITERS // 2)
        workers = [context.Process(target=race_apart, args=(store, n, start)) for n in range(WRITERS // 2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(_START_S)
            assert worker.exitcode == 0
        won = [bytes(store.read(winnings(number))).decode().split(",") for number in range(len(workers))]
        check_winners(store, won)

    def test_a_reader_beside_a_replacing_writer_sees_one_value_or_the_other(self, store: Datastore) -> None:
        store.create(_KEY, content(0))
        done = threading.Event()

        def replace() -> None:
            for number in range(ROUNDS):
                with store.stage() as staged:
                    staged.write(content(number % 2))
                    staged.publish(_KEY, replace=True)
            done.set()

        with ThreadPoolExecutor(1) as pool:
            writer = pool.submit(replace)
            while not done.is_set() and not writer.done():
                assert bytes(store.read(_KEY)) in (content(0), content(1))
            writer.result()

    def test_a_store_that_removes_nothing_says_so(self, store: Datastore) -> None:
        if self.removes:
            pytest.skip("it removes")
        store.create(_KEY, b"content")
        for method in (store.stat, store.remove, lambda key: store.move(key, layout.trash())):
            with pytest.raises(StoreError, match=r"nothing can be removed"):
                method(_KEY)
        assert store.refresh(_KEY) is True

    def test_size_and_age_are_those_of_all_below(self, store: Datastore) -> None:
        self._needs_removal()
        began = time.time()
        store.create(_KEY, b"12345")
        store.create(layout.plan("Flow", "run", "Layer"), b"123")
        assert store.stat(_KEY).size == 5
        whole = store.stat(layout.execution("Flow", "run"))
        assert whole.size == 8
        assert whole.modified >= store.stat(_KEY).modified
        assert abs(store.stat(_KEY).modified - began) < _SKEW_S
        with pytest.raises(NotFoundError):
            store.stat(layout.execution("Flow", "another"))

    def test_what_is_removed_is_gone_and_nothing_else(self, store: Datastore) -> None:
        self._needs_removal()
        stays = {layout.plan("Flow", "run2", "Layer"), layout.blob("ab" * 32)}
        for key in (*stays, _KEY, layout.plan("Flow", "run", "Layer")):
            store.create(key, b"content")
        assert store.remove(_KEY) is True
        assert store.remove(_KEY) is False
        assert store.remove(layout.execution("Flow", "run")) is True
        assert sorted(_everything(store)) == sorted(stays)
        assert store.create(_KEY, b"again") is True

    def test_what_is_moved_is_below_the_other_key(self, store: Datastore) -> None:
        self._needs_removal()
        store.create(_KEY, b"content")
        store.create(layout.blob("ab" * 32), b"first")
        trash = layout.trash()
        assert store.move(layout.execution("Flow", "run"), trash) is True
        assert _everything(store) == [layout.blob("ab" * 32)]
        prefix = layout.execution("Flow", "run")
        assert bytes(store.read(f"{trash}/{_KEY.removeprefix(prefix)}")) == b"content"
        assert store.move(prefix, layout.trash()) is False
        for value in (b"first", b"second"):
            store.create(layout.blob("ab" * 32), value)
            assert store.move(layout.blob("ab" * 32), layout.quarantine("ab" * 32)) is True
            assert bytes(store.read(layout.quarantine("ab" * 32))) == value

    def test_what_was_touched_since_stays(self, store: Datastore) -> None:
        self._needs_removal()
        for key in (_KEY, layout.execution("Flow", "run")):
            store.create(_KEY, b"content")
            modified = store.stat(key).modified
            assert store.remove(key, untouched_since=modified - 1) is False
            assert store.move(key, layout.trash(), untouched_since=modified - 1) is False
            assert bytes(store.read(_KEY)) == b"content"
            assert store.remove(key, untouched_since=modified) is True

    def test_what_is_refreshed_is_young(self, store: Datastore) -> None:
        self._needs_removal()
        assert store.refresh(_KEY) is False
        store.create(_KEY, b"content")
        modified = store.stat(_KEY).modified
        _refresh_until_younger(store, modified)
        assert store.remove(_KEY, untouched_since=modified) is False
        assert bytes(store.read(_KEY)) == b"content"

    def test_of_refresh_and_remove_one_comes_first(self, store: Datastore) -> None:
        self._needs_removal()
        with ThreadPoolExecutor(1) as pool:
            for _ in range(ROUNDS):
                store.create(_KEY, b"content")
                modified = store.stat(_KEY).modified
                while time.time() < modified + _TICK_S:
                    time.sleep(_TICK_S / 4)
                removed = pool.submit(store.remove, _KEY, untouched_since=modified)
                refreshed = store.refresh(_KEY)
                assert removed.result() is not refreshed
                assert list(store.keys(layout.execution("Flow", "run"))) == ([_KEY] if refreshed else [])

    def _needs_removal(self) -> None:
        if not self.removes:
            pytest.skip("the store keeps everything")

    def test_it_says_what_it_is_and_is_ready(self, store: Datastore) -> None:
        store.check()
        assert repr(store)
        assert isinstance(store.url, str)


_KEY = layout.commit("Flow", "run", "Layer", 0)


def _everything(store: Datastore) -> list[str]:
    return [*store.keys(layout.RUNS), *store.keys(layout.BLOBS)]


def _refresh_until_younger(store: Datastore, modified: float) -> None:
    """Clocks of file systems tick: what is refreshed at once may look as old as before."""
    deadline = time.monotonic() + _START_S
    while store.stat(_KEY).modified <= modified:
        assert store.refresh(_KEY) is True
        assert time.monotonic() < deadline, "refresh changes nothing"
