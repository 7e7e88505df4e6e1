from __future__ import annotations

import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from laminar.datastores import Datastore
from laminar.engine import fingerprint, layout
from laminar.engine.fingerprint import Code

FLOW = """
    # A comment at the top.
    from laminar import Flow, Layer
    import helper
    from package.inner import thing

    FACTOR = 3

    class F(Flow): ...

    def twice(x):
        return 2 * x

    @F.register
    class A(Layer):
        '''What it does.'''
        def __call__(self):
            self.value = twice(FACTOR)

    # A comment between two layers.
    @F.register(
        retry=None,
    )
    class B(Layer):
        def __call__(self, a: A):
            self.value = helper.help(a.value)
"""
OTHERS = {
    "helper.py": "import deep\ndef help(x):\n    return x\n",
    "deep.py": "DEPTH = 1\n",
    "package/__init__.py": "",
    "package/inner.py": "from .beside import thing\n",
    "package/beside.py": "thing = 1\n",
    "unused.py": "x = 1\n",
}
NUMBERS = itertools.count()


class Project:
    """A project directory, whose modules are imported anew for each look at their code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("flow.py", textwrap.dedent(FLOW))
        for name, text in OTHERS.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert text.count(old) == 1
        self.write(name, text.replace(old, new))

    def module(self) -> ModuleType:
        for name in [name for name in sys.modules if name.partition(".")[0] in TOPS]:
            del sys.modules[name]
        sys.path.insert(0, str(self.folder))
        importlib.invalidate_caches()
        try:
            return importlib.import_module("flow")
        finally:
            sys.path.remove(str(self.folder))

    def code(self) -> Code:
        sys.path.insert(0, str(self.folder))
        try:
            module = self.module()
            return fingerprint.of_flow([module.A, module.B], str(self.folder))
        finally:
            sys.path.remove(str(self.folder))


TOPS = ("flow", "helper", "deep", "package", "unused", "layers_elsewhere", "latin", "marked", "loud", "space")
Make = Callable[..., Project]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a stale .pyc is as new as a file written in the same second
    yield lambda: Project(tmp_path / f"project{next(NUMBERS)}")
    for name in [name for name in sys.modules if name.partition(".")[0] in TOPS]:
        del sys.modules[name]


def differing(one: Code, two: Code) -> list[str]:
    return sorted(name for name in one.layers if one.layers[name] != two.layers[name])


def test_equal_code_has_equal_digests_wherever_it_is(make: Make) -> None:
    one, two = make().code(), make().code()
    assert one == two
    assert one.to_bytes() == two.to_bytes()
    assert set(one.modules) == {"flow", "helper", "deep", "package.inner", "package.beside"}
    assert Code.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize(
    ("name", "old", "new", "layers"),
    [
        ("flow.py", "twice(FACTOR)", "twice(FACTOR) + 1", ["A"]),
        ("flow.py", "'''What it does.'''", "'''What else it does.'''", ["A"]),
        ("flow.py", "help(a.value)", "help(a.value) + 1", ["B"]),
        ("flow.py", "retry=None", "timeout=None", ["B"]),
        ("flow.py", "FACTOR = 3", "FACTOR = 4", ["A", "B"]),
        ("flow.py", "return 2 * x", "return x + x", ["A", "B"]),
        ("flow.py", "# A comment between two layers.", "# Another comment.", []),
        ("flow.py", "# A comment at the top.", "# Three\n# lines\n# there.", []),
        ("helper.py", "return x", "return x + 1", ["A", "B"]),
        ("deep.py", "DEPTH = 1", "DEPTH = 2", ["A", "B"]),
        ("package/beside.py", "thing = 1", "thing = 2", ["A", "B"]),
        ("unused.py", "x = 1", "x = 2", []),
        ("package/__init__.py", "", "import sys", ["A", "B"]),
    ],
)
def test_a_change_names_the_layers_that_it_reaches(
    make: Make, name: str, old: str, new: str, layers: list[str]
) -> None:
    before, project = make().code(), make()
    if old:
        project.change(name, old, new)
    else:
        project.write(name, new)
    assert differing(before, project.code()) == layers


def test_a_module_names_the_layers_that_import_it_only(make: Make) -> None:
    project = make()
    project.write(
        "layers_elsewhere.py",
        "from laminar import Layer\nimport unused\nclass C(Layer):\n    def __call__(self): ...\n",
    )

    def code() -> Code:
        module = project.module()
        sys.path.insert(0, str(project.folder))
        try:
            elsewhere = importlib.import_module("layers_elsewhere")
            return fingerprint.of_flow([module.A, elsewhere.C], str(project.folder))
        finally:
            sys.path.remove(str(project.folder))

    before = code()
    project.change("unused.py", "x = 1", "x = 2")
    after = code()
    assert differing(before, after) == ["C"]
    project.change("deep.py", "DEPTH = 1", "DEPTH = 2")
    assert differing(after, code()) == ["A"]


def test_a_layer_changes_with_the_layer_that_it_inherits_from(make: Make) -> None:
    def derived() -> Project:
        project = make()
        project.change("flow.py", "class B(Layer)", "class B(A)")
        return project

    before, changed = derived().code(), derived()
    changed.change("flow.py", "twice(FACTOR)", "twice(FACTOR) + 1")
    assert differing(before, changed.code()) == ["A", "B"]


PROGRAMS = [
    "if flow := F():\n    flow()\n",
    "flow = F()\nif flow:\n    flow()\n",
    "if __name__ == '__main__':\n    F()()\n",
    "if '__main__' == __name__:\n    F()()\n",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_only_the_program_runs_is_no_code_of_a_layer(make: Make, program: str) -> None:
    """A linker, say. What else stands under an `if` runs where the module is imported, too."""

    def code(program: str, otherwise: str = "x = 1") -> Code:
        project = make()
        flow = (project.folder / "flow.py").read_text()
        project.write("flow.py", f"{flow}\n{program}else:\n    {otherwise}\n")
        return project.code()

    before = code(program)
    assert differing(before, code(program[:-1] + ".next(G(), lambda run: 1)\n")) == []
    assert differing(before, code(program, "x = 2")) == ["A", "B"]
    assert differing(before, code(program.replace("F()", "F(datastore=None)"))) == (
        [] if "__name__" in program else ["A", "B"]
    )
    assert differing(code("if FACTOR:\n    y = 1\n"), code("if FACTOR:\n    y = 2\n")) == ["A", "B"]


@pytest.mark.parametrize(
    "test", ["!= '__main__'", "in ('flow', '__mp_main__')", "== 'flow'", "== '__main__' != 'flow'"]
)
def test_what_runs_on_import_is_code_whatever_is_asked_about_the_name(make: Make, test: str) -> None:
    def code(factor: int) -> Code:
        project = make()
        project.change("flow.py", "FACTOR = 3", f"FACTOR = 3\nif __name__ {test}:\n    FACTOR = {factor}\n")
        return project.code()

    assert differing(code(4), code(5)) == ["A", "B"]


@pytest.mark.parametrize("guard", ["if flow := F():", "if __name__ == '__main__':"])
@pytest.mark.parametrize(
    ("one", "other", "layers"),
    [
        ("def twice(x): return 1", "def twice(x): return 2", ["A", "B"]),
        ("for FACTOR in (4,): pass", "for FACTOR in (5,): pass", ["A", "B"]),
        ("from deep import DEPTH as FACTOR", "from unused import x as FACTOR", ["A", "B"]),
        ("more = 4; twice = lambda x: more", "more = 5; twice = lambda x: more", ["A", "B"]),
        ("def link(run): return 1", "def link(run): return 2", []),
        ("done = F()().next(G(), lambda run: 1)", "done = F()().next(G(), lambda run: 2)", []),
    ],
)
def test_what_the_program_defines_for_its_layers_is_code(
    make: Make, guard: str, one: str, other: str, layers: list[str]
) -> None:
    """Layers in threads of the program see it."""

    def code(defined: str) -> Code:
        project = make()
        flow = (project.folder / "flow.py").read_text()
        project.write("flow.py", f"{flow}\n{guard}\n    {defined}\n")
        return project.code()

    assert differing(code(one), code(other)) == layers


def test_a_module_that_cannot_be_parsed_is_its_text(make: Make) -> None:
    project = make()
    project.change("flow.py", "import helper", "try:\n    import helper\nexcept SyntaxError:\n    helper = None")
    project.write("helper.py", "def help(x) return x\n")
    before = project.code()
    project.write("helper.py", "def help(x) return x + 1\n")
    assert differing(before, project.code()) == ["A", "B"]


def test_what_python_warns_of_is_said_by_the_import_alone(make: Make) -> None:
    project = make()
    project.change("helper.py", "return x", "return '\\d'")
    with pytest.warns(Warning, match="invalid escape") as said:
        before = project.code()
    assert {warning.filename for warning in said} == {str(project.folder / "helper.py")}
    project.change("flow.py", "FACTOR = 3", "FACTOR = 4")
    with pytest.warns(Warning, match="invalid escape"):
        assert differing(before, project.code()) == ["A", "B"]


def test_what_differs_here_is_named(make: Make, store: Datastore) -> None:
    project = make()
    code = project.code()
    digest = fingerprint.publish(code, store)
    assert fingerprint.publish(code, store) == digest
    sent = Code.from_bytes(bytes(store.read(layout.blob(digest))))
    module = project.module()
    layers = [module.A, module.B]
    sys.path.insert(0, str(project.folder))
    try:
        assert fingerprint.differing(sent, layers, str(project.folder)) == []
        project.change("flow.py", "twice(FACTOR)", "0")
        assert fingerprint.differing(sent, layers, str(project.folder)) == ["A"]
        assert fingerprint.differing(sent, layers[1:], str(project.folder)) == ["A"], "a layer that is not here"
        project.change("flow.py", "    self.value = 0", "    self.value = twice(FACTOR)")
        assert fingerprint.differing(sent, layers, str(project.folder)) == []
    finally:
        sys.path.remove(str(project.folder))


def test_what_is_installed_is_the_images_own_business(make: Make) -> None:
    project = make()
    project.change("flow.py", "import helper", "import helper, json, numpy, dill")
    assert set(project.code().modules) == set(make().code().modules)


def test_line_ends_and_trailing_blanks_are_no_code(make: Make) -> None:
    project = make()
    before = project.code()
    text = (project.folder / "flow.py").read_text()
    (project.folder / "flow.py").write_bytes(text.replace("x\n", "x   \n").replace("\n", "\r\n").encode())
    assert differing(before, project.code()) == []


def test_nothing_is_imported_to_find_code(make: Make) -> None:
    """A package that is imported when it is needed may print, need what is not here, or end the process."""
    project = make()
    project.change("helper.py", "return x", "import loud.inner.leaf, space.inner.leaf; return x")
    project.write("loud/__init__.py", "print('here'); raise SystemExit(3)\n")
    for name in ("loud/inner/__init__.py", "loud/inner/leaf.py", "space/inner/leaf.py"):
        project.write(name, "raise SystemExit(4)\n")
    before = project.code()
    assert {"loud", "loud.inner", "loud.inner.leaf", "space.inner.leaf"} <= set(before.modules)
    assert not {"loud", "space"} & set(sys.modules)
    project.write("space/inner/leaf.py", "raise SystemExit(5)\n")
    assert differing(before, project.code()) == ["A", "B"]


def test_what_goes_wrong_in_a_finder_ends_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        def find_spec(self, name: str, *arguments: object) -> None:
            if name == "nowhere":
                raise RuntimeError("not today")

    project = make()
    project.change("helper.py", "return x", "import nowhere.inner, odd.inner; return x")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    monkeypatch.setitem(sys.modules, "odd", object())
    assert "helper" in project.code().modules


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfname = 'x'\n", b"# -*- coding: latin-1 -*-\nname = '\xe9t\xe9'\n"], ids=["BOM", "latin-1"]
)
def test_sources_in_every_encoding_that_python_reads(make: Make, content: bytes) -> None:
    project = make()
    (project.folder / "helper.py").write_bytes(content + b"def help(x): return x\n")
    assert "helper" in project.code().modules
