"""Disks that are full or read-only, for real: a tmpfs that only the test's processes see."""

from __future__ import annotations

import sys

import pytest

from tests.faults.conftest import CALLED
from tests.faults.invariants import Calls

MAIN = (
    CALLED
    + """
@F.register(retry=layers.Retry(delay=0, infrastructure=1))
class A(Layer):
    def __call__(self) -> None:
        called(self)
        self.value = os.urandom(3000)

@F.register(retry=layers.Retry(delay=0, infrastructure=1))
class B(Layer):
    def __call__(self, a: A) -> None:
        called(self)
        PRINT
        self.shard(parts=(os.urandom(3000) for _ in range(20)))

@F.register(retry=layers.Retry(delay=0, infrastructure=1))
class C(Layer):
    def __call__(self, b: B) -> None:
        called(self)
        self.count = len(b.parts)
        MEANWHILE
"""
)

# The store is a disk with options, until the first launch has ended; then it is one without bounds.
SCRIPT = """
set -e
mkdir .laminar
mount -t tmpfs -o "$1" tmpfs .laminar
code=0
"$2" schedule main:F --executor process --execution one || code=$?
mount -o remount,rw,size=64m,nr_inodes=10000 .laminar
echo "first $code"
"$3" verify.py
cp calls before || touch before
if [ -e .laminar/runs/F/one/execution.json ]; then "$3" resume.py
else "$2" schedule main:F --executor process --execution one >&2
fi
"$3" verify.py
"""

VERIFY = """
from pathlib import Path
from tests.faults.invariants import committed, verify
verify(Path(".laminar"))
print("committed", *sorted(layer for layer, _ in committed(Path(".laminar"))))
"""

RESUME = """
import main, sys
execution = main.F().execution("one")
execution.resume()
assert execution.layer(main.C).count == 20
"""


@pytest.fixture
def run(disk, project, pytestconfig):
    """Runs the flow on a small disk, then again with space; returns the first launch's exit code, and all that was said."""

    def run(options, *, printed="", meanwhile=""):
        project.write("main.py", MAIN.replace("PRINT", printed).replace("MEANWHILE", meanwhile))
        project.write("verify.py", VERIFY)
        project.write("resume.py", RESUME)
        command = ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", options, *project.script, sys.executable]
        environ = {"LAMINAR_EXECUTOR": "process", "PYTHONPATH": str(pytestconfig.rootpath)}
        result = project.run(*command, **environ)
        assert result.code == 0, result.err
        assert "Traceback" not in result.err, result.err
        lines = result.out.splitlines()
        assert lines[-1] == "committed A B C"
        calls = Calls(project.path)
        again = {layer for layer, _, _ in calls.made() - calls.made("before")}
        done = next(line for line in lines if line.startswith("committed")).split()[1:]
        assert again.isdisjoint(done)
        first = next(line for line in lines if line.startswith("first"))
        return int(first.split()[1]), result.err

    return run


@pytest.mark.parametrize("pages", [8, 16, 28, 40, 64])
def test_disk_is_full(run, pages):
    code, said = run(f"size={pages * 4}k")
    assert code in (0, 3), said
    if code:
        assert "No space left on device" in said
        assert "free some space" in said


@pytest.mark.parametrize("files", [5, 20, 28, 36, 60])
def test_disk_has_no_room_for_another_file(run, files):
    code, said = run(f"size=8m,nr_inodes={files}")
    assert code in (0, 3), said
    if code:
        assert "No space left on device" in said
        assert "free some space" in said


def test_log_fills_the_disk(run):
    """The log is cut, and decides nothing; what the layer saves then has no room."""
    code, said = run("size=200k", printed='print("x" * 300_000, flush=True)')
    assert code == 3
    assert "No space left on device" in said


def test_disk_is_read_only_from_the_start(run):
    code, said = run("size=1m,ro")
    assert code == 3
    assert "Read-only file system" in said
    assert "name a directory elsewhere with --datastore" in said
    assert "running" not in said.partition("error: ")[0]  # named before any layer ran


def test_disk_becomes_read_only(run):
    # It is busy for as long as the scheduler writes, as it does from time to time.
    remount = 'self.attempt == 1 and os.system("until mount -o remount,ro .laminar; do :; done")'
    code, said = run("size=1m", meanwhile=remount)
    assert code == 3
    assert "Read-only file system" in said
