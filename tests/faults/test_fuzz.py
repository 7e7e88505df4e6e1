"""What people and other programs hand in: accepted, or refused by one error of laminar; nothing is written elsewhere."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import hypothesis
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from laminar import Flow, Layer, Parameters
from laminar.cli.main import cli
from laminar.cli.parameters import parameters_of
from laminar.configurations import layers
from laminar.datastores import Local
from laminar.engine import layout, loading, records, resuming, targets
from laminar.engine.addresses import resolve as resolve_address
from laminar.engine.lease import Holder
from laminar.engine.ledger import Failure, Ledger
from laminar.errors import ExecutionError, LaminarError, TargetError, UsageError
from laminar.executors import Thread
from laminar.model.names import class_name, execution_id
from laminar.model.wire import Task, parse, take, variable
from laminar.settings import OPTIONS, built_image, read_file, resolve
from tests.unit.strategies import execution_ids, json_values

bounded = hypothesis.settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

HOSTILE = [
    "",
    ".",
    "..",
    "../x",
    "/x",
    "a/../../x",
    "-x",
    "--help",
    "a\0b",
    "a\nb",
    "x" * 300,
    "é" * 100,
    "\ud800",
    "a b",
    "~",
    "%s",
    "{}",
    "None",
]
hostile = st.sampled_from(HOSTILE) | st.text(max_size=20) | st.text("aA0._-/\\\0\n:@~", max_size=20)
names = hostile | execution_ids


FAILS: list[int] = []


class F(Flow): ...


@F.register
class A(Layer):
    def __call__(self, parameters: Parameters) -> None:
        self.given = {name: repr(value) for name, value in vars(parameters).items()}
        self.shard(parts=[b"x" * 2000, b"y"])


@F.register(foreach=layers.ForEach(parameters=[layers.Parameter(layer=A, attribute="parts")]))
class B(Layer):
    def __call__(self, a: A) -> None:
        self.size = len(a.parts)


@F.register
class C(Layer):
    def __call__(self, b: B) -> None:
        if FAILS:
            raise ValueError
        self.sizes = list(b.size)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory to work in, of which only the store may change."""
    for name in [name for name in os.environ if name.startswith("LAMINAR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LAMINAR_PROGRESS", "quiet")
    monkeypatch.setenv("LAMINAR_EXECUTOR", "thread")
    work = tmp_path / "above" / "work"
    work.mkdir(parents=True)
    (work / "main.py").write_text("from laminar import Flow\nclass G(Flow): ...\n")
    monkeypatch.chdir(work)
    before = tree(tmp_path)
    yield work
    assert tree(tmp_path) == before


def tree(top: Path) -> dict[str, bytes]:
    """Path -> content of all files but the store's and Python's own."""
    files = (path for path in top.rglob("*") if path.is_file() and not {".laminar", "__pycache__"} & set(path.parts))
    return {str(path): path.read_bytes() for path in files}


def flow(root: Path) -> F:
    return F(datastore=Local(root / ".laminar"), executor=Thread())


def clear(error: LaminarError) -> None:
    """Words that a terminal can show, of bounded length."""
    assert error.message
    assert len(error.message) < 3000
    str(error).encode("utf-8", "backslashreplace")


@bounded
@given(names)
def test_execution_ids(place: Path, name: str) -> None:
    try:
        assert execution_id(name) == name
    except UsageError as error:
        clear(error)
        with pytest.raises(UsageError):
            flow(place)(execution=name)
        if name:  # what was not scheduled, since a module was being imported, has no id
            with pytest.raises(UsageError):
                flow(place).execution(name).resume()
    else:
        shutil.rmtree(place / ".laminar", ignore_errors=True)
        execution = flow(place)(execution=name)
        assert execution.layer(C).sizes == [2000, 1]
        assert (place / ".laminar" / "runs" / "F" / name / "execution.json").is_file()


@bounded
@given(hostile)
def test_class_names(name: str) -> None:
    try:
        assert class_name(name).isidentifier()
    except UsageError as error:
        clear(error)


@bounded
@given(
    st.dictionaries(
        hostile | st.sampled_from(["foo", "execution", "self", "vars", "__class__", "_x"]), json_values, max_size=3
    )
)
@example({"__dict__": 1})
@example({"__class__": 1})
@example({"a\ud800": "\ud800"})
def test_parameters(place: Path, values: dict[str, Any]) -> None:
    values.pop("execution", None)
    try:
        execution = flow(place)(**values)
    except LaminarError as error:
        clear(error)
    else:
        assert vars(execution.parameters) == values
        assert execution.layer(A).given == {name: repr(value) for name, value in values.items()}


@bounded
@given(
    st.lists(st.builds("{}={}".format, hostile | st.just("foo"), hostile | json_values.map(repr)), max_size=3),
    st.none() | st.binary(max_size=40) | json_values.map(lambda value: repr(value).encode("utf-8", "surrogatepass")),
)
def test_parameters_that_are_typed(place: Path, pairs: list[str], content: bytes | None) -> None:
    file = place / ".laminar" / "parameters.yaml"
    file.parent.mkdir(exist_ok=True)
    if content is not None:
        file.write_bytes(content)
    try:
        values = parameters_of(tuple(pairs), None if content is None else str(file))
    except LaminarError as error:
        clear(error)
    else:
        assert all(name.isidentifier() for name in values)


@bounded
@given(st.dictionaries(hostile | st.sampled_from(["good", "_x", "index", "__class__"]), st.booleans(), max_size=3))
@example({"../../x": True, "a/b": False})
def test_artifact_names(place: Path, names: dict[str, bool]) -> None:
    """They are data, whatever they are; or laminar's own, and refused."""

    class H(Flow): ...

    @H.register
    class S(Layer):
        def __call__(self) -> None:
            for name, sharded in names.items():
                if sharded:
                    self.shard(**{name: [name]})
                else:
                    setattr(self, name, [name])

    shutil.rmtree(place / ".laminar", ignore_errors=True)
    try:
        execution = H(datastore=Local(place / ".laminar"), executor=Thread())(execution="one")
    except LaminarError as error:
        clear(error)
        return
    for name in names:
        if not name.startswith("_"):
            assert list(getattr(execution.layer(S), name)) == [name]
    assert {path.name for path in (place / ".laminar/runs/H/one/layers/S/0").iterdir()} == {"COMMIT", "1"}


TASK = {"target": "main:G", "execution": "one", "layer": "A", "datastore": "."}


@bounded
@given(
    st.dictionaries(
        st.sampled_from([*Task._fields, "wire"]),
        hostile | st.sampled_from(["9" * 5000, "9" * 300, "-1", "1e3", "0x1", "²"]),
        max_size=3,
    )
)
def test_what_an_executor_process_is_told(place: Path, values: dict[str, str]) -> None:
    environ = {variable(name): value for name, value in {**TASK, **values}.items()}
    try:
        told = parse(take(environ))
        assert environ.keys() <= {"LAMINAR_WIRE"}
        store = Local(place / ".laminar")
        Ledger(store, "G", told.execution).put_failure(told, Failure("user", "E", "m"))
    except LaminarError as error:
        clear(error)


@bounded
@given(st.text(max_size=60) | json_values.map(json.dumps) | st.binary(max_size=30).map(bytes.hex))
@example(json.dumps({"pid": os.getpid(), "nope": 1}))
@example(json.dumps({"pid": 1, "rerun": []}))
def test_what_a_program_is_told(text: str) -> None:
    """That laminar did not write says nothing, and is gone."""
    environ = {resuming.VARIABLE: text}
    resuming._take(environ)
    assert not environ
    assert not resuming._program


@bounded
@given(st.binary(max_size=40) | json_values.map(lambda value: json.dumps({"image": value}).encode()))
def test_what_was_built(place: Path, content: bytes) -> None:
    file = place / ".laminar" / "build.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    try:
        assert built_image(str(place))
    except LaminarError as error:
        clear(error)


yaml_texts = (
    st.text(max_size=60)
    | st.dictionaries(st.sampled_from([*OPTIONS, "nope", "1", "null"]), json_values, max_size=4).map(repr)
    | st.sampled_from(
        [
            "[",
            "- a",
            "a: !!python/object/apply:os.system [touch owned]",
            "&a [*a]",
            "a: &a [*a]",
            "\t",
            "1",
            "? {}",
            "{[]: 1}",
        ]
    )
)


@bounded
@given(yaml_texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40))
def test_settings_files(place: Path, content: bytes) -> None:
    file = place / ".laminar" / "settings.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    try:
        read_file(str(file))
    except LaminarError as error:
        clear(error)


@bounded
@given(st.dictionaries(st.sampled_from(list(OPTIONS)), hostile.filter(lambda text: "\0" not in text), max_size=3))
def test_variables(place: Path, values: dict[str, str]) -> None:
    try:
        resolve(environ={f"LAMINAR_{name.upper()}": value for name, value in values.items()})
    except LaminarError as error:
        clear(error)


@bounded
@given(hostile | st.builds("{}:{}".format, hostile, hostile) | st.builds("{}.py:{}".format, hostile, hostile))
@example("main.py:G")
@example("main:G.x")
def test_targets(place: Path, text: str) -> None:
    try:
        loading.find(loading.load(targets.Target.parse(text), str(place)), Flow)
    except TargetError as error:
        clear(error)


@bounded
@given(
    hostile
    | st.builds("{}:{}/{}/{}".format, hostile, hostile, hostile, hostile)
    | st.builds("one/{}/{}".format, hostile, hostile)
)
@example("one/A/" + "9" * 18)
@example("one/A/²")
def test_addresses(place: Path, text: str) -> None:
    if not (place / ".laminar").exists():
        flow(place)(execution="one")
    try:
        resolve_address(Local(place / ".laminar"), text)
    except LaminarError as error:
        clear(error)


COMMANDS = [
    "list",
    "show",
    "logs",
    "artifact",
    "graph",
    "stop",
    "resume",
    "plan",
    "schedule",
    "execute",
    "gc",
    "config",
]


@bounded
@given(
    st.sampled_from(COMMANDS),
    st.lists(
        hostile | st.sampled_from(["one", "latest", "one/A", "--json", "--tail", "--attempt", "main:G", "-p"]),
        max_size=4,
    ),
)
@example("show", ["-"])
@example("gc", ["--older-than", "9" * 30 + "d"])
@example("gc", ["--keep-last", "-1"])
@example("logs", ["one/A", "--tail", "-1"])
@example("logs", ["one/A", "--attempt", "9" * 30])
@example("artifact", ["one/A", "../x"])
@example("schedule", ["main:G", "-p", "=1"])
@example("schedule", ["main:G", "--parameters", "/dev/null"])
@example("schedule", ["main:G", "--datastore", "s3://x"])
def test_command_lines(place: Path, command: str, arguments: list[str]) -> None:
    if not (place / ".laminar").exists():
        flow(place)(execution="one")
    said = io.StringIO()
    if any(
        text.startswith(("--output", "-o", "--datastore=", "--datastore")) and command != "schedule"
        for text in arguments
    ):
        return  # these are told to write elsewhere
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            cli([command, *arguments], standalone_mode=False, prog_name="laminar")
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        pass
    except LaminarError as error:
        clear(error)


KINDS = {
    "execution": "execution",
    "launch": "launch",
    "plan": "plan",
    "commit": "commit",
    "started": "started",
    "lease": "owner",
    "ended": "ended",
    "generation": "generation",
    "failure": "failure",
    "final": "final",
    "stop": "stop",
}


def mutated(document: Any, data: st.DataObject) -> Any:
    """The document with one thing in it taken out or replaced, at any depth."""
    if isinstance(document, dict) and document:
        name = data.draw(st.sampled_from(sorted(document)))
        how = data.draw(st.sampled_from(["in", "in", "in", "out", "other"]))
        rest = {key: value for key, value in document.items() if key != name}
        if how == "out":
            return rest
        if how == "in":
            return {**rest, name: mutated(document[name], data)}
        return {**rest, name: data.draw(replacements)}
    if isinstance(document, list) and document and data.draw(st.booleans()):
        index = data.draw(st.integers(0, len(document) - 1))
        return [*document[:index], mutated(document[index], data), *document[index + 1 :]]
    return data.draw(replacements)


replacements = (
    st.sampled_from(
        [None, True, -1, 0, 10**30, 1.5, "", "../../x", "/etc/hostname", "x" * 300, [], {}, [[]], {"blob": "../x"}]
    )
    | json_values
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("done")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMINAR_PROGRESS", "quiet")
        execution = flow(root)(execution="one", foo="bar" * 1000)
        FAILS.append(1)
        try:
            execution.resume(rerun=[C])
        except ExecutionError:
            FAILS.clear()
        holder = Holder.of(Ledger(Local(root / ".laminar"), "F", "one"))
        assert holder is not None
        holder.ask_to_stop()
    return root / ".laminar"


@pytest.mark.parametrize("kind", KINDS)
@bounded
@given(st.data())
def test_records_that_are_whole_and_say_odd_things(place: Path, done: Path, kind: str, data: st.DataObject) -> None:
    """As of a laminar that has a bug, or of somebody who may write to the store and means harm."""
    store = stored_anew(place, done)
    paths = sorted(p for p in store.rglob("*") if p.is_file() and layout.kind(str(p.relative_to(store))) == kind)
    path = data.draw(st.sampled_from(paths))
    document = records.decode(KINDS[kind], path.read_bytes(), "")
    kept = {name: value for name, value in document.items() if name not in ("laminar", "format", "sha256")}
    path.write_bytes(records.encode(KINDS[kind], mutated(kept, data)))
    looked_at_everywhere(place)


@bounded
@given(st.data())
def test_files_that_hold_anything(place: Path, done: Path, data: st.DataObject) -> None:
    """Beats, logs, blobs and records, whatever was written over them."""
    store = stored_anew(place, done)
    beats = store / "runs/F/one/lease/2/beats"
    beats.touch()
    files = st.sampled_from(sorted(path for path in store.rglob("*") if path.is_file()))
    for path in data.draw(st.just([beats]) | st.lists(files, min_size=1, max_size=3)):
        path.write_bytes(data.draw(st.binary(max_size=40)))
    looked_at_everywhere(place)


@bounded
@given(st.data())
def test_names_that_are_not_laminars(place: Path, done: Path, data: st.DataObject) -> None:
    """What file managers and network file systems leave: .DS_Store, .nfs0001, copies."""
    store = stored_anew(place, done)
    folders = st.sampled_from(sorted(path for path in store.rglob("*") if path.is_dir()))
    left = st.sampled_from([".DS_Store", ".nfs0001", "1.json~", "1 (copy).json", "²", "x.json", "1x", "9" * 200])
    for folder in data.draw(st.lists(folders, min_size=1, max_size=3)):
        path = folder / data.draw(left)
        if not path.exists():
            path.mkdir() if data.draw(st.booleans()) else path.write_bytes(b"x")
    looked_at_everywhere(place)


def stored_anew(place: Path, done: Path) -> Path:
    """The datastore of a project, as it was before anything was done to it."""
    store = place / ".laminar"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(done, store)
    return store


def looked_at_everywhere(place: Path) -> None:
    """By all that reads, and by a resume: each does what it is for, or says in words why not."""
    execution = flow(place).execution("one")
    for look in (
        lambda: execution.state,
        lambda: vars(execution.parameters),
        lambda: execution.layer(C).sizes,
        lambda: list(execution.layer(A).parts),
        lambda: execution.layer(B, index=1).size,
        lambda: list(flow(place).executions()),
        lambda: shown(["show", "one"]),
        lambda: shown(["show", "one/B/1"]),
        lambda: shown(["list"]),
        lambda: shown(["logs", "one"]),
        lambda: shown(["artifact", "one/A"]),
        lambda: shown(["gc", "--dry-run", "--verify"]),
        lambda: execution.resume(takeover=True),
    ):
        try:
            look()
        except LaminarError as error:
            clear(error)
        except AttributeError as error:  # what a reader says of what is not there
            assert "layer" in str(error) or "execution" in str(error), error  # noqa: PT017


def shown(arguments: list[str]) -> None:
    said = io.StringIO()
    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        contextlib.suppress(click.ClickException, click.exceptions.Exit),
    ):
        cli(arguments, standalone_mode=False, prog_name="laminar")
