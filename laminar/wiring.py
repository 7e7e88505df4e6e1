"""Names and settings to objects: the one file that knows the concrete classes. Each is imported when it is needed."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from laminar.engine.commands import Options
from laminar.engine.ports import Datastore
from laminar.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from laminar.engine.artifacts import Archive
    from laminar.engine.executor import Executor, Observer
    from laminar.engine.ledger import Ledger
    from laminar.settings import Settings


def datastore(place: str | Datastore) -> Datastore:
    """The datastore at `place`: a directory, or the object itself.

    Raises:
        SettingsError: No datastore is known by such a URL.
    """
    if isinstance(place, Datastore):
        return place
    scheme, separator, rest = place.partition("://")
    if separator and scheme != "file":
        raise SettingsError(f"unknown datastore {place!r}.", remedy="Name a directory.")
    from laminar.datastores.local import Local

    return Local(rest if separator else place)


def chosen_datastore(settings: Settings) -> Datastore:
    """The datastore that the settings name, which says what commands must be given to find it, and its flows."""
    chosen, usual = settings["datastore"], settings.usual("datastore")
    store = datastore(chosen)
    file: tuple[str, ...] = ("--config", settings.file) if settings.file else ()
    find: tuple[str, ...] = ()
    if store.url and not _opens(usual.value, store.url):
        find = ("--datastore", chosen if isinstance(chosen, str) else _from_here(store.url))
    elif usual.source == settings.file:
        find = file
    code = () if find == file else file
    if os.path.abspath(settings["app_dir"]) != os.path.abspath(settings.usual("app_dir").value):
        code += ("--app-dir", settings["app_dir"])
    with suppress(AttributeError):  # a user's own, which may take no attributes
        store.options = Options(find, code, tuple(_typed(settings)))
    return store


def _typed(settings: Settings) -> Iterator[str]:
    """What was typed of how an execution is run, and is not recorded with it."""
    for name in ("image", "images", "mount", "max_parallel", "fail_fast", "keep_going", "allow_skew"):
        value = settings[name]
        if settings.source(name) != "flag" or not value:
            continue
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, dict):
            yield from (word for layer, image in value.items() for word in ("--image", f"{layer}={image}"))
        else:
            yield from (option,) if value is True else (option, str(value))


def _opens(place: str, url: str) -> bool:
    """Whether `place` is the datastore of that URL, if it is one at all."""
    with suppress(SettingsError):
        return datastore(place).url == url
    return False


def _from_here(path: str) -> str:
    """The shorter way to a path below the working directory; others as they are."""
    near = os.path.relpath(path) if os.path.isabs(path) else path
    return path if near.startswith(os.pardir) else near


def only_read(store: Datastore) -> Datastore:
    """`store` to a process that writes nothing to speak of, and has others open it by its URL, to read it."""
    from laminar.datastores.memory import Memory
    from laminar.datastores.overlay import Overlay

    return Overlay(store, Memory(), store.url)


@contextmanager
def rehearsed(store: Datastore) -> Iterator[Datastore]:
    """`store` to a layer that is only tried: what it writes is kept in a temporary directory, and gone in the end."""
    import shutil
    import tempfile

    from laminar.datastores.local import Local
    from laminar.datastores.memory import Memory
    from laminar.datastores.overlay import Overlay

    try:
        place = tempfile.mkdtemp(prefix="laminar-shell-")
    except OSError:  # a container without a directory to write to
        yield Overlay(store, Memory())
        return
    try:
        yield Overlay(store, Local(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def executor(settings: Settings) -> Executor:
    """The executor that the settings name, set up as they say; a copy of one that the code passes, for one launch."""
    from laminar.engine.executor import Executor
    from laminar.settings import BUILD

    choice = settings["executor"]
    made: Executor = copy.copy(choice) if isinstance(choice, Executor) else _named(choice)
    ignored = [
        f"--{name.removesuffix('s')}" for name in ("image", "images", "mount") if settings.source(name) == "flag"
    ]
    if settings["hardened"]:
        ignored.append(f"hardened ({settings.source('hardened')})")
    if made.name != "docker" and ignored:
        from laminar.engine.telling import tell

        words = " and ".join(dict.fromkeys(ignored))
        tell(f"warning: {words}: nothing to the {made.name} executor, which has no containers")
    if made.name == "docker":
        made.make_base = _make_base  # type: ignore[attr-defined]
        remembered = settings.source("image") == BUILD
        made.image = None if remembered else settings["image"]  # type: ignore[attr-defined]
        made.built = settings["image"] if remembered else None  # type: ignore[attr-defined]
        made.mount = settings["mount"]  # type: ignore[attr-defined]
        made.hardened = settings["hardened"]  # type: ignore[attr-defined]
        if settings.source("images") == "flag":
            made.images = {**made.images, **settings["images"]}  # type: ignore[attr-defined]
        else:
            made.defaults = settings["images"]  # type: ignore[attr-defined]
    return made


def sweep(ledger: Ledger, config: str | None = None) -> int:
    """End and remove what a dead scheduler has left of an execution; says how many containers that were."""
    from laminar.settings import resolve

    launch = ledger.latest_launch() or {}
    made = executor(resolve({"executor": launch.get("executor")}, file=config))
    return made.sweep(ledger.flow, ledger.execution, ledger.store)


def _named(name: str) -> Executor:
    from laminar import executors

    made: Executor = getattr(executors, name.capitalize())()
    return made


def _make_base(platform: str | None) -> None:
    from laminar.images import base

    base.make(platform)


def archive(store: Datastore, flows: Datastore | None = None, *, pickle: str = "allow") -> Archive:
    """The artifacts of a datastore, with every codec that laminar has.

    Args:
        store: Where they are.
        flows: What the flow was constructed with: its protocols count, also where the store is opened by its URL.
        pickle: The setting of that name: whether pickles may be loaded.
    """
    from laminar.engine.artifacts import Archive
    from laminar.engine.protocols import registered
    from laminar.serde import CODECS

    stores = [store] if flows is None or flows is store else [store, flows]
    protocols = [codec for place in stores for codec in registered(place)]
    return Archive(store, [*protocols, *CODECS], denied=["pickle"] if pickle == "deny" else [])


def observers(settings: Settings, last_line: Callable[[str, int], str]) -> list[Observer]:
    """The progress view that the settings name.

    Args:
        settings: All of them.
        last_line: Says what a running split, by layer and index, has printed last.

    Raises:
        UsageError: There is none of that name.
    """
    mode = settings["progress"]
    if not _is_open(sys.stderr):
        return []
    if mode == "auto":
        mode = "tty" if _is_live(sys.stderr) else "plain"
    if mode == "tty" and os.environ.get("TERM") == "dumb":
        mode = "plain"  # what cannot move its cursor can draw nothing again
    if mode == "quiet":
        return []
    if mode == "plain":
        from laminar.progress.plain import Plain

        return [Plain(sys.stderr)]
    if mode == "json":
        from laminar.progress.objects import Objects

        return [Objects(sys.stderr)]
    if mode == "tty":
        from laminar.progress.live import Live

        return [Live(sys.stderr, last_line)]
    raise UsageError(f"unknown progress view {mode!r}.", remedy="Use auto, tty, plain, json or quiet.")


def _is_open(stream: Any) -> bool:
    """Whether a program has left its stream open, and was given one."""
    try:
        stream.write("")
    except (ValueError, AttributeError):
        return False
    return True


def _is_live(stream: object) -> bool:
    """Whether a live view can be drawn: the stream itself is a terminal that can, and nobody collects it in CI."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb")
