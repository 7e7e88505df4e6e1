"""`laminar report` as a command: where the file goes, and what is said where it cannot go there."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from laminar.errors import InfrastructureError
from laminar.report.output import write
from tests.cli.conftest import Seen


def test_a_file_that_is_named_after_the_execution(seen: Seen) -> None:
    result = seen.laminar("report", "bad")
    assert (result.code, result.out, result.err) == (0, "report-HelloFlow-bad-1.html\n", "")
    page = (seen.path / "report-HelloFlow-bad-1.html").read_text()
    assert page.startswith("<!DOCTYPE html>\n<html lang=")
    assert page.endswith("</html>\n")
    assert page.count("Traceback (most recent call last)") == 2  # beside the log, and in the data: not in the log again
    for words in ("ValueError: n is -1", "reading -1", "laminar resume bad-1", "waits for Source"):
        assert words in page


def test_a_file_that_is_named_and_stdout(seen: Seen) -> None:
    result = seen.laminar("report", "HelloFlow:first", "-o", "there.html")
    assert (result.code, result.out) == (0, "there.html\n")
    printed = seen.laminar("report", "HelloFlow:first", "-o", "-")
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.partition("<footer>")[0] == (seen.path / "there.html").read_text().partition("<footer>")[0]
    assert "Gate.only_if_big returned False" in printed.out
    assert "KeyError: &#x27;kept&#x27;" in printed.out


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("bad -o .", [". cannot be written: Is a directory", "-o FILE"]),
        ("bad -o no/where.html", ["no/where.html cannot be written: No such file or directory"]),
        ("bad -o main.py/x", ["main.py/x cannot be written: Not a directory"]),
        (f"bad -o {'x' * 300}", ["File name too long"]),
        ("bad/Source", ["bad-1/Source is a layer; a report is about an execution", "laminar report bad-1"]),
        ("bad/Source/0", ["bad-1/Source/0 is a split"]),
        ("nope", ["there is no execution 'nope'"]),
        ("first", ["2 flows have an execution 'first'", "HelloFlow:first"]),
        ("bad --datastore empty", ["there are no executions in the datastore"]),
    ],
)
def test_what_cannot_be_meant_or_written(seen: Seen, command: str, words: list[str]) -> None:
    before = set(os.listdir(seen.path))
    result = seen.laminar("report", *command.split())
    result.fails(2, *words)
    assert result.out == ""
    assert set(os.listdir(seen.path)) == before


def test_a_directory_that_may_not_be_written_to(seen: Seen, tmp_path: Path) -> None:
    target = tmp_path / "closed" / "report.html"
    target.parent.mkdir()
    target.parent.chmod(0o555)
    if os.geteuid() == 0:
        target = Path("/proc/report.html")  # to which root cannot write either
    seen.laminar("report", "bad", "-o", str(target)).fails(2, "cannot be written")


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    link = tmp_path / "latest.html"
    link.symlink_to(path)
    write(b"first", str(link))
    assert (link.is_symlink(), path.read_bytes()) == (True, b"first")
    assert path.stat().st_mode & 0o111 == 0
    path.chmod(0o600)
    write(b"first", str(link))
    assert path.stat().st_mode & 0o777 == 0o600

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InfrastructureError, match="No space left on device"):
        write(b"second", str(path))
    assert path.read_bytes() == b"first"
    assert sorted(os.listdir(tmp_path)) == ["latest.html", "report.html"]


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write(b"report", str(pipe))
    reader.join()
    assert got == [b"report"]
    assert pipe.is_fifo()
    write(b"report", "/dev/null")
    assert not Path("/dev/null").is_file()


def test_no_code_is_imported_and_no_pickle_loaded(seen: Seen) -> None:
    (seen.path / "main.py").rename(seen.path / "main.away")
    try:
        result = seen.laminar("report", "HelloFlow:first", "-o", "-", LAMINAR_PICKLE="deny")
    finally:
        (seen.path / "main.away").rename(seen.path / "main.py")
    assert result.code == 0
    assert "set of 2" in result.out  # the preview of what is a pickle
