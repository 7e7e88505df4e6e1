"""`laminar init`: a new project."""

from __future__ import annotations

import shlex

import click

from laminar.scaffold import Project


@click.command()
@click.argument("directory", metavar="DIR")
def init(directory: str) -> None:
    """Make a project that runs at once: a flow, its image, its tests and their CI.

    DIR must be empty or not exist; nothing is overwritten. The flow is named after it: my-etl has MyEtlFlow. The paths
    of the files go to stdout, what to do next to stderr.

    \b
    Examples:
      laminar init my-etl
      laminar init .
    """
    project = Project.named_after(directory)
    for path in project.create():
        click.echo(path)
    click.echo(_next_steps(project), err=True)


def _next_steps(project: Project) -> str:
    steps = [
        ("laminar schedule --logs", f"runs {project.flow}, every layer in a container of its own"),
        ("laminar schedule --executor process", "the same without Docker"),
        ("laminar doctor", "says what this machine lacks, if anything"),
        ("pytest", "runs the tests (pip install pytest)"),
    ]
    here = project.directory.rstrip("/") in (".", "")
    lines = [] if here else [f"  cd {shlex.quote(project.directory)}"]
    width = max(len(command) for command, _ in steps)
    lines += [f"  {command:{width}}   {what}" for command, what in steps]
    return "\n".join(["", "next:", *lines])
