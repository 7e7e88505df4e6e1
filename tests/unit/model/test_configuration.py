from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laminar.configurations.layers import Configuration, Container, Retry, Timeout
from laminar.errors import FlowError

from .. import strategies as ours

containers = st.builds(
    Container,
    image=st.none() | st.text(min_size=1),
    cpu=st.floats(0.01, 1000),
    memory=st.integers(6, 1 << 30),
    workdir=st.text().map("/{}".format),
    command=st.none() | st.lists(st.text()),
    env=st.dictionaries(st.from_regex(r"[^=\0]+", fullmatch=True), ours.texts),
    volumes=st.lists(st.just("/a:/b") | st.just("name:/b:ro")),
    network=st.none() | st.text(min_size=1),
    gpus=st.none() | st.text(min_size=1),
    user=st.none() | st.just("1000:1000"),
    shm_size=st.none() | st.integers(1),
    options=st.lists(st.text()),
)
configurations = st.builds(
    Configuration,
    container=containers,
    retry=st.builds(Retry, attempts=st.integers(1, 9), delay=st.floats(0, 9), infrastructure=st.integers(0, 9)),
    timeout=st.none() | st.builds(Timeout, seconds=st.floats(0.001, 1e9)),
)


@given(configurations)
def test_what_may_be_registered_is_recorded_and_read_back(configuration: Configuration) -> None:
    configuration.check("layer A")
    assert Configuration().with_json(json.loads(json.dumps(configuration.to_json()))) == configuration
    assert configuration.copy() == configuration


def test_a_copy_shares_nothing() -> None:
    registered = Configuration(container=Container(env={"A": "1"}, options=["--x"]))
    copy = registered.copy()
    copy.container.memory = 9000
    copy.container.env["B"] = "2"  # type: ignore[index]
    assert registered == Configuration(container=Container(env={"A": "1"}, options=["--x"]))


def test_what_a_newer_laminar_recorded_besides_is_left_out() -> None:
    data = Configuration(timeout=Timeout(seconds=1)).to_json()
    data["container"]["colour"] = data["retry"]["colour"] = data["timeout"]["colour"] = data["colour"] = "red"
    assert Configuration().with_json(data) == Configuration(timeout=Timeout(seconds=1))


def test_of_secrets_the_names_only_are_recorded() -> None:
    data = Configuration(container=Container(secrets={"token": "/home/me/token"})).to_json()
    assert "/home/me" not in json.dumps(data)
    assert data["container"]["secrets"] == {"token": ""}


WRONG: list[tuple[str, Any]] = [
    ("cpu", 0),
    ("cpu", -1),
    ("cpu", "2"),
    ("cpu", True),
    ("memory", 5),
    ("memory", 1.5),
    ("memory", "1g"),
    ("workdir", "relative"),
    ("command", "laminar execute"),
    ("options", "--privileged"),
    ("volumes", "/a:/b"),
    ("volumes", ["/a"]),
    ("volumes", ["/a:b"]),
    ("volumes", ["/a:/b:rox"]),
    ("secrets", {"../x": "/a"}),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=repr)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(FlowError, match=rf"layer A has container\.{name} = ") as caught:
        Configuration(container=Container(**{name: value})).check("layer A")
    assert caught.value.remedy


UNNOTICED: list[tuple[str, Any]] = [
    ("cpu", math.nan),
    ("cpu", math.inf),
    ("workdir", None),
    ("workdir", pathlib.Path("/laminar")),
    ("env", {"N": 1}),
    ("env", {"A=B": "x"}),
    ("volumes", [pathlib.Path("/a")]),
    ("options", [1]),
    ("image", 5),
    ("user", 1000),
]


@pytest.mark.parametrize(("name", "value"), UNNOTICED, ids=repr)
def test_a_value_of_a_wrong_type_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(FlowError, match=rf"layer A has container\.{name} = "):
        Configuration(container=Container(**{name: value})).check("layer A")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"retry": Retry(attempts=0)}, "retry.attempts = 0"),
        ({"retry": Retry(attempts=1.5)}, "retry.attempts = 1.5"),  # type: ignore[arg-type]
        ({"retry": Retry(delay=-1)}, "retry.delay = -1"),
        ({"retry": Retry(infrastructure=-1)}, "retry.infrastructure = -1"),
        ({"retry": Retry(jitter="x")}, "retry.jitter = 'x'"),  # type: ignore[arg-type]
        ({"timeout": Timeout(seconds=0)}, "timeout.seconds = 0"),
        ({"timeout": 5}, "timeout = 5"),
        ({"container": None}, "container = None"),
        ({"container": Retry()}, "container = Retry"),
        ({"retry": 3}, "retry = 3"),
    ],
)
def test_other_values_that_cannot_be_meant_are_refused_by_name(part: dict[str, Any], words: str) -> None:
    changed = Configuration()
    vars(changed).update(part)  # as a hook may
    with pytest.raises(FlowError) as caught:
        changed.check("layer A")
    assert f"layer A has {words}" in caught.value.message
    assert caught.value.remedy


def test_a_timeout_is_a_number() -> None:
    with pytest.raises(FlowError):
        Configuration(timeout=Timeout(seconds=math.nan)).check("layer A")


def test_the_wait_grows_by_the_backoff_and_at_most_by_the_jitter() -> None:
    retry = Retry(delay=0.5, backoff=3, jitter=0.2)
    assert [retry.wait_s(attempt, 0) for attempt in (1, 2, 3)] == [0.5, 1.5, 4.5]
    assert retry.wait_s(2, 1) == pytest.approx(1.5 * 1.2)


@given(st.floats(0, 10), st.floats(1, 3), st.floats(0, 1), st.integers(1, 20), st.floats(0, 1))
def test_a_wait_is_within_its_bounds(delay: float, backoff: float, jitter: float, attempt: int, chance: float) -> None:
    least = delay * backoff ** (attempt - 1)
    assert (
        least
        <= Retry(delay=delay, backoff=backoff, jitter=jitter).wait_s(attempt, chance)
        <= least * (1 + jitter) + 1e-9
    )
