"""`laminar gc`: what it prints, as text and as JSON, and what it refuses."""

from __future__ import annotations

import json
import os
import time

import pytest

from tests.conftest import COVERAGE

MAIN = """
from laminar import Flow, Layer

class F(Flow): ...

@F.register
class A(Layer):
    def __call__(self) -> None:
        self.same = b"1" * 3000
        self.own = self.execution.id.encode() * 2000
"""


@pytest.fixture
def two(project):
    """Two executions, x and y, which share a blob."""
    project.write("main.py", MAIN)
    for name in "xy":
        done = project.laminar("schedule", "main:F", "--executor", "process", "--execution", name)
        assert done.code == 0, done.err
    time.sleep(1.1)  # file systems' times may be that coarse, so younger content is left alone
    return project


def blobs(project):
    return sorted(path for path in (project.store / "cas").rglob("*") if path.is_file())


def test_text_and_json_of_a_collection(two):
    before = blobs(two)
    dry = two.laminar("gc", "--keep-last", "1", "--grace", "0s", "--dry-run")
    assert dry.code == 0
    head, younger, older, summary = dry.out.splitlines()
    assert head.split() == ["FLOW", "EXECUTION", "STATE", "AGE", "ALONE", "SHARED"]
    assert younger.split()[:3] == ["F", "y", "kept"]
    assert "F     x          would be removed" in older
    assert summary.startswith("would remove  1 execution, 1 blob: ")
    assert "looking what 2 executions name" in dry.err
    assert blobs(two) == before
    done = two.laminar("gc", "--keep-last", "1", "--grace", "0s", "--json")
    assert done.code == 0
    answer = json.loads(done.out)
    assert answer["version"] == 1
    assert set(answer) == {
        "version", "dry_run", "executions", "removed", "before", "held_by", "unreadable", "contents"
    }  # fmt: skip
    assert answer["dry_run"] is False
    x, y = answer["executions"]
    assert (x["execution"], x["state"], y["execution"], y["state"]) == ("x", "removed", "y", "kept")
    assert x["alone_bytes"] == 2048
    assert x["shared_bytes"] == y["shared_bytes"] > 3000
    assert answer["removed"]["blobs"] == 1
    assert sorted(each["executions"] for each in answer["contents"] if each["bytes"] >= 3000) == [["F:x", "F:y"]]
    assert len(blobs(two)) == len(before) - 1
    assert [line.split()[1] for line in two.laminar("list").out.splitlines()[1:]] == ["y"]
    again = two.laminar("gc")
    assert again.out.splitlines()[-1] == "removed  nothing"


def test_content_is_verified_and_computed_again(two):
    damaged = next(path for path in blobs(two) if path.stat().st_size > 2900 and b"111" in path.read_bytes())
    damaged.write_bytes(b"2" + damaged.read_bytes()[1:])
    two.laminar("artifact", "x/A", "same").fails(3, "artifact 'same' of A is corrupt", "laminar resume x --rerun A")
    found = two.laminar("gc", "--verify")
    assert found.code == 1
    assert "corrupt  F:x/A/0  same  laminar resume F:x --rerun A" in found.out
    assert "corrupt  F:y/A/0  same  laminar resume F:y --rerun A" in found.out
    assert "put aside  1 blob" in found.out
    assert (two.store / "quarantine" / damaged.name).exists()
    answer = json.loads(two.laminar("gc", "--verify", "--json").out)
    assert answer["version"] == 1
    assert [(each["problem"], each["remedy"]) for each in answer["damages"]] == [
        ("lost", "laminar resume F:x --rerun A"),
        ("lost", "laminar resume F:y --rerun A"),
    ]
    assert two.laminar(*answer["damages"][0]["remedy"].split()[1:]).code == 0
    well = two.laminar("gc", "--verify")
    assert (well.code, well.out.splitlines()[0][:8]) == (0, "verified")


def test_what_is_typed_wrong(project):
    project.write("elsewhere/main.py", "")
    project.write(".laminar/runs/README", "")
    project.laminar("gc", "--older-than", "soon").fails(2, "invalid age 'soon'", "30d")
    project.laminar("gc", "--keep-last", "0").fails(2, "cannot keep the last 0")
    project.laminar("gc", "--verify", "--keep-last", "2").fails(2, "--verify removes nothing, and --keep-last")
    project.laminar("gc", "--datastore", "nowhere").fails(2, "there is no datastore at", "nowhere")
    project.laminar("gc", "--datastore", "elsewhere").fails(2, "it holds main.py", "Nothing was removed")
    assert project.laminar("gc").code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_may_not_be_written(two):
    os.chmod(two.store / "tmp", 0o500)
    two.laminar("gc").fails(3, "cannot write", "chown or chmod")
    os.chmod(two.store / "tmp", 0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_a_store_of_another_user(two):
    # It may read what root reads: this repository and its Python may lie in root's home.
    may_read = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    two.prefix[:] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *may_read]
    # Coverage's data file is root's.
    two.environ |= {"HOME": "/", **dict.fromkeys(COVERAGE)}
    two.laminar("gc", "--keep-last", "1").fails(3, "cannot write", "chown or chmod")
