"""Images: building them as users do, several in one flow, and those that cannot run the flow."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv

import pytest

from laminar.images import wheels

MAIN = """
import os
from laminar import Flow, Layer, layers

class F(Flow): ...

@F.register{container}
class A(Layer):
    def __call__(self) -> None:
        self.word = "{word}"
        self.kind = os.environ.get("KIND")

@F.register
class B(Layer):
    def __call__(self, a: A) -> None:
        self.kind = os.environ.get("KIND")
"""


def source(container="", word="first"):
    return MAIN.format(container=f"(container=layers.Container({container}))" if container else "", word=word)


@pytest.fixture(scope="session")
def red(image):
    return image("red", "ENV KIND=red", "COPY main.py ./", main=source())


@pytest.fixture(scope="session")
def blue(image):
    return image("blue", "ENV KIND=blue", "COPY main.py ./", main=source())


@pytest.fixture
def dockerfile(project, engine):
    """Writes a project with these lines after FROM."""

    def write(*lines, base=engine.image):
        project.write("main.py", source())
        project.write(".dockerignore", ".laminar\n")
        project.write("Dockerfile", "\n".join([f"FROM {base}", "WORKDIR /laminar", *lines, ""]))

    return write


def load(tag, architecture="amd64"):
    """Give the engine an image with nothing in it, for a kind of machine that it may not have."""
    layer, whole = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    layers = [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]
    config = {"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": layers}}
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    files = {
        "config.json": json.dumps(config).encode(),
        "layer.tar": layer.getvalue(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    subprocess.run(["docker", "load"], input=whole.getvalue(), check=True)


# --- laminar build ---


def test_the_next_schedule_runs_what_was_built(project, engine, dockerfile):
    dockerfile("ENV KIND=built", "COPY . ./")
    built = project.laminar("build", "--tag", "laminar-test:built")
    assert built.code == 0, built.err
    identity = engine.inspect("laminar-test:built")["Id"]
    assert built.out == f"laminar-test:built {identity}\n"
    assert "ENV KIND=built" in built.err  # what the engine says, as it says it
    result = project.laminar("schedule", "main:F")
    assert result.code == 0, result.err
    assert {event["image"] for event in engine.events("die")} == {identity}
    assert project.value("F", result.execution, "B.kind") == "built"


def test_an_image_that_somebody_names_is_above_what_was_built(project, engine, red):
    project.write("main.py", source())
    project.write(".laminar/build.json", '{"image": "laminar-test:nosuch"}')
    result = project.laminar("schedule", "main:F", "--image", red)
    assert result.code == 0, result.err
    assert {event["image"] for event in engine.events("die")} == {engine.inspect(red)["Id"]}


def test_json_and_the_tag_of_a_directory(project, engine, dockerfile):
    dockerfile()
    project.path.rename(project.path.parent / "Laminar Test_project")
    project.path = project.path.parent / "Laminar Test_project"
    built = project.laminar("build", "--json")
    assert built.code == 0, built.err
    answer = json.loads(built.out)
    try:
        assert answer["image"] == "laminar-test-project"
        assert answer["id"] == engine.inspect("laminar-test-project")["Id"]
        assert answer["platform"].startswith("linux/")
        assert project.laminar("build").code == 0  # its own tag is its own
    finally:
        engine.docker("rmi", "laminar-test-project")


def test_a_directory_named_as_an_image_of_others_does_not_replace_it(project, engine, dockerfile):
    dockerfile()
    shutil.copytree(project.path, project.path / "laminar-test-taken")
    engine.docker("tag", engine.image, "laminar-test-taken")
    try:
        result = project.laminar("build", "laminar-test-taken")
    finally:
        engine.docker("rmi", "laminar-test-taken")
    result.fails(2, "laminar-test-taken already", "--tag")


def test_a_context_with_the_datastore_in_it_is_a_warning(project, dockerfile):
    dockerfile()
    ignored = project.laminar("build", "--tag", "laminar-test:warned")
    project.write(".dockerignore", "# nothing\n*.pyc\n")
    warned = project.laminar("build", "--tag", "laminar-test:warned")
    assert (ignored.code, warned.code) == (0, 0)
    assert "warning" not in ignored.err
    assert "warning: .dockerignore does not keep .laminar out" in warned.err


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        (("RUN echo one; echo two; exit 7",), 2, ("step 3 of", "exit 7", "exit code 7", "one\n", "two\n")),
        (("COPY nosuch ./",), 2, ("step 3 of", "COPY nosuch", "file not found")),
        (("CPY . ./",), 2, ("Dockerfile cannot be built", "unknown instruction: CPY")),
    ],
    ids=["run", "copy", "instruction"],
)
def test_a_dockerfile_that_fails(project, engine, dockerfile, lines, code, words):
    def of_step() -> set[str]:
        listed = engine.docker("ps", "--all", "--no-trunc", "--format={{.ID}} {{.Command}}").splitlines()
        return {line for line in listed if "exit 7" in line}

    before = of_step()  # an engine may keep what others left
    dockerfile(*lines)
    project.laminar("build", "--tag", "laminar-test:fails").fails(code, *words)
    assert of_step() == before
    assert not (project.store / "build.json").exists()


def test_a_dockerfile_that_begins_with_no_image(project, dockerfile):
    dockerfile(base="laminar-test:nosuch")
    project.laminar("build", "--tag", "laminar-test:fails").fails(3, "FROM laminar-test:nosuch", "docker load")
    dockerfile(base="laminar:0.0.0")
    project.laminar("build", "--tag", "laminar-test:fails").fails(3, "FROM laminar:0.0.0", "laminar build --base")


def test_build_without_what_it_needs(project, dockerfile):
    project.laminar("build").fails(2, "no Dockerfile", "laminar init", "laminar schedule")
    project.laminar("build", "nosuch").fails(2, "no directory nosuch")
    project.laminar("build", "--python", "debian").fails(2, "--python", "--base")
    dockerfile()
    project.laminar("build", "--tag", "No Such").fails(2, "no image can have that name", "lower case")
    project.laminar("build", "--platform", "nosuch").fails(2, "no such platform", "linux/amd64")
    project.laminar("build", DOCKER_HOST="unix:///nosuch.sock").fails(3, "no Docker engine answers")


def test_build_by_a_user_who_is_not_root(project, dockerfile, as_user):
    dockerfile("COPY . ./")
    as_user(os.stat("/var/run/docker.sock").st_gid)
    assert project.laminar("build", "--tag", "laminar-test:users").code == 0
    result = project.laminar("schedule", "main:F")
    assert result.code == 0, result.err


# --- laminar build --base ---


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A virtual environment in which laminar is installed from a wheel, as users have it."""
    place = tmp_path_factory.mktemp("installed")
    for wheel in wheels.closure(compiled=True):
        wheel.write(str(place))
    venv.create(place / "venv")
    pip = [sys.executable, "-m", "pip", "--python", place / "venv"]  # its own would have to be installed first
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--find-links", place, "laminar"], check=True)
    return place / "venv/bin/laminar"


def test_base_image_of_an_installed_wheel_is_that_of_a_checkout(project, engine, installed):
    python = engine.inspect(engine.image)["Config"]["Labels"]["org.opencontainers.image.base.name"]
    made = []
    for command in (installed, project.script[0]):  # this repository is installed as an editable directory
        result = project.run(str(command), "build", "--base", "--python", python, "--tag", "laminar-test:base")
        assert result.code == 0, result.err
        made.append(result.out)
    assert made[0] == made[1] == f"laminar-test:base {engine.inspect('laminar-test:base')['Id']}\n"


def test_base_image_is_fit_for_users(project, engine):
    script = """
        set -e
        echo laminar > /tmp/requirements.txt
        pip install --no-index --requirement /tmp/requirements.txt | grep -c 'already satisfied: laminar'
        pip check
        laminar --version
        docker --version
        python -c 'import laminar.launch as m; assert m.__cached__ and __import__("os").path.exists(m.__cached__)'
        find /opt/laminar ! -perm -o=r
        """
    result = project.run(
        "docker", "run", "--rm", "--network=none", "--user=4321:4321", engine.image, "sh", "-c", script
    )
    assert result.code == 0, result.err
    first, second, third, fourth, *unreadable = result.out.splitlines()
    assert first == "1"
    assert second == "No broken requirements found."
    assert third.startswith("laminar, version ")
    assert fourth.startswith("Docker version ")
    assert unreadable == []


def test_base_image_of_an_image_that_has_no_python(project, engine):
    load("laminar-test:empty")
    try:
        result = project.laminar("build", "--base", "--python", "laminar-test:empty", "--tag", "laminar-test:never")
        result.fails(2, "laminar-test:empty runs no Python", "Python 3.11 or later")
        result = project.laminar("build", "--base", "--python", "laminar-test:nosuch", "--tag", "laminar-test:never")
        result.fails(3, "laminar-test:nosuch", "--python IMAGE")
    finally:
        engine.docker("rmi", "laminar-test:empty")


# --- images of layers ---


def test_several_images_in_one_flow(project, engine, red, blue):
    project.write("main.py", source(f"image={red!r}"))
    result = project.laminar("schedule", "main:F", "--image", blue, "--allow-skew")  # A's configuration differs
    assert result.code == 0, result.err
    assert {layer: project.value("F", result.execution, f"{layer}.kind") for layer in "AB"} == {"A": "red", "B": "blue"}
    result = project.laminar("schedule", "main:F", "--image", red, "--image", f"A={blue}", "--allow-skew")
    assert result.code == 0, result.err
    assert {layer: project.value("F", result.execution, f"{layer}.kind") for layer in "AB"} == {"A": "blue", "B": "red"}
    launches = [path.read_text() for path in project.store.glob(f"runs/F/{result.execution}/launches/*")]
    assert all(engine.inspect(name)["Id"] in "".join(launches) for name in (red, blue))


def test_an_image_for_a_layer_that_is_not_there(project, red):
    project.write("main.py", source())
    project.laminar("schedule", "main:F", "--image", f"C={red}").fails(2, "C")


def test_editing_without_rebuilding(project, red):
    project.write("main.py", source(word="edited"))
    stale = project.laminar("schedule", "main:F", "--image", red)
    stale.fails(3, red, "holds other code", "layer A of main:F", "laminar build", "--mount", "--allow-skew")
    mounted = project.laminar("schedule", "main:F", "--image", red, "--mount")
    assert mounted.code == 0, mounted.err
    assert project.value("F", mounted.execution, "A.word") == "edited"
    assert project.value("F", mounted.execution, "A.kind") == "red"
    allowed = project.laminar("schedule", "main:F", "--image", red, "--allow-skew")
    assert allowed.code == 0, allowed.err
    assert project.value("F", allowed.execution, "A.word") == "first"


def test_a_mount_of_a_directory_without_the_flow(project, engine):
    project.write("main.py", source())
    project.write("other/readme", "")
    project.laminar("schedule", "main:F", "--mount", "other").fails(2, "other", "main:F", "--mount DIR")
    project.laminar("schedule", "main:F", "--mount", "nosuch").fails(2, "no directory nosuch")
    assert engine.events("create") == []


def test_a_workdir_that_does_not_exist(project, engine, red):
    project.write("main.py", source("workdir='/nosuch'"))
    result = project.laminar("schedule", "main:F", "--image", red)
    result.fails(3, red, "main:F in /nosuch", "Container(workdir=...)")
    assert engine.events("create") == []


def test_an_image_for_another_platform(project, engine):
    load("laminar-test:other", architecture="s390x")
    try:
        project.write("main.py", source("image='laminar-test:other'"))
        result = project.laminar("schedule", "main:F")
    finally:
        engine.docker("rmi", "laminar-test:other")
    result.fails(3, "laminar-test:other", "is built for linux/s390x", "is to run on linux/", "docker build --platform")


def test_files_that_the_containers_user_cannot_read_are_named_before_the_first_layer(project, engine, image, as_user):
    closed = image("closed", "COPY main.py ./", "RUN chmod 600 main.py", main=source())
    project.write("main.py", source())
    as_user(os.stat("/var/run/docker.sock").st_gid)
    if not project.prefix and not os.getuid():
        pytest.fail("this test needs another user than root")
    result = project.laminar("schedule", "main:F", "--image", closed)
    result.fails(3, "main.py", closed, "chmod -R a+rX", "user=")
    assert engine.events("create") == []
    # The remedy: a user who can read them, and who may write to the store.
    project.write("main.py", source("user='0:0'"))
    result = project.laminar("schedule", "main:F", "--image", f"A={closed}", "--allow-skew")
    assert result.code == 0, result.err


def test_the_pythons_differ(project, engine, red):
    """Of this machine and of the image: said once, and refused only where a value cannot cross."""
    project.write("main.py", source())
    result = project.laminar("schedule", "main:F", "--image", red)
    assert result.code == 0, result.err
    ours = ".".join(map(str, sys.version_info[:2]))
    theirs = engine.docker(
        "run", "--rm", red, "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"
    ).strip()
    assert ("the scheduler" in result.err) == (ours != theirs)
