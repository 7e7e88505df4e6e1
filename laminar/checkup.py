"""What `laminar doctor` looks at. Nothing is changed, and nothing that is wrong with one thing hides the others."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field

from laminar import wiring
from laminar.engine import loading, targets
from laminar.engine.checks import Check, Subject, attempt, failed, skew
from laminar.engine.ports import Datastore
from laminar.errors import InfrastructureError, LaminarError, SettingsError, StoreError, TargetError
from laminar.flow import Flow
from laminar.launch import settings_of
from laminar.model.configuration import Container
from laminar.settings import FILE, OPTIONS, Setting, Settings, resolve
from laminar.version import PYTHON, WIRE_VERSION, __version__

_LITTLE = 1 << 30
_NOTHING = 16 << 20
"""Bytes free on the datastore's disk below which there is a warning, and an error."""


@dataclass(frozen=True)
class _Found:
    """The flow that the project names; where there is none, what a flow without configuration would be."""

    settings: Settings
    name: str = ""
    target: str = ""
    containers: dict[str, Container] = field(default_factory=lambda: {"": Container()})


def checkup(app_dir: str | None = None, config: str | None = None) -> Iterator[Check]:
    """Look at all that a schedule here would need.

    Args:
        app_dir: Directory that the flow is relative to; the setting where None.
        config: Settings file; `laminar.yaml` where None.

    Yields:
        One check at a time.
    """
    yield attempt("python", _python)
    settings = yield from _settings(app_dir, config)
    found = yield from _flow(settings, config)
    store = yield from _store(found.settings)
    if store is None:
        return
    executor = wiring.executor(found.settings)
    yield Check("executor", "ok", f"{executor.name} ({found.settings.source('executor')})")
    subject = Subject(found.name, found.target, settings["app_dir"], store.url, _owner(store), found.containers)
    yield from executor.checks(subject)


def _python() -> Check:
    """This Python and the packages that laminar stands on.

    Raises:
        InfrastructureError: One is missing, or older than laminar needs.
    """
    from importlib import metadata

    words = [f"laminar {__version__} (wire version {WIRE_VERSION}) on Python {PYTHON}"]
    try:
        requirements = metadata.requires("laminar") or []
    except metadata.PackageNotFoundError:  # run from its sources
        requirements = []
    for requirement in requirements:
        parsed = re.fullmatch(r"([\w.-]+)\s*>=\s*([\d.]+)", requirement)
        if parsed is None:
            continue  # an extra's
        name, least = parsed.groups()
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            version = "0"
        if _numbers(version) < _numbers(least):
            raise InfrastructureError(
                f"laminar needs {name} {least} or newer; here is {'none' if version == '0' else version}.",
                remedy=f"{sys.executable} -m pip install '{name}>={least}'",
            )
        words.append(f"{name} {version}")
    return Check("python", "ok", ", ".join(words))


def _settings(app_dir: str | None, config: str | None) -> Generator[Check, None, Settings]:
    """All settings; those of the environment where the file is wrong, and the defaults where that is."""
    flags = {"app_dir": app_dir}
    try:
        settings = resolve(flags, file=config)
    except SettingsError as error:
        yield failed("settings", error)
        with suppress(SettingsError):
            return resolve(flags, file=os.devnull)
        defaults = {name: Setting(option.default, "default") for name, option in OPTIONS.items()}
        return Settings(defaults, defaults.__getitem__)
    made = [f"{name} {settings[name]} ({settings.source(name)})" for name in settings if _is_set(settings, name)]
    place = FILE if os.path.exists(FILE) else f"no {FILE} here"
    yield Check("settings", "ok", ", ".join(made) or f"{place}; all as by default")
    return settings


def _flow(settings: Settings, config: str | None) -> Generator[Check, None, _Found]:
    """The flow that the settings name, and the settings that its code makes."""
    if not settings["flow"]:
        yield Check("flow", "ok", "none is named in the settings; commands name it: laminar schedule main:HelloFlow")
        return _Found(settings)
    app_dir = settings["app_dir"]
    try:
        with redirect_stdout(sys.stderr):  # what the module prints is not our data
            loaded = loading.load(targets.Target.parse(settings["flow"]), app_dir)
            flow: Flow = loading.find(loaded, Flow)
        containers = {node.name: node.configuration.container for node in flow.graph()}
        target = str(targets.target_of(type(flow), app_dir))
        made = settings_of(flow, {"app_dir": app_dir}, config)
    except (LaminarError, OSError) as error:
        yield failed("flow", _without_traceback(error) if isinstance(error, LaminarError) else error)
        return _Found(settings)
    layers = "1 layer" if len(containers) == 1 else f"{len(containers)} layers"
    yield Check("flow", "ok", f"{target}, {layers}")
    return _Found(made, flow.name, target, containers)


def _store(settings: Settings) -> Generator[Check, None, Datastore | None]:
    """The datastore, its disk and its clock."""
    try:
        store = wiring.datastore(settings["datastore"])
    except (LaminarError, OSError) as error:
        yield failed("datastore", error)
        return None
    writable = attempt("datastore", lambda: _writable(store))
    yield writable
    if os.path.isabs(store.url):
        yield attempt("disk", lambda: _disk(store.url))
    if os.path.isdir(store.url) and writable.status != "error":
        yield attempt("clock", lambda: _clock(store.url))
    return store


def _writable(store: Datastore) -> Check:
    """Whether this user can write to the store, and whose it is.

    Raises:
        StoreError: It cannot be written to.
    """
    if os.path.isabs(store.url) and not os.path.exists(store.url):
        parent = _existing(store.url)
        effective = os.access in os.supports_effective_ids
        if not os.path.isdir(parent) or not os.access(parent, os.W_OK | os.X_OK, effective_ids=effective):
            why = f"this user may not write to {parent}" if os.path.isdir(parent) else f"{parent} is not a directory"
            raise StoreError(
                f"the datastore {store.url} cannot be made: {why}.",
                remedy="Give this user the directory (chown or chmod), or set datastore: in laminar.yaml.",
            )
        return Check("datastore", "ok", f"{store.url}, made by the first schedule")
    store.check()
    owner, user = store.owner(), os.geteuid()
    words = f"{store.url or repr(store)}, writable"
    if owner is None:
        return Check("datastore", "ok", words)
    words += f", belongs to user {owner[0]}:{owner[1]}"
    if user in (0, owner[0]):
        return Check("datastore", "ok", words)
    return Check(
        "datastore",
        "warning",
        f"{words}, as whom containers run; this is user {user}, whose files they may not be able to change.",
        f"Give the directory to one user (sudo chown -R {user} {store.url}), or set datastore: to one of this user's.",
    )


def _disk(path: str) -> Check:
    """Whether the store's disk has room.

    Raises:
        StoreError: It has none.
    """
    place = _existing(path)
    free = shutil.disk_usage(place).free
    words = f"{free / (1 << 30):.1f} GiB free at {place}"
    remedy = "Free some space, or set datastore: to a directory on another disk."
    if free < _NOTHING:
        raise StoreError(f"{words}: too little to write results.", remedy=remedy)
    return Check("disk", "warning", f"{words}.", remedy) if free < _LITTLE else Check("disk", "ok", words)


def _clock(path: str) -> Check:
    """Whether the store's file system, which may be another machine's, dates files as this machine does."""
    with tempfile.TemporaryFile(dir=path) as file:
        before = time.time()
        file.write(b"laminar")
        file.flush()
        dated = os.fstat(file.fileno()).st_mtime
        ahead_s = dated - min(max(dated, before), time.time())
    return skew("clock", ahead_s, "the clock of the datastore's file system")


def _owner(store: Datastore) -> str:
    """As whom containers will run: the store's owner, or this user, who will make it."""
    try:
        owner = store.owner()
    except OSError:
        owner = None
    uid, gid = owner or (os.geteuid(), os.getegid())
    return f"{uid}:{gid}"


def _existing(path: str) -> str:
    """`path`, or the nearest directory above it that is there."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def _is_set(settings: Settings, name: str) -> bool:
    return settings.source(name) != "default"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _without_traceback(error: LaminarError) -> LaminarError:
    """An error of the user's module with its last words, in place of its traceback."""
    if not error.details:
        return error
    place = re.findall(r'File "([^"]+)", line (\d+)', error.details)
    where = f" ({os.path.basename(place[-1][0])}:{place[-1][1]})" if place else ""
    what, raises, _ = error.message.partition(" raises ")
    words = f"{what}{raises}{error.details.splitlines()[-1]}" if raises else error.message.rstrip(".")
    return TargetError(f"{words}{where}.", remedy="Mend the module; laminar schedule shows its traceback.")
