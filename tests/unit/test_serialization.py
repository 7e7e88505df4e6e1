"""Protocols and `pickle: deny` in whole flows: in each kind of process, and as their users see them."""

from __future__ import annotations

import pytest

from laminar import Layer, Parameters, layers
from laminar.datastores import Datastore
from laminar.errors import ExecutionError, UsageError
from laminar.serde import Protocol

from .conftest import MakeFlow, Program

MODULE = """
    import os, sys
    from pathlib import Path
    from laminar import Flow, Layer, datastores, serde


    class Point:
        def __init__(self, x): self.x = x
        def __reduce__(self): raise TypeError("never pickled")


    class Cloud(Point): ...


    store = datastores.Local("results")


    @store.protocol(Point)
    class Points(serde.Protocol):
        def dumps(self, value): return str(value.x).encode()
        def loads(self, data): return Point(int(data))


    @store.protocol(Cloud)
    class Clouds(serde.Protocol):
        def write(self, value, uri): Path(uri).write_text(str(value.x))
        def read(self, uri): return Cloud(int(Path(uri).read_text()))


    class Shapes(Flow): ...


    @Shapes.register
    class Make(Layer):
        def __call__(self):
            self.point, self.cloud = Point(1), Cloud(2)
            self.shard(many=(Cloud(x) for x in range(3)))


    @Shapes.register
    class Use(Layer):
        def __call__(self, make: Make):
            self.sum = make.point.x + make.cloud.x + sum(each.x for each in make.many)
            self.process = os.getpid()


    if flow := Shapes(datastore=store):
        ran = flow(execution="run")
        print(ran.layer(Make).point.x, ran.layer(Make).cloud.x, ran.layer(Use).sum)
"""

READER = """
    from shapes import Make, Use, Shapes, flow
    run = flow.execution("run")
    print(run.layer(Make).point.x, [each.x for each in run.layer(Make).many], run.layer(Use).sum)
    entry = run._ledger.commit("Make", 0).artifacts["point"]
    print(entry["protocol"], sorted(type(each).__name__ for each in (run.layer(Make).point, run.layer(Make).cloud)))
    try:
        Shapes().execution("run", datastore=type(flow.datastore)("results")).layer(Make).point
    except Exception as error:
        print(error)
"""


@pytest.mark.parametrize("executor", ["thread", "process"])
@pytest.mark.parametrize("way", ["program", "command"])
def test_protocols_of_the_flows_datastore_write_and_read_everywhere(program: Program, executor: str, way: str) -> None:
    program.write("shapes.py", MODULE)
    program.write("reader.py", READER)
    if way == "program":
        assert program.prints("shapes.py", LAMINAR_EXECUTOR=executor) == "1 2 6"
    else:
        command = ("-m", "laminar", "schedule", "shapes:Shapes", "--executor", executor, "--execution", "run")
        assert program.prints(*command) == "run"
    lines = program.prints("reader.py").splitlines()
    assert lines[0] == "1 [0, 1, 2] 6"
    assert lines[1] == "shapes:Points ['Cloud', 'Point']"
    assert lines[2].startswith(
        "artifact 'point' of Make was written by protocol 'shapes:Points', which is not known here"
    )


class Make(Layer):
    def __call__(self) -> None:
        self.pair = (1, 2)
        self.sizes = {"a": [1, 2]}


class Take(Layer):
    def __call__(self, make: Make, parameters: Parameters) -> None:
        self.total = sum(make.sizes["a"]) + sum(parameters.rows["b"])


class Trust(Layer):
    def __call__(self, make: Make) -> None:
        self.total = sum(make.pair)


def test_with_pickle_denied_a_flow_of_plain_values_runs_and_is_read(
    make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMINAR_PICKLE", "deny")
    run = make_flow(Make, Take)(rows={"a": None, "b": [1, 2.5]})
    assert run.layer(Take).total == 6.5
    assert run.parameters.rows == {"a": None, "b": [1, 2.5]}
    with pytest.raises(UsageError, match="artifact 'pair' of Make is a pickle of tuple, and `pickle: deny` is set"):
        _ = run.layer(Make).pair
    monkeypatch.setenv("LAMINAR_PICKLE", "allow")
    assert run.layer(Make).pair == (1, 2)


def test_with_pickle_denied_a_layer_in_the_schedulers_own_process_loads_none(
    make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMINAR_PICKLE", "deny")
    with pytest.raises(ExecutionError, match="artifact 'pair' of Make is a pickle of tuple") as caught:
        make_flow(Make, Trust)()
    assert isinstance(caught.value.__cause__, UsageError)


DENIED = """
    from laminar import Flow, Layer, hooks


    class F(Flow): ...


    @F.register
    class Make(Layer):
        def __call__(self): self.pair = (1, 2)


    @F.register
    class Use(Layer):
        def __call__(self, make: Make):
            self.sum = sum(make.pair) + sum(self.execution.layer(Make).pair)


    class Hooked(Flow): ...


    Hooked.register(Make)


    @Hooked.register
    class Asks(Layer):
        @hooks.submission
        def look(self, make: Make): make.pair

        def __call__(self): ...
"""


def test_executor_processes_load_pickles_where_the_scheduler_and_readers_do_not(program: Program) -> None:
    program.write("denied.py", DENIED)
    program.write("laminar.yaml", "pickle: deny")
    command = ("-m", "laminar", "schedule", "--executor", "process", "--execution", "run")
    assert program.prints(*command, "denied:F") == "run"
    assert program.prints("-c", "import denied; print(denied.F().execution('run').layer(denied.Use).sum)") == "6"
    done = program.python("-c", "import denied; denied.F().execution('run').layer(denied.Make).pair")
    assert "artifact 'pair' of Make is a pickle of tuple, and `pickle: deny` is set: it was not loaded." in done.stderr
    done = program.python(*command, "denied:Hooked")
    assert done.returncode != 0
    assert "artifact 'pair' of Make is a pickle of tuple" in done.stderr


class Fussy:
    """A type of the user's."""


@pytest.fixture
def failing(store: Datastore) -> Datastore:
    @store.protocol(Fussy)
    class Fails(Protocol):
        def dumps(self, value: Fussy) -> bytes:
            raise ConnectionError("the bucket is full")

        def loads(self, data: bytes) -> Fussy:
            return Fussy()

    return store


def test_an_error_of_a_protocol_does_not_mask_that_of_the_layer(make_flow: MakeFlow, failing: Datastore) -> None:
    class A(Layer):
        def __call__(self) -> None:
            self.model = Fussy()
            raise ZeroDivisionError

    flow = make_flow(A, configuration={"A": {"catch": layers.Catch(ZeroDivisionError)}})
    with pytest.raises(ExecutionError) as caught:
        flow()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_error_of_a_protocol_is_the_users_own_and_says_what_was_saved(
    make_flow: MakeFlow, failing: Datastore
) -> None:
    class A(Layer):
        def __call__(self) -> None:
            self.model = Fussy()

    with pytest.raises(ExecutionError) as caught:
        make_flow(A)()
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert "raise ConnectionError" in caught.value.details
    assert "(raised while artifact 'model' of layer A was saved)" in caught.value.details
