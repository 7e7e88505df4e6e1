"""Addresses that mean nothing, or more than one thing: one message, the candidates, the exit code 2, nothing on stdout."""

from __future__ import annotations

import subprocess

import pytest

from tests.cli.conftest import Seen

CASES = {
    "show first": ["2 flows have an execution 'first'", "HelloFlow:first", "OtherFlow:first"],
    "show fir": ["2 flows have an execution 'first'"],
    "show latst": ["there is no execution 'latst'", "bad-1", "Did you mean 'latest'?"],
    "show OtherFlow:bad-1": ["flow OtherFlow has no execution 'bad-1'", "Another flow has: HelloFlow:bad-1"],
    "graph OtherFlow:bad-1": ["flow OtherFlow has no execution 'bad-1'", "Another flow has: HelloFlow:bad-1"],
    "plan main:OtherFlow bad-1": ["flow OtherFlow has no execution 'bad-1'", "Another flow has: HelloFlow:bad-1"],
    "resume OtherFlow:bad-1": ["flow OtherFlow has no execution 'bad-1'", "Another flow has: HelloFlow:bad-1"],
    "stop OtherFlow:bad-1": ["flow OtherFlow has no execution 'bad-1'", "Another flow has: HelloFlow:bad-1"],
    "stop fir": ["2 flows have an execution 'first'", "HelloFlow:first", "OtherFlow:first"],
    "logs nine": ["The latest are: bad-1, OtherFlow:first, HelloFlow:first"],
    "logs HelloFlow:first/Proces": ["has no layer 'Proces'", "Did you mean 'Process'?"],
    "graph bad/Sorce": ["has no layer 'Sorce'", "Did you mean 'Source'?"],
    "resume bad --rerun Sorce --executor process": ["has no layer 'Sorce'", "Did you mean 'Source'?"],
    "show HelloFlw:bad-1": ["flow HelloFlw has no executions", "Did you mean 'HelloFlow'?"],
    "show bad/Sorce": ["bad-1 of HelloFlow has no layer 'Sorce'", "Source, Process", "Did you mean 'Source'?"],
    "show HelloFlow:first/Process/3": ["has no split 3", "3 splits: 0 to 2"],
    "show HelloFlow:first/Gate/0": ["was skipped: Gate.only_if_big returned False"],
    "show bad/Join/0": ["has no splits yet", "laminar show bad-1"],
    "show a/b/c/d": ["invalid address 'a/b/c/d'", "[FLOW:]EXECUTION[/LAYER[/INDEX]]"],
    "show a//b": ["invalid address"],
    "show a:b:c": ["invalid address"],
    "show :bad-1": ["invalid address"],
    "show bad/Source/-1": ["invalid address"],
    "show bad/Source/one": ["invalid address"],
    "show ../bad": ["invalid execution id '..'"],
    "show bad --datastore empty": ["there are no executions in the datastore", "--datastore"],
    "list --flow HelloFlw": ["flow HelloFlw has no executions", "Did you mean 'HelloFlow'?"],
    "logs bad/Source/0 --attempt 2": ["bad-1/Source/0 has no attempt 2", "Its attempts are: 1"],
    "logs nope": ["there is no execution 'nope'"],
    "artifact bad title": ["bad-1 is an execution", "laminar artifact bad-1/LAYER title"],
    "artifact HelloFlow:first/Source titel": ["has no artifact 'titel'", "Did you mean 'title'?"],
    "artifact HelloFlow:first/Process/1 scor": ["It has: score", "Did you mean 'score'?"],
    "artifact HelloFlow:first/Source odd": [
        "'odd' of HelloFlow:first/Source is no plain data: set of 2",
        ".layer(Source).odd",
    ],
    "artifact HelloFlow:first/Source --output x": ["--output goes with the NAME"],
    "artifact HelloFlow:first/Source title --output no/where": ["no/where cannot be written"],
    "artifact HelloFlow:first/Source raw --json": ["is bytes"],
    "artifact bad/Source title": ["Source/0 failed: there is no 'title' of it", "laminar show bad-1/Source/0"],
    "artifact bad/Join total": ["Join has not been started", "laminar show bad-1/Join"],
    "artifact HelloFlow:first/Gate x": ["Gate was skipped: Gate.only_if_big", "laminar show HelloFlow:first/Gate"],
    "artifact paused/Page x": ["Page/1 was interrupted", "1 more split has no result", "laminar show paused/Page/1"],
    "graph paused/Page": ["paused/Page is not an execution", "laminar graph paused", "laminar show paused/Page"],
    "graph nope:F": ["no module 'nope'"],
    "plan main:HelloFlow nope": ["flow HelloFlow has no execution 'nope'"],
    "plan main:HelloFlow bad -p n=1": ["has its parameters already"],
    "plan main:HelloFow": ["Did you mean 'HelloFlow'?"],
    "plan latset": [
        "no module 'latset'",
        "no execution 'latset'",
        "The latest executions are: ",
        "Did you mean 'latest'?",
    ],
    "plan": ["no flow is named", "main:HelloFlow, main:OtherFlow"],
    "plan main:HelloFlow --parameters no.yaml": ["no parameters file no.yaml"],
    "config --config no.yaml": ["no settings file no.yaml"],
}


@pytest.mark.parametrize("command", CASES)
def test_what_cannot_be_meant(seen: Seen, command: str) -> None:
    result = seen.laminar(*command.split())
    result.fails(2, *CASES[command])
    assert result.out == ""


STORES = {
    # the datastore: exit code and words
    "file": (3, ["file is not a directory", "--datastore"]),
    "loop": (3, ["cannot list", "loop/runs", "Too many levels of symbolic links", "--datastore"]),
    "foreign": (2, ["foreign is not a datastore of laminar", "photo.jpg", "--datastore"]),
}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(
    "command",
    [
        "list",
        "show x",
        "logs x/A",
        "artifact x",
        "graph x",
        "plan main:HelloFlow x",
        "stop x",
        "resume x",
        "gc --dry-run",
    ],
)
def test_a_store_that_is_none_of_laminars(seen: Seen, command: str, store: str) -> None:
    (seen.path / "file").touch()
    for name in ("foreign", "loop"):
        (seen.path / name).mkdir(exist_ok=True)
    (seen.path / "foreign" / "photo.jpg").write_text("mine")
    if not (seen.path / "loop" / "runs").is_symlink():
        (seen.path / "loop" / "runs").symlink_to("runs")  # not to be read, by root neither
    code, words = STORES[store]
    result = seen.laminar(*command.split(), "--datastore", store)
    result.fails(code, *words)
    assert result.out == ""


def test_what_is_typed_nearly_right_suggests_the_nearest(seen: Seen) -> None:
    for command, meant in {
        "show bad --jsn": "'--json'",
        "list --limt 1": "'--limit'",
        "shw bad": "'show'",
        "schedule main:HelloFlow --execut x": "--execution",
    }.items():
        result = seen.laminar(*command.split())
        assert (result.code, result.out) == (2, "")
        assert meant in result.err


def test_a_store_without_executions_is_an_empty_list(seen: Seen) -> None:
    result = seen.laminar("list", "--datastore", "empty")
    assert (result.code, result.out) == (0, "")
    assert "no executions in the datastore" in result.err
    assert '"executions": []' in seen.laminar("list", "--json", "--datastore", "empty").out


def test_an_id_that_begins_another_is_itself(seen: Seen) -> None:
    assert seen.look("show HelloFlow:bad-1") == seen.look("show bad")
    assert seen.look("show latest") == seen.look("show bad")
    assert seen.look("show HelloFlow:latest") == seen.look("show bad")
    assert seen.look("show OtherFlow:latest/") == seen.look("show OtherFlow:first")


@pytest.mark.parametrize("command", ["list", "logs HelloFlow:first", "graph bad --format svg"])
def test_a_full_disk_behind_stdout(seen: Seen, command: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*seen.script, *command.split()], cwd=seen.path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 3
    assert done.stderr.startswith("error: the output cannot be written: No space left on device.\n       Make room"), (
        done.stderr
    )
    assert "Traceback" not in done.stderr
