"""The installed laminar as wheels again."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zipfile

import pytest

import laminar
from laminar.errors import InfrastructureError
from laminar.images import wheels


@pytest.fixture(scope="module")
def packed():
    return {wheel.name.lower(): wheel for wheel in wheels.closure(compiled=True)}


def test_all_that_laminar_needs_and_nothing_of_its_tools(packed):
    assert {"laminar", "click", "dill", "docker", "pyyaml", "rich", "requests", "urllib3", "pygments"} <= set(packed)
    assert not {"pytest", "pip", "setuptools", "numpy"} & set(packed)
    assert packed["laminar"].file == f"laminar-{laminar.__version__}-py3-none-any.whl"
    names = packed["laminar"].files
    assert {"laminar/py.typed", "laminar/images/Dockerfile", "laminar/cli/main.py"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]


def test_records_list_each_file_with_its_digest(packed, tmp_path):
    for wheel in packed.values():
        wheel.write(tmp_path)
        with zipfile.ZipFile(tmp_path / wheel.file) as archive:
            (record,) = [name for name in archive.namelist() if name.endswith(".dist-info/RECORD")]
            rows = {
                name: (digest, size) for name, digest, size in csv.reader(io.StringIO(archive.read(record).decode()))
            }
            assert set(rows) == set(archive.namelist())
            for name in set(rows) - {record}:
                content = archive.read(name)
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
                assert rows[name] == (f"sha256={digest}", str(len(content)))


def test_the_same_bytes_each_time(packed, tmp_path):
    for place in ("one", "two"):
        os.mkdir(tmp_path / place)
        wheels.closure(compiled=True)[0].write(str(tmp_path / place))
    name = packed["laminar"].file
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_for_another_python_nothing_compiled_goes_along():
    for wheel in wheels.closure(compiled=False):
        assert wheel.file.endswith("-py3-none-any.whl") or not wheel.stripped
        assert not [name for name in wheel.files if name.endswith((".so", ".pyd"))]


def test_what_pip_did_not_install_cannot_be_copied(monkeypatch):
    real = wheels.metadata.distribution

    class Debians:
        def __init__(self, name):
            self._real = real(name)

        def __getattr__(self, name):
            return getattr(self._real, name)

        def read_text(self, name):
            return None if name == "RECORD" else self._real.read_text(name)

    monkeypatch.setattr(wheels.metadata, "distribution", Debians)
    with pytest.raises(InfrastructureError, match="not installed from a wheel") as caught:
        wheels.closure(compiled=True)
    assert "python -m venv" in caught.value.remedy
