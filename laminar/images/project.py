"""`laminar build`: the image of a project, from its Dockerfile, and the record by which the next schedule finds it."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import asdict

from laminar.engine.telling import tell
from laminar.errors import EngineError, SettingsError, StoreError, UsageError
from laminar.executors.docker_engine import Engine
from laminar.executors.docker_image import BASE_IMAGE
from laminar.images import base, builder
from laminar.images.builder import Built
from laminar.settings import BUILT

LABEL = "laminar.project"
"""Says that `laminar build` made an image, and for which project."""


def build(directory: str = ".", tag: str | None = None, platform: str | None = None) -> Built:
    """Build a project's Dockerfile, and remember the image for the project; laminar's own image is made first if need be.

    Args:
        directory: The project, with a Dockerfile in it.
        tag: What to call the image; after the directory where none is given.
        platform: Platform to build for; the engine's where none is given.

    Raises:
        UsageError: There is no Dockerfile, or it cannot be built.
        EngineError: There is no engine, or it cannot build.
    """
    _check_project(directory)
    if _sends_store(directory):
        ignore = os.path.normpath(os.path.join(directory, ".dockerignore"))
        tell(
            f"warning: {ignore} does not keep .laminar out: each build sends the datastore to the engine, "
            "and COPY takes it into the image. Add a line to it: .laminar"
        )
    labels = {LABEL: _project(directory)}
    dockerfile = os.path.normpath(os.path.join(directory, "Dockerfile"))
    engine = Engine()
    try:
        if _begins_with_base(dockerfile) and engine.image(BASE_IMAGE) is None:
            base.make(platform)
        name = tag or _free_tag(engine, directory)
        identity = builder.build(directory, name, platform=platform, labels=labels, dockerfile=dockerfile)
        built = Built(name, identity, _platform(engine, identity))
    finally:
        engine.close()
    if platform and not platform.startswith(built.platform):
        raise EngineError(
            f"image {name} was to be built for {platform} and is built for {built.platform}: its base image is.",
            remedy="Name a base image in the Dockerfile that is made for that platform.",
        )
    remember(directory, built)
    return built


def remember(directory: str, built: Built) -> None:
    """Write the record, all or nothing.

    Raises:
        StoreError: It cannot be written.
    """
    path = os.path.join(directory, BUILT)
    try:
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            os.mkdir(folder)
            _give(folder, directory)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".build-")
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(built), file)
            os.fchmod(descriptor, 0o644)
            _give(descriptor, folder)
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(
            f"{built.image} is built, and cannot be remembered for this project: {error}",
            remedy=f"Name it when you schedule: --image {built.image}. Or give this user the directory.",
        ) from error


def _give(made: str | int, like: str) -> None:
    """What root makes in a user's project belongs to that user, whose datastore the directory will be."""
    if os.geteuid() == 0:
        owner = os.stat(like)
        os.chown(made, owner.st_uid, owner.st_gid)


def _check_project(directory: str) -> None:
    if not os.path.isdir(directory):
        raise UsageError(f"there is no directory {directory}.", remedy="Name the project's: laminar build DIR.")
    if not os.path.isfile(os.path.join(directory, "Dockerfile")):
        raise UsageError(
            f"there is no Dockerfile in {os.path.abspath(directory)}.",
            remedy="A project needs one only for what laminar's own image lacks: `laminar schedule` mounts it into "
            f"{BASE_IMAGE}.\nTo have one, write it:\n  FROM {BASE_IMAGE}\n  WORKDIR /laminar\n  COPY . ./\n"
            "or begin with `laminar init`.",
        )


def _begins_with_base(dockerfile: str) -> bool:
    """Whether a stage of it is made from this laminar's own image, which no registry has."""
    with open(dockerfile, encoding="utf-8", errors="replace") as file:
        return any(re.match(rf"(?i)\s*FROM\s+(--\S+\s+)*{re.escape(BASE_IMAGE)}(\s|$)", line) for line in file)


def _sends_store(directory: str) -> bool:
    """Whether the build context has the default datastore in it, now or once there is one."""
    from docker.utils.build import PatternMatcher  # the engine's own rules for .dockerignore

    try:
        with open(os.path.join(directory, ".dockerignore"), encoding="utf-8") as file:
            patterns = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    except (OSError, UnicodeDecodeError):
        patterns = []
    matcher = PatternMatcher(patterns)
    return not any(matcher.matches(path) for path in (".laminar", ".laminar/runs"))  # type: ignore[arg-type]  # it takes a str


def _project(directory: str) -> str:
    return os.path.basename(os.path.realpath(directory))


def _free_tag(engine: Engine, directory: str) -> str:
    """A tag made from the directory's name.

    Raises:
        SettingsError: Another image has it already: a directory `python` must not replace `python:latest`.
    """
    words = re.findall(r"[a-z0-9]+", _project(directory).lower())
    tag = "-".join(words) or "project"
    record = engine.image(tag)
    if record is not None and ((record.get("Config") or {}).get("Labels") or {}).get(LABEL) != _project(directory):
        raise SettingsError(
            f"there is an image {tag} already, which `laminar build` did not make for a project of that name.",
            remedy=f"Choose another name with --tag, or replace it: --tag {tag}",
        )
    return tag


def _platform(engine: Engine, identity: str) -> str:
    record = engine.image(identity)
    if record is None:
        raise EngineError(f"the image {identity} was built and is gone.", remedy="Build it again.")
    return f"{record['Os']}/{record['Architecture']}"
