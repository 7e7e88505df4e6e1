from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.errors import LaminarError, SkewError, UsageError
from laminar.model import wire
from laminar.model.wire import Task
from laminar.version import WIRE_VERSION

from .. import strategies as ours

NONEMPTY = ours.texts.filter(bool)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    splits = draw(st.integers(1, 10**9))
    return Task(
        target=draw(NONEMPTY),
        execution=draw(ours.execution_ids),
        layer=draw(ours.class_names),
        datastore=draw(NONEMPTY),
        index=draw(st.integers(0, splits - 1)),
        splits=splits,
        attempt=draw(st.integers(1, 10**9)),
        fingerprint=draw(ours.texts),
    )


@given(tasks(), st.dictionaries(st.sampled_from(["PATH", "LAMINAR_IMAGE", "LAMINAR_TASK"]), ours.texts))
def test_what_is_sent_is_what_is_read_and_is_taken_out(task: Task, others: dict[str, str]) -> None:
    environ = {**others, **wire.environment(task)}
    assert wire.parse(wire.take(environ)) == task
    assert environ == others
    assert wire.take(environ) == {}


@given(tasks())
def test_the_command_names_the_layer(task: Task) -> None:
    assert wire.argv(task) == ["laminar", "execute", "--layer", task.layer]
    assert task.address == f"{task.layer}/{task.index}"


@given(st.dictionaries(st.sampled_from(Task._fields), st.none() | st.text() | st.integers()))
def test_whatever_comes_is_a_task_or_refused_in_words(values: dict[str, object]) -> None:
    refused: LaminarError | None = None
    try:
        task = wire.parse(values)
    except (UsageError, SkewError) as error:
        refused = error
    if refused is not None:
        assert refused.remedy
    else:
        assert 0 <= task.index < task.splits
        assert task.attempt >= 1


GIVEN = {"target": "main:F", "execution": "x", "layer": "A", "datastore": "/store"}


def test_what_is_not_given_has_its_default() -> None:
    assert wire.parse({**GIVEN, "index": None}) == Task(target="main:F", execution="x", layer="A", datastore="/store")


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_missing_is_named_with_its_variable_and_option(name: str) -> None:
    with pytest.raises(UsageError, match=f"no {name}") as caught:
        wire.parse({**GIVEN, name: ""})
    assert f"LAMINAR_{name.upper()}" in caught.value.remedy
    assert f"--{name}" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("index", "-1"),
        ("index", "1"),
        ("index", "x"),
        ("index", "1.0"),
        ("splits", "0"),
        ("attempt", "0"),
        ("wire", ""),
    ],
)
def test_numbers_out_of_range_are_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        wire.parse({**GIVEN, name: value})


@pytest.mark.parametrize(("version", "older"), [(WIRE_VERSION + 1, "image"), (WIRE_VERSION - 1, "scheduler")])
def test_another_version_is_refused_before_anything_else_and_says_who_is_older(version: int, older: str) -> None:
    with pytest.raises(SkewError, match=f"wire version {version}") as caught:
        wire.parse({"wire": str(version)})
    assert f"in the {older}" in caught.value.remedy
    assert caught.value.exit_code == 3


def test_every_field_has_help() -> None:
    assert set(wire.HELP) == set(Task._fields)
