"""Targets and the loading of modules, in this process. What needs a program is in `tests/unit/test_program.py`."""

from __future__ import annotations

import itertools
import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar import Flow
from laminar.engine import loading, targets
from laminar.engine.loading import Loaded
from laminar.engine.targets import Target
from laminar.errors import TargetError

NUMBERS = itertools.count()

Load = Callable[..., Loaded]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project directory; what is imported from it is forgotten afterwards."""
    modules, path = set(sys.modules), list(sys.path)
    yield tmp_path
    loading._loading.clear()
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def load(folder: Path) -> Load:
    """Writes a module and loads it; `{}` in the target stands for its name, which is new each time."""

    def load(text: str, target: str = "{}", **others: str) -> Loaded:
        name = f"module_{next(NUMBERS)}"
        for file, content in {name: text, **others}.items():
            path = folder / f"{file.replace('.', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        return loading.load(Target.parse(target.format(name)), str(folder))

    return load


HELLO = """
    from laminar import Flow, Layer
    class HelloFlow(Flow): ...
    @HelloFlow.register
    class A(Layer):
        def __call__(self): ...
"""


# Targets

identifiers = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True)


@given(st.lists(identifiers, min_size=1, max_size=3).map(".".join), st.just("") | identifiers)
def test_a_target_reads_as_it_is_written(place: str, attribute: str) -> None:
    for text in (place, f"{place.replace('.', '/')}.py"):
        target = Target.parse(f"{text}:{attribute}" if attribute else text)
        assert Target.parse(str(target)) == target
        assert target.attribute == attribute
        assert target.module == (place if text == place else place.rpartition(".")[2])


@pytest.mark.parametrize(
    "text",
    ["", ":F", "a b", "a-b:F", "a/b", "a..b", ".a", "a.", "1a", "../x", "a:F:G"],
)
def test_what_is_no_target_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(TargetError, match="invalid target") as caught:
        Target.parse(text)
    assert "module:attribute" in caught.value.remedy
    assert "path/to/file.py" in caught.value.remedy


# Finding a flow


def test_a_class_stands_for_its_first_instance_of_the_module(load: Load) -> None:
    text = f"""{HELLO}
    class Child(HelloFlow): ...
    child, first, second = Child(), HelloFlow(), HelloFlow()
    """
    loaded = load(text, "{}:HelloFlow")
    assert loading.find(loaded, Flow) is loaded.module.first


def test_a_class_without_an_instance_is_instantiated(load: Load) -> None:
    loaded = load(f"{HELLO}\n    class Child(HelloFlow): ...\n    child = Child()", "{}:HelloFlow")
    found = loading.find(loaded, Flow)
    assert type(found) is loaded.module.HelloFlow
    assert (found.datastore, found.executor) == (None, None)


def test_an_instance_in_the_condition_of_the_guard_is_the_flow(load: Load) -> None:
    loaded = load(
        f"{HELLO}\n    from laminar.datastores import Memory\n    if flow := HelloFlow(datastore=Memory()): flow()"
    )
    assert loading.find(loaded, Flow) is loaded.module.flow
    assert repr(loading.find(loaded, Flow).datastore) == "memory"


def test_an_attribute_may_be_an_instance_or_nested(load: Load) -> None:
    text = f"""{HELLO}
    first, second = HelloFlow(), HelloFlow()
    class Box:
        class Inner(Flow): ...
        flow = HelloFlow()
    """
    loaded = load(text, "{}:second")
    assert loading.find(loaded, Flow) is loaded.module.second
    name = loaded.module.__name__
    inner = loading.find(Loaded(Target.parse(f"{name}:Box.Inner"), loaded.module), Flow)
    assert type(inner) is loaded.module.Box.Inner
    assert loading.find(Loaded(Target.parse(f"{name}:Box.flow"), loaded.module), Flow) is loaded.module.Box.flow


def test_the_attribute_may_be_left_out_where_there_is_one_flow(load: Load) -> None:
    helper = "from laminar import Flow\nclass Other(Flow): ..."
    loaded = load(f"{HELLO}\n    from helper_of_one_flow import Other", helper_of_one_flow=helper)
    assert type(loading.find(loaded, Flow)) is loaded.module.HelloFlow


@pytest.mark.parametrize(
    ("text", "target", "words", "remedy"),
    [
        ("x = 1", "{}", "defines no flow", "class MyFlow(Flow)"),
        (HELLO + "    class B(Flow): ...", "{}", "defines 2 flows", ":HelloFlow, "),
        (HELLO, "{}:HeloFlow", "has no attribute 'HeloFlow'", "Did you mean 'HelloFlow'?"),
        (HELLO, "{}:HelloFlow.x.y", "has no attribute 'HelloFlow.x.y'", "HelloFlow"),
        (HELLO, "{}:A", "is a type, not a flow", "Flows in "),
        ("x = 1", "{}:x", "is a int, not a flow", "none"),
        (HELLO, "{}:Flow", "is a type, not a flow", "HelloFlow"),
    ],
)
def test_what_is_no_flow_is_named_with_what_there_is(
    load: Load, text: str, target: str, words: str, remedy: str
) -> None:
    with pytest.raises(TargetError) as caught:
        loading.find(load(text, target), Flow)
    assert words in caught.value.message
    assert remedy in caught.value.remedy


# Loading


def test_a_module_that_is_not_there_is_named(folder: Path) -> None:
    for target, missing in [("nothing_there:F", "nothing_there"), ("nothing.below:F", "nothing")]:
        with pytest.raises(TargetError, match=f"no module '{missing}' to import") as caught:
            loading.load(Target.parse(target), str(folder))
        assert "--app-dir" in caught.value.remedy
        assert caught.value.details == ""


def test_a_dot_in_place_of_the_colon_suggests_the_colon(load: Load, folder: Path) -> None:
    name = load(HELLO).module.__name__
    for target, remedy in {
        f"{name}.HelloFlow": f"Did you mean {name}:HelloFlow?",
        f"{name}.nothing": "Run it in the directory",
        f"{name}.HelloFlow:x": "Run it in the directory",
    }.items():
        with pytest.raises(TargetError, match="there is no module") as caught:
            loading.load(Target.parse(target), str(folder))
        assert caught.value.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("class Kmers: ...\nclass Count:\n    def __call__(self, kmers: Kmres): ...", "'Kmers'"),
        ("class Count:\n    class Kmers: ...\n    found: Kmres", "'Kmers'"),
        ("length: flaot", "'float'"),
        ("length: what_is_like_no_other", ""),
        ("length = 1\ndef f():\n    print(length)\n    length = 2\nf()", ""),
    ],
)
def test_a_name_with_a_typo_suggests_the_nearest_of_its_module(load: Load, text: str, meant: str) -> None:
    with pytest.raises(TargetError) as caught:
        load(text)
    suggestion = f" Did you mean {meant}?" if meant else ""
    assert caught.value.remedy == f"Mend the module; the traceback above is its own.{suggestion}"


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(TargetError, match=f"there is no file {folder}/nope.py"):
        loading.load(Target.parse("nope.py:F"), str(folder))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import not_installed_here", "needs 'not_installed_here', which is not installed here"),
        ("def f():\n    raise ValueError('mine')\nf()", "raises ValueError"),
        ("x = (", "raises SyntaxError"),
        ("import sys; sys.exit(3)", "exits with 3"),
    ],
)
@pytest.mark.parametrize("form", ["module", "file"])
def test_a_module_that_fails_to_import_shows_the_users_traceback_only(
    folder: Path, text: str, words: str, form: str
) -> None:
    name = f"module_{next(NUMBERS)}"
    (folder / f"{name}.py").write_text(text)
    with pytest.raises(TargetError, match=f"importing {name}") as caught:
        loading.load(Target.parse(name if form == "module" else f"{name}.py"), str(folder))
    error = caught.value
    assert words in error.message
    assert f"{name}.py" in error.details
    assert os.path.dirname(loading.__file__) not in error.details
    assert "importlib" not in error.details
    assert name not in sys.modules
    assert loading._loading == []


def test_a_file_is_loaded_under_its_own_name_with_its_folder_first(folder: Path) -> None:
    (folder / "flows").mkdir()
    (folder / "flows/helper_beside.py").write_text("value = 5")
    (folder / "flows/with_helper.py").write_text(textwrap.dedent(HELLO) + "from helper_beside import value\n")
    loaded = loading.load(Target.parse("flows/with_helper.py:HelloFlow"), str(folder))
    assert loaded.module.__name__ == "with_helper"
    assert loaded.module.value == 5
    assert sys.modules["with_helper"] is loaded.module
    assert sys.path[0] == str(folder / "flows")
    assert loading.load(Target.parse("flows/with_helper.py"), str(folder)).module is loaded.module
    assert str(targets.target_of(loaded.module.HelloFlow, str(folder))) == "flows/with_helper.py:HelloFlow"
    assert str(targets.target_of(loaded.module.HelloFlow, str(folder / "flows"))) == "with_helper:HelloFlow"


def test_a_file_whose_name_is_taken_by_another_module_is_refused(folder: Path) -> None:
    (folder / "json.py").write_text("x = 1")
    with pytest.raises(TargetError, match="another module of that name is loaded already"):
        loading.load(Target.parse("./json.py:F"), str(folder))


GUARDS = {
    "guarded": "if flow := HelloFlow(): calls.append(flow())",
    "unguarded": "HelloFlow()()",
    "in a function": "def main():\n    HelloFlow()()\n    calls.append(bool(HelloFlow()))\nmain()",
    "in a class": "class X:\n    flow = HelloFlow()()",
    "in a nested import": "import nested_import",
}


@pytest.mark.parametrize("guard", GUARDS)
def test_importing_never_schedules(load: Load, guard: str, folder: Path) -> None:
    text = textwrap.dedent(HELLO) + "calls = []\n" + GUARDS[guard]
    nested = "from laminar import Flow\nclass F(Flow): ...\nF()()\nassert not F()"
    loaded = load(text, nested_import=nested)
    assert [call for call in loaded.module.calls if call] == []
    assert not (folder / ".laminar").exists()
    assert not Path(".laminar").exists()


def test_an_ordinary_import_never_schedules_either(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "imported_plainly.py").write_text(
        textwrap.dedent(HELLO) + "flow = HelloFlow()\ntruth = bool(flow)\ndef later():\n    return bool(flow)\nflow()\n"
    )
    monkeypatch.syspath_prepend(folder)
    import imported_plainly  # type: ignore[import-not-found]

    assert imported_plainly.truth is False
    assert imported_plainly.later() is True, "called by the program, not while the module is imported"


def test_a_program_that_runs_code_by_exec_schedules() -> None:
    # How pytest-xdist (execnet), notebooks' magics, Streamlit and the like run what is the program to the user.
    namespace: dict[str, Any] = {"flow": type("F", (Flow,), {})(), "__name__": "__channelexec__"}
    exec(compile("truth = bool(flow)", "<remote exec>", "exec"), namespace)
    assert namespace["truth"] is True


def test_a_load_inside_a_load_keeps_both_apart(load: Load, folder: Path) -> None:
    (folder / "inner_of_load.py").write_text("x = 1")
    loaded = load(f"""
    from laminar.engine import loading, targets
    loading.load(targets.Target.parse("inner_of_load"), {str(folder)!r}){HELLO}
    flow = HelloFlow()
    """)
    assert loaded.constructed == [loaded.module.flow]


# Back to a target


def test_a_flow_that_no_other_process_finds_is_refused_with_both_ways_out() -> None:
    class Local(Flow): ...

    with pytest.raises(TargetError, match="flow Local is not an attribute of its module") as caught:
        targets.target_of(Local, ".")
    assert "executors.Thread()" in caught.value.remedy
    prompt = type("Typed", (Flow,), {"__module__": "a_module_without_a_file"})
    with pytest.raises(TargetError, match="defined in a notebook or at a prompt"):
        targets.target_of(prompt, ".")


def test_a_flow_of_a_package_is_found_by_its_module(load: Load, folder: Path) -> None:
    load("", **{"package_of_flows.__init__": HELLO, "package_of_flows.inner": HELLO})
    for name in ("package_of_flows", "package_of_flows.inner"):
        loaded = loading.load(Target.parse(f"{name}:HelloFlow"), str(folder))
        assert str(targets.target_of(loaded.module.HelloFlow, str(folder))) == f"{name}:HelloFlow"
        assert str(targets.target_of(loaded.module.HelloFlow, str(folder / "elsewhere"))) == f"{name}:HelloFlow"


@pytest.mark.parametrize("place", ["src", ".venv/lib/python3.11/site-packages"])
def test_a_flow_of_an_installed_package_is_found_by_its_module(folder: Path, place: str) -> None:
    # A src layout, and a virtual environment in the project's directory. By path, the module has another name, its relative
    # imports fail, its classes are others, and an image does not have that path.
    package = folder / place / "installed_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "flows.py").write_text(textwrap.dedent(HELLO))
    sys.path.insert(0, str(folder / place))
    loaded = loading.load(Target.parse("installed_package.flows:HelloFlow"), str(folder))
    assert str(targets.target_of(loaded.module.HelloFlow, str(folder))) == "installed_package.flows:HelloFlow"
