"""`laminar build`: the project's image, or laminar's own."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from laminar.errors import UsageError
from laminar.images import base as base_image
from laminar.images import project


@click.command()
@click.argument("directory", metavar="[DIR]", required=False)
@click.option("--tag", metavar="TAG", help="What to call the image; after the directory where none is given.")
@click.option(
    "--platform", metavar="PLATFORM", help="Platform to build for, such as linux/arm64; the engine's by default."
)
@click.option("--base", is_flag=True, help="Make laminar's own image from the laminar that is installed here.")
@click.option("--python", metavar="IMAGE", help="With --base: the image with Python to begin from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def build(
    directory: str | None, tag: str | None, platform: str | None, base: bool, python: str | None, as_json: bool
) -> None:
    """Build the Dockerfile in DIR (here, where none is named); `laminar schedule` there runs its image from then on.

    What the engine says goes to stderr; the image's tag and id go to stdout.

    With --base, make the image that projects without a Dockerfile run in, and that Dockerfiles begin from. It is made of
    the laminar that is installed here and of an image with Python, without a network.

    \b
    Examples:
      laminar build
      laminar build etl --tag registry.example.com/etl:7
      laminar build --base --python python:3.12-slim
    """
    if base and directory is not None:
        raise UsageError("--base builds no project.", remedy=f"Type one of the two: laminar build {directory}")
    if python is not None and not base:
        raise UsageError("--python goes with --base.", remedy="A project's own Dockerfile names its image: FROM IMAGE.")
    built = base_image.build(python, tag, platform) if base else project.build(directory or ".", tag, platform)
    click.echo(json.dumps(asdict(built)) if as_json else f"{built.image} {built.id}")
