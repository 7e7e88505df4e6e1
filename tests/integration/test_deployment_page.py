"""The deployment page, followed to the letter; only the image in its FROM lines is ours."""

from __future__ import annotations

import os
import sysconfig
import venv

import pytest

MAIN = """
# main.py

from laminar import Flow, Layer

class HelloFlow(Flow): ...

@HelloFlow.register
class A(Layer):
    def __call__(self) -> None:
        print(self.name)

@HelloFlow.register
class B(Layer):
    def __call__(self, a: A) -> None:
        print(self.name)

if flow := HelloFlow():
    flow()
"""

DOCKERFILE = """
# Dockerfile

FROM rchui/laminar

WORKDIR /laminar

COPY . ./
"""

REQUIREMENTS = """
# requirements.txt

laminar
numpy
pandas
"""

WITH_PANDAS = """
from laminar import Flow, Layer

class TableFlow(Flow): ...

@TableFlow.register
class Table(Layer):
    def __call__(self) -> None:
        import pandas

        self.table = pandas.DataFrame({"part": ["a", "b", "a"], "size": [1.5, 2.0, 3.5]})

@TableFlow.register
class Sum(Layer):
    def __call__(self, table: Table) -> None:
        self.sizes = table.table["size"].to_numpy()
        self.sums = table.table.groupby("part")["size"].sum().to_dict()

if flow := TableFlow():
    flow()
"""


def hello_ran_in_containers(project, engine, execution):
    """Each layer in a container of its own; markers and logs in the store."""
    ended = engine.events("die")
    assert sorted((end["laminar.layer"], end["exitCode"]) for end in ended) == [("A", "0"), ("B", "0")]
    assert {end["laminar.execution"] for end in ended} == {execution}
    assert ended[0]["name"] != ended[1]["name"]
    assert project.states("HelloFlow", execution) == {"A": "committed", "B": "committed"}
    assert project.log("HelloFlow", execution, "A") == "A\n"
    assert project.log("HelloFlow", execution, "B") == "B\n"
    assert engine.containers() == []


@pytest.fixture
def my_image(project, engine):
    project.write("main.py", MAIN)
    project.write("Dockerfile", DOCKERFILE.replace("rchui/laminar", engine.image))
    return engine.build("my/laminar/image", project.path)


def test_image_and_command(project, engine, my_image):
    assert engine.docker("run", "--rm", my_image, "echo", "hello world") == "hello world\n"

    result = project.laminar("schedule", "main:HelloFlow", "--image", my_image)
    assert result.code == 0, result.err
    hello_ran_in_containers(project, engine, result.execution)
    identity = engine.docker("images", "--quiet", "--no-trunc", my_image).strip()
    assert {end["image"] for end in engine.events("die")} == {identity}


def test_python_main_in_a_virtual_environment(project, engine, my_image):
    """`python -m virtualenv .venv`, `. .venv/bin/activate`, `python main.py`."""
    here = project.path / ".venv"
    venv.create(here, symlinks=True)
    # In the place of `python -m pip install laminar`: what this Python has.
    (site,) = here.glob("lib/python3*/site-packages")
    project.write(f"{site}/here.pth", f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    activated = {"PATH": f"{here}/bin:{os.environ['PATH']}", "VIRTUAL_ENV": str(here)}
    result = project.run("python", "main.py", **activated, LAMINAR_IMAGE=my_image)
    assert (result.code, result.out) == (0, ""), result.err
    (run,) = project.store.glob("runs/HelloFlow/*")
    hello_ran_in_containers(project, engine, run.name)


def test_requirements(project, engine, read):
    project.write("main.py", WITH_PANDAS)
    project.write("requirements.txt", REQUIREMENTS)
    dockerfile = DOCKERFILE.replace("rchui/laminar", engine.image)
    project.write("Dockerfile", dockerfile + "RUN pip install --requirement requirements.txt\n")
    image = engine.build("my/laminar/requirements", project.path)

    result = project.laminar("schedule", "main:TableFlow", "--image", image)
    assert result.code == 0, result.err
    assert project.value("TableFlow", result.execution, "Sum.sums") == {"a": 5.0, "b": 2.0}
    sizes = project.value("TableFlow", result.execution, "Sum.sizes")
    assert (type(sizes).__name__, sizes.tolist()) == ("ndarray", [1.5, 2.0, 3.5])
    # This machine has no pandas: where the image's packages are, the table is read.
    read_table = (
        f"import main; print(main.TableFlow().execution({result.execution!r}).layer(main.Table).table['size'].sum())"
    )
    mount = f"type=bind,source={project.store},target=/laminar/.laminar"
    assert engine.docker("run", "--rm", f"--mount={mount}", image, "python", "-c", read_table) == "7.0\n"
