from __future__ import annotations

import csv
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from laminar.engine.executor import Visit
from laminar.errors import UsageError
from laminar.executors.docker_command import (
    STORE,
    Place,
    check_options,
    container_name,
    docker_command,
    labels,
    mount,
    probe_command,
    shell_command,
)
from laminar.model import wire
from laminar.model.configuration import Configuration, Container
from laminar.model.wire import NOTICE, Task

from .. import strategies as ours

OPTIONS = {
    *("--name", "--label", "--cpus", "--memory", "--memory-swap", "--mount", "--user", "--workdir", "--env", "--pull"),
    *("--security-opt", "--pids-limit", "--network", "--gpus", "--platform", "--shm-size", "--userns"),
}
"""Those that take a value. `--init` does not."""

# Each may look like an option, or hold what separates things elsewhere.
rude = ours.texts | st.sampled_from(
    ["--privileged", "-v", "-", "--", "a=b", "x y", ",", '"', "$(reboot)", ";", "\n", "é"]
)
paths = rude.map(lambda text: f"/{text}")

places = st.builds(Place, flow=ours.class_names, store=paths, user=st.just("1000:1000"), own_users=st.booleans())
tasks = st.builds(
    Task,
    target=rude,
    execution=ours.execution_ids,
    layer=ours.class_names,
    datastore=rude,
    index=ours.numbers,
    attempt=st.integers(1, 99),
    fingerprint=rude,
)
containers = st.builds(
    Container,
    image=st.none() | rude,
    cpu=st.floats(0.01, 512),
    memory=st.integers(6, 1 << 20),
    workdir=paths,
    command=st.none() | st.lists(rude, min_size=1),
    env=st.dictionaries(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), rude),
    network=st.none() | rude,
    gpus=st.none() | rude,
    user=st.none() | rude,
    platform=st.none() | rude,
    shm_size=st.none() | st.integers(1, 9999),
)


@given(tasks, containers, places, st.lists(rude, max_size=2).map(tuple))
def test_no_value_can_become_an_option_or_the_image(
    task: Task, container: Container, place: Place, mounts: tuple[str, ...]
) -> None:
    command = docker_command(task, container, place, "sha256:the-image", mounts)
    assert command[:2] == ["docker", "run"]
    options = command[2 : command.index("sha256:the-image")]
    for option in options:
        name, equals, _ = option.partition("=")
        assert option == "--init" or (equals and name in OPTIONS), option
    after = command[len(options) + 3 :]
    assert after == list(container.command or ["laminar", "execute", "--layer", task.layer])
    assert options.count("--init") == 1
    assert options.count("--pull=never") == 1
    for value in mounts:
        assert f"--mount={value}" in options


@given(tasks, containers, places)
def test_the_container_gets_what_was_asked_for(task: Task, container: Container, place: Place) -> None:
    command = docker_command(task, container, place, "image")
    options: dict[str, list[str]] = {}
    for option in command[2 : command.index("image")]:
        name, _, value = option.partition("=")
        options.setdefault(name, []).append(value)
    assert float(options["--cpus"][0]) == pytest.approx(container.cpu, rel=1e-5)
    assert options["--memory"] == options["--memory-swap"] == [f"{container.memory}m"]
    assert options["--user"] == [container.user or place.user]
    assert options["--workdir"] == [container.workdir]
    assert ("--userns" in options) == place.own_users
    for name in ("network", "gpus", "platform"):
        value = getattr(container, name)
        assert options.get(f"--{name}") == (None if value is None else [value])
    environ = dict(entry.split("=", 1) for entry in options["--env"])  # the last of a name counts, as for docker
    assert environ.pop(NOTICE) == "1"
    assert wire.take(environ) == {
        name.removeprefix("LAMINAR_").lower(): v for name, v in wire.environment(task).items()
    }
    for name, value in container.env.items():
        assert environ[name] == value


@given(tasks, places)
def test_nothing_that_the_user_sets_can_replace_the_task(task: Task, place: Place) -> None:
    container = Container(env=dict.fromkeys(wire.environment(task), "mine"))
    command = docker_command(task, container, place, "image")
    environ = dict(option[6:].split("=", 1) for option in command if option.startswith("--env="))
    assert {name: environ[name] for name in wire.environment(task)} == wire.environment(task)


def test_options_of_the_users_stand_before_the_image_each_by_itself() -> None:
    container = Container(options=["--cap-add", "SYS_PTRACE", "--dns=1.1.1.1"])
    command = docker_command(
        Task(target="m:F", execution="x", layer="A", datastore=STORE), container, Place("F", "/s", "0:0"), "image"
    )
    at = command.index("image")
    assert command[at - 3 : at] == ["--cap-add", "SYS_PTRACE", "--dns=1.1.1.1"]


fields = ours.texts.filter(lambda text: "\n" not in text and "\r" not in text)


def parsed(value: str) -> dict[str, str]:
    """As docker reads it (opts/mount.go): one record of CSV, each field `key=value` or a word."""
    (record,) = csv.reader([value], strict=True)
    return dict(([*field.split("=", 1), ""])[:2] for field in record)


@given(fields, fields, st.booleans(), st.sampled_from(["bind", "volume"]))
def test_a_mount_reads_back_whatever_its_paths_hold(source: str, target: str, read_only: bool, kind: str) -> None:
    found = parsed(mount(source, target, read_only=read_only, kind=kind))
    assert found == {"type": kind, "source": source, "target": target, **({"readonly": ""} if read_only else {})}


@pytest.mark.parametrize("path", ["/a,b", '/a"b', '/",', "/a b", "/a=b", "/é", "/a,readonly", '/a","target=/etc'])
def test_paths_that_could_say_something_else_do_not(path: str) -> None:
    assert parsed(mount(path, "/b")) == {"type": "bind", "source": path, "target": "/b"}


@pytest.mark.parametrize("path", ["/a\nb", "/a\rb"], ids=repr)
def test_a_path_with_a_line_break_reads_back(path: str) -> None:
    assert '"' in mount(path, "/b")


@given(tasks, places)
def test_names_are_what_docker_takes(task: Task, place: Place) -> None:
    name = container_name(task, place)
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", name)
    assert len(name) <= 110
    assert container_name(task, place) == name


@given(st.tuples(tasks, places), st.tuples(tasks, places))
def test_names_are_the_same_for_the_same_attempt_only(one: Any, two: Any) -> None:
    def attempt(task: Task, place: Place) -> tuple[Any, ...]:
        return place.store, place.flow, task.execution, task.layer, task.index, task.attempt

    assert (container_name(*one) == container_name(*two)) == (attempt(*one) == attempt(*two))


@given(tasks, places, st.sampled_from(["execution", "layer", "index", "attempt", "store", "flow"]))
def test_every_part_of_the_identity_changes_the_name(task: Task, place: Place, part: str) -> None:
    other, elsewhere = task._asdict(), {**vars(place)}
    changed = elsewhere if part in ("store", "flow") else other
    changed[part] = changed[part] + 1 if isinstance(changed[part], int) else changed[part] + "x"
    assert container_name(Task(**other), Place(**elsewhere)) != container_name(task, place)


def test_attempts_of_layers_with_long_names_have_names_of_their_own() -> None:
    place = Place("F" * 128, "/store", "0:0")
    tasks = [Task(target="m:F", execution="x", layer="L" * 128, datastore="", attempt=attempt) for attempt in (1, 2)]
    assert len({container_name(task, place) for task in tasks}) == 2


@given(tasks, places)
def test_labels_say_whose_a_container_is(task: Task, place: Place) -> None:
    found = labels(task, place)
    assert [found[name] for name in ("flow", "execution", "layer", "index", "attempt")] == [
        place.flow,
        task.execution,
        task.layer,
        str(task.index),
        str(task.attempt),
    ]
    options = docker_command(task, Container(), place, "image")
    assert {option for option in options if option.startswith("--label=")} == {
        f"--label=laminar.{name}={value}" for name, value in found.items()
    }


@given(containers, places, rude)
def test_a_probe_runs_as_the_layers_do_and_leaves_nothing(container: Container, place: Place, target: str) -> None:
    assume(target != "image")
    command = probe_command(container, place, "image", target, "probe-1")
    options = command[2 : command.index("image")]
    assert all(option in ("--init", "--rm") or option.split("=")[0] in OPTIONS for option in options)
    assert {"--rm", "--network=none", f"--user={container.user or place.user}"} <= set(options)
    assert not any(option.startswith("--mount") for option in options)
    assert command[len(options) + 3 :] == ["laminar", "probe", target]


@pytest.mark.parametrize(
    "option", ["--rm", "-it", "-qt", "-Pqd", "--user=0", "-u0", "--memory", "--name=x", "--network", "--gpus=all"]
)
def test_options_that_laminar_sets_itself_are_refused_with_what_to_do(option: str) -> None:
    with pytest.raises(UsageError, match=f"layer A has '{option}' in container.options") as caught:
        check_options(Container(options=["--cap-add=X", option]), "layer A")
    assert caught.value.remedy


def test_other_options_are_the_users() -> None:
    check_options(
        Container(options=["--cap-add=X", "--dns", "1.1.1.1", "--read-only", "--tmpfs=/tmp", "-P", "-p80:80"]),
        "layer A",
    )


@given(tasks, containers, places, st.lists(rude, max_size=2).map(tuple), st.lists(rude, min_size=1), st.booleans())
def test_a_shell_is_like_the_attempt_but_for_what_says_that_it_is_one(
    task: Task, container: Container, place: Place, mounts: tuple[str, ...], argv: list[str], own: bool
) -> None:
    visit = Visit(task, Configuration(container=container), argv, own=own, terminal=False, facts={})
    command = shell_command(visit, place, "sha256:the-image", "shell-1", mounts, "title")
    end = command.index("sha256:the-image")
    assert command[end + 1 :] == argv
    shell = command[2:end]
    attempt = docker_command(task, container, place, "sha256:the-image", mounts)
    attempt = attempt[2 : attempt.index("sha256:the-image")]
    ours = ("--label=", "--name=", "--env=LAMINAR_", f"--mount={mount(place.store, STORE, kind=kind_of(place))}")
    same = [option for option in attempt if not option.startswith(ours)]
    assert [option for option in shell if option in same] == same
    told = [f"--env={name}={value}" for name, value in wire.environment(task).items()] if own else []
    assert sorted(set(shell) - set(same)) == sorted(
        {
            "--rm",
            "--interactive",
            "--name=shell-1",
            f"--label=laminar.store={labels(task, place)['store']}",
            f"--label=laminar.shell={task.execution}/{task.address}",
            f"--mount={mount(place.store, STORE, kind=kind_of(place), read_only=True)}",
            *told,
            *([f"--env={wire.IMAGE}=title"] if own else []),
        }
    )


def test_a_shell_has_a_terminal_where_there_is_one_and_keeps_ctrl_p_for_it() -> None:
    task = Task(target="main:F", execution="e", layer="A", datastore=STORE)
    visit = Visit(task, Configuration(), ["bash"], own=False, terminal=True, facts={})
    command = shell_command(visit, Place("F", "/store", "1:1"), "image", "name")
    assert command[2:5] == ["--rm", "--interactive", "--tty"]
    assert command[5].startswith("--detach-keys=ctrl-@,ctrl-^,ctrl-@,ctrl-^,")


def kind_of(place: Place) -> str:
    return "bind" if place.store.startswith("/") else "volume"
