from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from laminar.datastores import Datastore
from laminar.engine import records
from laminar.engine.ledger import Commit, Failure, Ledger
from laminar.engine.usage import Meter, Usage
from laminar.model.wire import Task

GIB = 1 << 30

V2 = {
    "memory.peak": f"{900 * GIB}\n",
    "memory.stat": f"anon 4096\nfile {800 * GIB}\ninactive_file {500 * GIB}\nactive_file {200 * GIB}\nunevictable 0\n",
    "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
}
V1 = {
    "memory/memory.max_usage_in_bytes": f"{900 * GIB}\n",
    "memory/memory.stat": f"cache 1\nactive_file 1\ntotal_inactive_file {500 * GIB}\ntotal_active_file {200 * GIB}\n",
    "cpuacct/cpuacct.usage": "2500000000\n",
}


def files(root: Path, content: dict[str, str]) -> str:
    for name, text in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return str(root)


@pytest.mark.parametrize("content", [V2, V1], ids=["v2", "v1"])
def test_a_container_s_peak_is_read_without_the_cache_of_files(tmp_path: Path, content: dict[str, str]) -> None:
    meter = Meter(container=True, cgroups=files(tmp_path, content))
    assert meter.read() == Usage(2.5, 200.0 * 1024, "container")
    files(tmp_path, {next(iter(content)): f"{1000 * GIB}\n"})
    assert meter.read().memory_peak_mib == 200.0 * 1024  # the first reading stands


def test_the_figure_is_never_below_what_the_largest_process_had_nor_above_the_peak(tmp_path: Path) -> None:
    all_cache = {"memory.stat": f"inactive_file {900 * GIB}\nactive_file 0\n"}
    here = Meter(container=False).read().memory_peak_mib
    there = Meter(container=True, cgroups=files(tmp_path, V2 | all_cache)).read().memory_peak_mib
    assert here is not None
    assert there is not None
    assert there >= here > 1
    small = {"memory.peak": f"{1 << 20}\n"}
    assert Meter(container=True, cgroups=files(tmp_path, small)).read().memory_peak_mib == 1.0


@pytest.mark.parametrize(
    "content", [{}, V2 | {"memory.peak": "max\n"}, V2 | {"cpu.stat": "\n"}], ids=["none", "odd", "cpu"]
)
def test_where_the_control_group_does_not_tell_the_process_is_measured(tmp_path: Path, content: dict[str, str]) -> None:
    usage = Meter(container=True, cgroups=files(tmp_path, content)).read()
    assert usage.measured == "process"
    assert usage.cpu_s is not None


def test_a_process_is_measured_by_itself_and_not_by_who_started_it() -> None:
    measure = "from laminar.engine.usage import Meter; import json; print(json.dumps(Meter(container=False).read()))"
    child = """import subprocess, sys; subprocess.run([sys.executable, "-c", "b'x' * (150 << 20)"], check=True);"""
    program = f"""
import subprocess, sys
held = b"x" * (200 << 20)
for first in ("", {child!r}, "held = b'x' * (300 << 20);"):
    print(subprocess.run([sys.executable, "-c", first + {measure!r}], check=True, capture_output=True, text=True).stdout)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    peaks = [json.loads(line)[1] for line in done.stdout.split("\n") if line]
    assert 5 < peaks[0] < 100, peaks
    assert 150 < peaks[1] < 200, peaks
    assert 300 < peaks[2] < 400, peaks


def test_records_of_an_older_laminar_have_no_usage(store: Datastore) -> None:
    ledger = Ledger(store, "F", "x")
    for index, usage in enumerate([None, Usage(None, 512.0, "container"), Usage(1.5, None, "process")]):
        task = Task(target="", execution="x", layer="A", datastore="", index=index)
        ledger.put_commit(task, Commit(1, {}, usage=usage))
        ledger.put_failure(task, Failure("user", "E", "m", usage=usage))
        commit, failure = ledger.commit("A", index), ledger.failure("A", index, 1)
        assert commit
        assert failure
        assert commit.usage == failure.usage == usage
    assert b"usage" not in bytes(store.read("runs/F/x/layers/A/0/COMMIT"))
    assert records.load(store, "runs/F/x/layers/A/0/COMMIT", "commit")
