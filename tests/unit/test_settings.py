from __future__ import annotations

import io
import itertools
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from laminar import wiring
from laminar.datastores import Local, Memory
from laminar.errors import SettingsError, UsageError
from laminar.executors import Docker, Process, Thread
from laminar.settings import OPTIONS, Settings, misspelled, resolve


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "laminar.yaml"


SOURCES = ("flag", "code", "LAMINAR_IMAGE", "laminar.yaml", "default")


@pytest.mark.parametrize("there", list(itertools.product([True, False], repeat=4)))
def test_the_first_source_that_has_a_value_gives_it(file: Path, there: tuple[bool, ...]) -> None:
    flag, code, variable, in_file = there
    if in_file:
        file.write_text("image: from-file")
    settings = resolve(
        {"image": "from-flag" if flag else None},
        {"image": "from-code" if code else None},
        {"LAMINAR_IMAGE": "from-variable" if variable else ""},
    )
    values = ("from-flag", "from-code", "from-variable", "from-file", None)
    first = [*there, True].index(True)
    assert (settings["image"], settings.source("image")) == (values[first], SOURCES[first])


def test_without_a_file_or_a_variable_everything_is_a_default(file: Path) -> None:
    settings = resolve(environ={})
    assert set(settings) == set(OPTIONS)
    assert {settings.source(name) for name in settings} == {"default"}
    assert (settings["executor"], settings["datastore"], settings["progress"]) == ("docker", ".laminar", "auto")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_parallel", "4", 4),
        ("fail_fast", "1", True),
        ("fail_fast", "TRUE", True),
        ("fail_fast", "off", False),
        ("logs", "no", False),
        ("executor", "thread", "thread"),
        ("images", "A=one,B=two:tag", {"A": "one", "B": "two:tag"}),
        ("datastore", "/a b", "/a b"),
    ],
)
def test_variables_are_parsed(file: Path, name: str, text: str, value: Any) -> None:
    settings = resolve(environ={f"LAMINAR_{name.upper()}": text})
    assert (settings[name], settings.source(name)) == (value, f"LAMINAR_{name.upper()}")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("max_parallel", "0", "a whole number, 1 at least"),
        ("max_parallel", "many", "a whole number"),
        ("fail_fast", "maybe", "true or false"),
        ("executor", "podman", "one of: docker, process, thread"),
        ("progress", "loud", "one of: auto, tty, plain, json, quiet"),
        ("images", "A", "an image for each layer"),
    ],
)
def test_a_variable_that_is_wrong_is_named_with_what_is_allowed(file: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=f"LAMINAR_{name.upper()} is '{text}'") as caught:
        resolve(environ={f"LAMINAR_{name.upper()}": text})
    assert words in caught.value.remedy
    assert caught.value.exit_code == 2


def test_a_file_is_parsed(file: Path) -> None:
    file.write_text("executor: process\nmax_parallel: 2\nfail_fast: true\nimages: {A: one}\n")
    settings = resolve(environ={})
    assert (settings["executor"], settings["max_parallel"], settings["fail_fast"]) == ("process", 2, True)
    assert settings["images"] == {"A": "one"}
    assert settings.source("images") == "laminar.yaml"


def test_another_file_is_named_as_the_source(file: Path) -> None:
    file.write_text("image: not-this")
    (file.parent / "ci.yaml").write_text("image: this")
    settings = resolve(environ={}, file="ci.yaml")
    assert (settings["image"], settings.source("image")) == ("this", "ci.yaml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_sets_nothing(file: Path, text: str) -> None:
    file.write_text(text)
    assert resolve(environ={}).source("image") == "default"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("excutor: docker", "unknown option 'excutor' in laminar.yaml"),
        ("1: docker", "unknown option 1 in laminar.yaml"),
        ("executor: podman", "executor in laminar.yaml is 'podman'"),
        ("max_parallel: true", "max_parallel in laminar.yaml is True"),
        ("max_parallel: 1.5", "max_parallel in laminar.yaml is 1.5"),
        ("image: 5", "image in laminar.yaml is 5"),
        ("images: [a]", "images in laminar.yaml is"),
        ("images: {A: 1}", "images in laminar.yaml is"),
        ("- a list", "laminar.yaml is a list, not a mapping"),
        ("just text", "laminar.yaml is a str, not a mapping"),
        ("a: [", "laminar.yaml cannot be read"),
        ("image: !!python/object/apply:os.getcwd []", "laminar.yaml cannot be read"),
        ("\udcff", "laminar.yaml cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_what_to_do(file: Path, text: str, words: str) -> None:
    file.write_text(text, errors="surrogateescape")
    with pytest.raises(SettingsError) as caught:
        resolve(environ={})
    assert words in caught.value.message
    assert caught.value.remedy


def test_an_unknown_option_suggests_the_nearest(file: Path) -> None:
    file.write_text("excutor: docker")
    with pytest.raises(SettingsError) as caught:
        resolve(environ={})
    assert "Did you mean 'executor'?" in caught.value.remedy


def test_a_file_that_was_named_must_be_there(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no settings file nope\.yaml"):
        resolve(environ={}, file="nope.yaml")


# What becomes of them


def settings(**values: Any) -> Settings:
    return resolve(values, environ={})


def test_a_place_is_a_store(tmp_path: Path) -> None:
    memory = Memory()
    assert wiring.datastore(memory) is memory
    for place in (str(tmp_path), f"file://{tmp_path}"):
        store = wiring.datastore(place)
        assert isinstance(store, Local)
        assert store.url == str(tmp_path)
    with pytest.raises(SettingsError, match="unknown datastore 's4://bucket'"):
        wiring.datastore("s4://bucket")


def test_a_datastore_that_is_named_needs_no_other(tmp_path: Path) -> None:
    elsewhere = resolve({"datastore": str(tmp_path)}, environ={"LAMINAR_DATASTORE": "s4://bucket"})
    store = wiring.chosen_datastore(elsewhere)
    assert store.url == str(tmp_path)
    assert store.options.store == ("--datastore", str(tmp_path))


def test_a_datastore_of_the_users_may_take_no_attributes(tmp_path: Path) -> None:
    class Frozen(Local):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "options":
                raise FrozenInstanceError(name)
            super().__setattr__(name, value)

    store = Frozen(str(tmp_path))
    assert wiring.chosen_datastore(resolve(code={"datastore": store}, environ={})) is store


@pytest.mark.parametrize(("name", "kind"), [("docker", Docker), ("process", Process), ("thread", Thread)])
def test_a_name_is_an_executor(name: str, kind: type) -> None:
    assert type(wiring.executor(settings(executor=name))) is kind


def test_an_executor_of_the_users_is_copied_and_gets_the_images() -> None:
    own = Docker(image="own", images={"A": "a"}, concurrency=3)
    made = wiring.executor(settings(executor=own, image="flag", images={"B": "b"}))
    assert isinstance(made, Docker)
    assert (made.image, made.images, made.concurrency) == ("flag", {"A": "a", "B": "b"}, 3)
    assert (own.image, own.images) == ("own", {"A": "a"})


class Terminal:
    encoding = "utf-8"

    def __init__(self, live: bool) -> None:
        self.live = live

    def isatty(self) -> bool:
        return self.live

    def write(self, text: str) -> int:
        return len(text)


@pytest.mark.parametrize(
    ("mode", "live", "environ", "view"),
    [
        ("auto", False, {}, "Plain"),
        ("auto", False, {"FORCE_COLOR": "1"}, "Plain"),
        ("auto", True, {}, "Live"),
        ("auto", True, {"CI": "1"}, "Plain"),
        ("auto", True, {"TERM": "dumb"}, "Plain"),
        ("plain", True, {}, "Plain"),
        ("tty", True, {"TERM": "dumb"}, "Plain"),
        ("quiet", True, {}, None),
    ],
)
def test_the_view_is_that_of_the_stream(
    mode: str, live: bool, environ: dict[str, str], view: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "TERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr", Terminal(live))
    found = wiring.observers(settings(progress=mode), lambda layer, index: "")
    assert [type(observer).__name__ for observer in found] == ([view] if view else [])


def test_an_unknown_view_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown progress view 'loud'"):
        wiring.observers(settings(progress="loud"), lambda layer, index: "")


@pytest.mark.parametrize("mode", ["auto", "plain", "json", "tty"])
def test_no_view_is_made_on_a_stream_that_is_closed_or_was_never_given(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """As by `sys.stderr.close()`, or `2>&-`."""
    closed = io.StringIO()
    closed.close()
    for stream in (closed, None):
        monkeypatch.setattr("sys.stderr", stream)
        assert wiring.observers(settings(progress=mode), lambda layer, index: "") == []


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("LAMINAR_EXECUTER", "LAMINAR_EXECUTOR"),
        ("LAMINAR_MAXPARALLEL", "LAMINAR_MAX_PARALLEL"),
        ("LAMINAR_DATA_STORE", "LAMINAR_DATASTORE"),
        ("LAMINAR_LOG", "LAMINAR_LOGS"),
    ],
)
def test_a_variable_that_is_nearly_one_of_a_setting_is_named(variable: str, meant: str) -> None:
    assert misspelled({variable: "x"}) == [f"{variable} is not a setting of laminar; did you mean {meant}?"]


@pytest.mark.parametrize(
    "variable",
    [
        *(f"LAMINAR_{name.upper()}" for name in OPTIONS),
        *("LAMINAR_EXECUTION", "LAMINAR_LAYER", "LAMINAR_HOST_DATASTORE", "LAMINAR_IMAGE_NAME", "LAMINAR_RESUME"),
        *("LAMINAR_REQUIRE_DOCKER", "LAMINAR_TEST_IMAGE", "LAMINAR_HOME", "LAMINAR_WORKERS"),
        *("EXECUTER", "executor", "MY_LAMINAR_EXECUTER", "LAMINAR_"),
    ],
)
def test_of_variables_of_laminar_and_of_others_nothing_is_said(variable: str) -> None:
    assert misspelled({variable: "x"}) == []
