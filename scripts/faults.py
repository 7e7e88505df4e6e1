"""Run the tests of the fault matrix again and again, and say how often each has passed.

    make faults TIMES=10

The matrix is the table of docs/reliability.md: each test that it names is run, in all its cases. Options after the number
go to pytest.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
_TEST = re.compile(r"`(tests/\S+\.py::\w+)`")


def matrix() -> list[str]:
    """The tests that docs/reliability.md names, file by file."""
    return sorted(set(_TEST.findall((ROOT / "docs/reliability.md").read_text(encoding="utf-8"))))


def run(tests: list[str], options: list[str], report: str) -> dict[str, str]:
    """Run them once; returns how each case ended. What pytest prints is shown if one failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *options, *tests]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout, flush=True)
    if not os.path.getsize(report):
        raise SystemExit(f"pytest ended {done.returncode} without a report")
    ended: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it just now
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds = {child.tag for child in case}
        how = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        ended[name] = how if ended.get(name, "passed") == "passed" else ended[name]  # a test, and its teardown
    return ended


def main(times: int, *options: str) -> int:
    """Run the matrix `times` times; returns 1 where a case failed once or was skipped."""
    tests = matrix()
    tally: dict[str, Counter[str]] = {}
    for number in range(1, times + 1):
        began = time.monotonic()
        with tempfile.NamedTemporaryFile(suffix=".xml") as report:
            ended = run(tests, list(options), report.name)
        counts = Counter(ended.values())
        words = ", ".join(f"{count} {how}" for how, count in sorted(counts.items()))
        print(f"round {number} of {times}: {words} in {time.monotonic() - began:.0f} s", flush=True)
        for name, how in ended.items():
            tally.setdefault(name, Counter())[how] += 1
    always = [name for name, counts in tally.items() if counts["passed"] == times]
    for name, counts in sorted(tally.items()):
        if counts["passed"] != times:
            print(f"{name}: " + ", ".join(f"{how} {count}" for how, count in sorted(counts.items())))
    print(f"{len(always)} of {len(tally)} cases of {len(tests)} tests passed {times} times out of {times}")
    return int(len(always) != len(tally))


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), *sys.argv[2:]))
