"""What is particular to files. The rest is in the contract suite."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from laminar.datastores import Local
from laminar.datastores.folders import flush_all
from laminar.engine import layout
from laminar.engine.access import ENTER, READ, WRITE, allows, unreadable
from laminar.errors import NotFoundError, StoreError
from tests.conftest import TIMEOUT_S

KEY = layout.commit("F", "x", "A", 0)


@pytest.fixture
def store(tmp_path: Path) -> Local:
    return Local(tmp_path / "store")


def files(root: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names
    )


def test_a_key_is_a_file_and_nothing_else_is_left(store: Local) -> None:
    store.create(KEY, b"content")
    assert not store.create(KEY, b"other")
    with store.stage():
        assert len(files(store.url)) == 2, "a temporary file, on the same file system"
    assert files(store.url) == [KEY]


def test_a_large_file_is_mapped_and_the_readers_own(store: Local) -> None:
    store.create(KEY, b"x" * (1 << 20))
    found = store.read(KEY)
    assert isinstance(found, memoryview)
    assert not found.readonly, "else every array would be copied"


def test_nothing_is_made_before_something_is_written(store: Local) -> None:
    with pytest.raises(NotFoundError):
        store.read(KEY)
    assert list(store.children("runs/")) == list(store.keys("runs/")) == []
    assert not os.path.exists(store.url)


def test_a_relative_root_stays_where_it_was_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Local()
    monkeypatch.chdir("/")
    assert (store.url, repr(store), store.root) == (str(tmp_path / ".laminar"), ".laminar", ".laminar")


def test_a_store_that_was_deleted_meanwhile_is_made_again(store: Local) -> None:
    store.create(KEY, b"content")
    shutil.rmtree(store.url)
    assert store.create(KEY, b"again")
    assert store.read(KEY) == b"again"


@pytest.fixture
def flushed(store: Local, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is flushed to disk, in order."""
    found: list[str] = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        found.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), store.url))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    return found


PARENTS = {".", "runs", "runs/F", "runs/F/x", "runs/F/x/layers", "runs/F/x/layers/A"}


def test_a_durable_put_flushes_the_file_and_then_every_new_directory(store: Local, flushed: list[str]) -> None:
    store.create(KEY, b"content")
    assert flushed[-1] == "runs/F/x/layers/A/0", "the name of the file itself"
    assert set(flushed) >= PARENTS, "the names of its directories"
    assert any(path.startswith("tmp/") for path in flushed)


def test_a_put_that_need_not_be_durable_flushes_nothing(store: Local, flushed: list[str]) -> None:
    store.create(KEY, b"content", durable=False)
    assert flushed == []


def test_a_durable_put_flushes_directories_that_others_made_and_did_not(store: Local, flushed: list[str]) -> None:
    store.create(KEY, b"content", durable=False)
    store.create(layout.commit("F", "x", "A", 1), b"content")
    assert set(flushed) >= PARENTS


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "chown or chmod"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "The disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "Check the datastore's directory"),
    ],
    ids=lambda value: errno.errorcode.get(value, ""),
)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "link"])
def test_an_error_of_the_system_is_a_store_error_with_what_to_do(
    store: Local, monkeypatch: pytest.MonkeyPatch, number: int, remedy: str, call: str
) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise OSError(number, os.strerror(number))

    store.check()
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(StoreError, match=os.strerror(number)) as caught:
            store.create(KEY, b"content")
    assert type(caught.value) is StoreError
    assert remedy in caught.value.remedy
    assert files(store.url) == []


def test_an_unknown_error_is_never_absence(store: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create(KEY, b"content")

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    calls = (
        lambda: store.read(KEY),
        lambda: store.has(KEY),
        lambda: store.children("runs/"),
        lambda: store.append(KEY, b"x"),
    )
    for call in calls:
        with pytest.raises(StoreError) as caught:
            call()
        assert type(caught.value) is StoreError


def test_a_file_that_comes_in_pieces_is_read_to_its_end(store: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create(KEY, b"content")
    read = os.read
    monkeypatch.setattr(os, "read", lambda descriptor, size: read(descriptor, min(size, 3)))
    assert store.read(KEY) == b"content"


def test_keys_that_cannot_be_listed_are_not_absent(store: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create(KEY, b"content")

    def refuse(*arguments: Any) -> Any:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError):
        list(store.keys("runs/"))


@pytest.mark.parametrize("below", ["", "/below"])
def test_a_root_that_is_a_file_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError) as caught:
        Local(f"{tmp_path}/file{below}").check()
    assert "not a directory" in caught.value.message.lower()
    assert caught.value.remedy


def test_a_user_who_cannot_write_is_found_before_anything_runs(store: Local) -> None:
    store.check()
    os.chmod(store.url, 0o755)
    uid, gid = store.owner()
    assert (uid, gid) == (os.getuid(), os.getgid())
    store.check((uid, gid))
    store.check((0, 0))
    with pytest.raises(StoreError, match=f"belongs to user {uid}:{gid}; the containers run as {uid + 1}:{gid + 1}"):
        store.check((uid + 1, gid + 1))
    os.chmod(store.url, 0o777)
    store.check((uid + 1, gid + 1))


def test_many_processes_append_whole_pieces(store: Local) -> None:
    script = "import sys; from laminar.datastores import Local; s = Local(sys.argv[1])\n"
    script += "for _ in range(200): s.append('log', (sys.argv[2] * 99 + '\\n').encode())"
    children = [subprocess.Popen([sys.executable, "-c", script, store.url, letter]) for letter in "abc"]
    assert [child.wait(TIMEOUT_S) for child in children] == [0, 0, 0]
    lines = bytes(store.read("log")).decode().splitlines()
    assert sorted(lines) == sorted([letter * 99 for letter in "abc"] * 200)


@pytest.mark.parametrize(
    ("mode", "uid", "gids", "bits", "allowed"),
    [
        (0o700, 1, (1,), READ | WRITE | ENTER, True),
        (0o077, 1, (1,), READ, False),
        (0o070, 2, (5, 1), READ | WRITE, True),
        (0o707, 2, (1,), READ, False),
        (0o704, 2, (2,), READ, True),
        (0o704, 2, (2,), READ | ENTER, False),
        (0o000, 0, (0,), READ | WRITE | ENTER, True),
    ],
)
def test_what_a_user_may_do_is_in_the_mode_bits(
    mode: int, uid: int, gids: tuple[int, ...], bits: int, allowed: bool
) -> None:
    status = os.stat_result((mode, 0, 0, 1, 1, 1, 0, 0, 0, 0))
    assert allows(status, uid, gids, bits) is allowed


def test_what_a_user_cannot_read_is_listed_relative_and_briefly(tmp_path: Path) -> None:
    for name in ["readable.py", *(f"hidden{number}.py" for number in range(9))]:
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o644 if name == "readable.py" else 0o600)
    (tmp_path / ".git").mkdir(mode=0o700)
    (tmp_path / "dangling").symlink_to("nowhere")
    found = unreadable(str(tmp_path), os.getuid() + 1, (os.getgid() + 1,))
    assert found == [f"hidden{number}.py" for number in range(5)]
    assert unreadable(str(tmp_path), os.getuid(), ()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="root asks, since another user's containers may set it a trap")
@pytest.mark.parametrize("trap", ["runs", "runs/F/x/layers/A", "runs/F/x/layers/A/0", "tmp"])
def test_root_puts_nothing_through_a_link_that_leads_out(store: Local, tmp_path: Path, trap: str) -> None:
    store.create(layout.commit("F", "x", "A", 1), b"content")  # where it goes has been looked at before
    outside = tmp_path / "outside"
    shutil.copytree(store.url, outside)
    there = files(str(outside))
    shutil.rmtree(f"{store.url}/{trap}", ignore_errors=True)
    Path(store.url, trap).symlink_to(outside / trap)
    (outside / trap).mkdir(exist_ok=True)
    for put in (store.create, store.append, lambda key, data: store.create(key, data, durable=False)):
        if (put, trap) != (store.append, "tmp"):
            with pytest.raises(StoreError, match="is a link that leads out of the datastore"):
                put(KEY, b"content")
    assert files(str(outside)) == there


@pytest.mark.skipif(os.geteuid() != 0, reason="root asks, since another user's containers may set it a trap")
def test_nor_where_the_link_comes_after_the_look(store: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside").mkdir()
    link = os.link

    def too_late(*arguments: Any, **options: Any) -> None:
        os.rename(f"{store.url}/runs/F/x/layers/A/0", f"{store.url}/aside")
        Path(store.url, "runs/F/x/layers/A/0").symlink_to(tmp_path / "outside")
        link(*arguments, **options)

    monkeypatch.setattr(os, "link", too_late)
    store.create(KEY, b"content")
    assert files(str(tmp_path / "outside")) == []
    assert files(f"{store.url}/aside") == ["COMMIT"]


def test_a_root_that_is_made_is_flushed_too_and_each_directory_once(store: Local, flushed: list[str]) -> None:
    store.check()
    store.create(KEY, b"content")
    assert ".." in flushed, "the name of the root"
    flushed.clear()
    store.create(layout.commit("F", "x", "A", 1), b"content")
    assert [path for path in flushed if not path.startswith("tmp/")] == ["runs/F/x/layers/A", "runs/F/x/layers/A/1"]


def test_directories_are_flushed_after_the_file_and_before_its_name(store: Local, flushed: list[str]) -> None:
    with store.stage() as staged:
        staged.write(b"content")
        link, os_link = [], os.link
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "link", lambda *a, **o: (link.append(list(flushed)), os_link(*a, **o)))
            staged.publish(KEY)
    assert link[0][0].startswith("tmp/")
    assert set(link[0][1:]) >= PARENTS
    assert flushed[len(link[0]) :] == ["runs/F/x/layers/A/0"]


@pytest.fixture
def together(store: Local, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is under its key whenever the whole file system is flushed."""
    store.check()
    if not store.grouped:
        pytest.skip("the file system is not one of a block device")
    found: list[list[str]] = []

    def spy(descriptor: int) -> None:
        assert os.path.samestat(os.fstat(descriptor), os.stat(store.url))
        found.append(files(store.url))
        flush_all(descriptor)

    monkeypatch.setattr("laminar.datastores.local.flush_all", spy)
    return found


MANY = [layout.commit("F", "x", "A", index) for index in range(3)]


def test_many_are_on_disk_before_their_names_are_there_and_these_before_it_returns(
    store: Local, together: list[list[str]], flushed: list[str]
) -> None:
    assert store.create_all([(key, b"content") for key in MANY]) == [True] * 3
    before, after = together
    assert [os.path.dirname(path) for path in before] == ["tmp"] * 3, "staged, under no key"
    assert [path for path in after if not path.startswith("tmp/")] == MANY
    assert files(store.url) == MANY
    assert flushed == [], "nothing by itself"


def test_where_the_disk_is_full_nothing_of_many_is_left(store: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    store.check()

    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("laminar.datastores.local.flush_all", refuse)
    monkeypatch.setattr("laminar.datastores.local.can_flush_all", lambda path: True)
    with pytest.raises(StoreError, match="No space left"):
        store.create_all([(key, b"content") for key in MANY])
    assert files(store.url) == []


def test_a_single_one_is_put_as_ever(store: Local, flushed: list[str]) -> None:
    assert store.create_all([(KEY, b"content")]) == [True]
    assert flushed[-1] == "runs/F/x/layers/A/0"
