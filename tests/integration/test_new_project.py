"""From `laminar init` to a run on a real engine, as root and as another user; and what `laminar doctor` says on the way."""

from __future__ import annotations

import json
import os
import stat

import pytest

from laminar.version import __version__

SOCKET = "/var/run/docker.sock"


@pytest.fixture(params=["as oneself", "as user 1000"])
def fresh(project, request, as_user):
    """A new project in the fixture's own directory, made by this user."""
    if request.param == "as user 1000":
        if os.geteuid():
            pytest.skip("not root: the other case is this one")
        as_user(os.stat(SOCKET).st_gid)
    result = project.laminar("init", ".")
    assert result.code == 0, result.err
    return project


def checks(project, **environ):
    result = project.laminar("doctor", "--json", **environ)
    return {check["name"]: check for check in json.loads(result.out)["checks"]}, result.code


def test_it_runs_at_once(fresh, engine):
    result = fresh.laminar("schedule")
    assert result.code == 0, result.err
    assert fresh.value("ProjectFlow", result.execution, "Report.text").startswith("10 words")
    assert {event["image"] for event in engine.events("create")} == {
        engine.docker("images", "-q", "--no-trunc", engine.image).strip()
    }
    owners = {path.stat().st_uid for path in fresh.store.rglob("*")}
    assert owners == {fresh.path.stat().st_uid}


def test_it_runs_at_once_on_an_engine_that_has_nothing(project, engine, clean_engine):
    """Laminar's own image is in no registry: it is made, once."""
    project.laminar("init", ".")
    found, code = checks(project, DOCKER_HOST=clean_engine)
    assert (code, found["image"]["status"]) == (0, "warning")
    assert "it is made when a layer first needs it" in found["image"]["words"]
    first = project.laminar("schedule", DOCKER_HOST=clean_engine)
    assert first.code == 0, first.err
    assert project.value("ProjectFlow", first.execution, "Report.text").startswith("10 words")
    assert f"image {engine.image} is not on this machine; making it" in first.err
    second = project.laminar("schedule", DOCKER_HOST=clean_engine)
    assert second.code == 0, second.err
    assert "making it" not in second.err
    engine.docker(f"--host={clean_engine}", "rmi", engine.image)
    built = project.laminar("build", "--tag", "laminar-test:from-nothing", DOCKER_HOST=clean_engine)
    assert "making it" in built.err  # its Dockerfile begins with it; what fails then is pip, without a network
    assert (
        engine.image in engine.docker(f"--host={clean_engine}", "images", "--format={{.Repository}}:{{.Tag}}").split()
    )


def test_it_runs_in_the_image_of_its_dockerfile(fresh, engine):
    tag = engine.build("laminar-test:new-project", fresh.path)
    result = fresh.laminar("schedule", "--image", tag, "-p", "text=so and so")
    assert result.code == 0, result.err
    assert fresh.value("ProjectFlow", result.execution, "Words.words") == ["so", "and", "so"]
    there = engine.docker("run", "--rm", tag, "ls", "-A").split()
    assert ".laminar" not in there
    found, code = checks(fresh, LAMINAR_IMAGE=tag)
    assert code == 0
    assert tag in found["image"]["words"]


def test_the_doctor_finds_nothing(fresh):
    found, code = checks(fresh)
    assert code == 0, found
    assert {check["status"] for check in found.values()} <= {"ok", "warning"}
    user = fresh.path.stat()
    assert f"containers run as {user.st_uid}:{user.st_gid}" in found["mounts"]["words"]
    assert f"laminar:{__version__}: laminar {__version__}, wire version 1" in found["image"]["words"]
    assert "with the project mounted" in found["image"]["words"]
    assert found["engine-clock"]["status"] == "ok"
    assert not fresh.store.exists()


def test_a_user_without_rights_to_the_socket(project, as_user):
    if os.geteuid() or not stat.S_ISSOCK(os.stat(SOCKET).st_mode) or os.stat(SOCKET).st_mode & stat.S_IWOTH:
        pytest.skip("needs root, and a socket that is not everybody's")
    as_user()
    found, code = checks(project)
    assert code == 3
    assert found["engine"]["words"] == "this user may not use the Docker engine at the default socket."
    assert "usermod -aG docker" in found["engine"]["remedy"]


def test_a_store_of_another_user(project, as_user):
    project.store.mkdir()
    as_user(os.stat(SOCKET).st_gid)
    if os.geteuid():
        pytest.skip("needs root")
    os.chown(project.store, 0, 0)
    found, code = checks(project)
    assert (code, found["datastore"]["status"]) == (3, "error")
    assert "Permission denied" in found["datastore"]["words"]
    project.store.chmod(0o777)
    found, code = checks(project)
    assert (code, found["datastore"]["status"]) == (0, "warning")
    assert "belongs to user 0:0" in found["datastore"]["words"]


def test_init_where_this_user_may_not_write(project, as_user):
    if os.geteuid():
        pytest.skip("needs root")
    as_user()
    (project.path / "locked").mkdir(mode=0o555)
    project.laminar("init", "locked/etl").fails(2, "locked/etl: Permission denied")


IMAGES = [
    ("laminar-test:none-such", "warning", "not on this machine", "docker pull"),
    ("laminar-base:python3.11", "error", "has no laminar in it", "FROM laminar:"),
]


@pytest.mark.parametrize(("image", "status", "words", "remedy"), IMAGES, ids=[case[0] for case in IMAGES])
def test_images(project, engine, image, status, words, remedy):
    if status == "error" and not engine.docker("images", "-q", image):
        pytest.skip(f"no image {image} on this engine")
    project.laminar("init", ".")
    found, code = checks(project, LAMINAR_IMAGE=image)
    assert code == (3 if status == "error" else 0)
    assert found["image"]["status"] == status
    assert words in found["image"]["words"]
    assert remedy in found["image"]["remedy"]


def test_an_image_without_the_flow(project, image):
    project.laminar("init", ".")
    found, code = checks(project, LAMINAR_IMAGE=image("no-flow"))
    assert code == 3
    assert "has no main:ProjectFlow in /laminar" in found["image"]["words"]


def test_a_layer_that_asks_for_more_than_there_is(project):
    project.laminar("init", ".")
    main = (project.path / "main.py").read_text()
    main = main.replace("import Flow", "import layers, Flow").replace(
        "@ProjectFlow.register\nclass Words",
        "@ProjectFlow.register(container=layers.Container(memory=10**8))\nclass Words",
    )
    (project.path / "main.py").write_text(main)
    found, code = checks(project)
    assert (code, found["engine"]["status"]) == (0, "warning")
    assert "; Words asks for more, and will run alone." in found["engine"]["words"]


def test_the_doctor_in_a_container_without_a_socket(project, engine):
    printed = engine.docker("run", "--rm", engine.image, "laminar", "doctor", check=False)
    assert "✗ engine" in printed
    assert f"docker run -v {SOCKET}:{SOCKET}" in printed
