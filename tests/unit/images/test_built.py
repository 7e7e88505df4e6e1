"""The image that `laminar build` made last: a setting, below all that anybody names."""

from __future__ import annotations

import os

import pytest

from laminar import settings, wiring
from laminar.errors import SettingsError
from laminar.images.project import Built, _sends_store, remember


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def image(**sources):
    made = settings.resolve(**{"environ": {}, **sources})
    return made["image"], made.source("image")


def test_it_is_below_all_that_anybody_names(project):
    assert image() == (None, "default")
    remember(".", Built("built", "sha256:1", "linux/amd64"))
    assert image() == ("built", "laminar build")
    (project / "laminar.yaml").write_text("image: file")
    assert image() == ("file", "laminar.yaml")
    assert image(environ={"LAMINAR_IMAGE": "environ"}) == ("environ", "LAMINAR_IMAGE")
    assert image(code={"image": "code"}) == ("code", "code")
    assert image(flags={"image": "flag"}) == ("flag", "flag")


def test_the_executor_knows_that_nobody_named_it(project):
    remember(".", Built("built", "sha256:1", "linux/amd64"))
    made = wiring.executor(settings.resolve(environ={}))
    assert (made.image, made.built) == (None, "built")
    made = wiring.executor(settings.resolve({"image": "named"}, environ={}))
    assert (made.image, made.built) == ("named", None)


def test_the_last_one_counts_and_nothing_is_left_beside_it(project):
    for name in ("first", "second"):
        remember(".", Built(name, "sha256:1", "linux/amd64"))
    assert settings.built_image() == "second"
    assert os.listdir(".laminar") == ["build.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"image": 3}', "{}"])
def test_a_damaged_record(project, text):
    (project / ".laminar").mkdir()
    (project / settings.BUILT).write_text(text)
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        image()
    assert "laminar build" in caught.value.remedy


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        (None, True),
        ("*.pyc\n", True),
        (".laminar\n", False),
        (".laminar/\n", False),
        ("**/.laminar\n", False),
        (".*\n", False),
        ("*\n!main.py\n", False),
        ("*\n!.laminar\n", True),
    ],
)
def test_whether_a_build_sends_the_datastore(project, lines, sent):
    if lines is not None:
        (project / ".dockerignore").write_text(lines)
    assert _sends_store(".") is sent
