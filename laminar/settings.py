"""Settings: flag > what the code passes > `LAMINAR_*` > `laminar.yaml` > default, each value with its source.

The image has one source more, below `laminar.yaml`: what `laminar build` made of the project in this directory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from laminar.engine.current import current
from laminar.errors import SettingsError
from laminar.model.names import nearest
from laminar.model.wire import Task

__all__ = ["OPTIONS", "Option", "Setting", "Settings", "current", "read_file", "resolve"]

FILE = "laminar.yaml"
BUILT = os.path.join(".laminar", "build.json")
"""Where `laminar build` leaves what it made, in the project's directory."""

BUILD = "laminar build"
"""Source of an image that is remembered, rather than named by anybody."""

_NEAR = 0.8
"""How much of two names is the same, of 1, where one may be the other misspelled: EXECUTER, and not TEST_IMAGE."""

Value = Any


@dataclass(frozen=True)
class Option:
    """A setting that can be made.

    Attributes:
        default: Where nothing sets it.
        parse: From text (a variable) or a YAML value; raises ValueError with what is allowed.
        help: One line.
    """

    default: Value
    parse: Callable[[Any], Value]
    help: str


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def _flag(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("true or false")


def _count(value: Any) -> int:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("a whole number, 1 at least")
    return value


def _choice(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"one of: {', '.join(choices)}")
        return str(value)

    return parse


def _images(value: Any) -> Mapping[str, str]:
    if isinstance(value, str):
        value = dict(pair.partition("=")[::2] for pair in value.split(","))
    if not isinstance(value, dict) or not all(isinstance(x, str) and x for pair in value.items() for x in pair):
        raise ValueError("an image for each layer, LAYER: IMAGE")
    return value


EXECUTORS = ("docker", "process", "thread")
PROGRESS = ("auto", "tty", "plain", "json", "quiet")

OPTIONS: Mapping[str, Option] = {
    "flow": Option(None, _text, "Target to schedule where the command names none: module:attribute."),
    "app_dir": Option(".", _text, "Directory that targets are relative to, and importable from."),
    "executor": Option("docker", _choice(*EXECUTORS), "What runs the layers: docker, process or thread."),
    "datastore": Option(".laminar", _text, "Directory of the datastore."),
    "image": Option(None, _text, "Image of every layer that names none."),
    "images": Option({}, _images, "Images of single layers, above all else."),
    "mount": Option(None, _text, "Directory that is mounted read-only over the workdir of every image."),
    "hardened": Option(
        False, _flag, "Run containers without capabilities, on a read-only file system with a /tmp in memory."
    ),
    "max_parallel": Option(None, _count, "Splits at one time, at most."),
    "fail_fast": Option(False, _flag, "Start nothing more once a split has finally failed."),
    "keep_going": Option(False, _flag, "Start the other splits of a layer, too, when one of them has finally failed."),
    "allow_skew": Option(False, _flag, "Run images whose flow code differs from the scheduler's."),
    "pickle": Option(
        "allow", _choice("allow", "deny"), "Whether the scheduler and readers may load pickles: allow or deny."
    ),
    "progress": Option("auto", _choice(*PROGRESS), "How progress is shown on stderr: auto, tty, plain, json or quiet."),
    "logs": Option(False, _flag, "Show what layers print, prefixed with their address."),
}
"""Every setting, by its name in `laminar.yaml`; `LAMINAR_` and the name in capitals is its variable."""


@dataclass(frozen=True)
class Setting:
    """A value and where it came from: `flag`, `code`, `LAMINAR_…`, `laminar.yaml`, `laminar build` or `default`."""

    value: Value
    source: str


@dataclass(frozen=True)
class Settings:
    """The settings of one command; `settings["image"]` is a value, `source("image")` where it came from.

    Attributes:
        entries: Each of them.
        usual: What each is, by name, where neither flag nor code says otherwise.
        file: The settings file that was named; empty where none was.
    """

    entries: Mapping[str, Setting]
    usual: Callable[[str], Setting]
    file: str = ""

    def __getitem__(self, name: str) -> Value:
        return self.entries[name].value

    def source(self, name: str) -> str:
        """Where the value came from."""
        return self.entries[name].source

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)


def resolve(
    flags: Mapping[str, Value] | None = None,
    code: Mapping[str, Value] | None = None,
    environ: Mapping[str, str] | None = None,
    file: str | None = None,
) -> Settings:
    """All settings, each from the first of its sources that has it.

    Args:
        flags: From the command line; None values are not set.
        code: Objects that the flow's code passes, by setting; None values are not set.
        environ: The environment; this process's where None.
        file: The settings file; `laminar.yaml` in the working directory, if it is there, where None.

    Raises:
        SettingsError: An unknown name, or a value that is not of its kind.
    """
    environ = os.environ if environ is None else environ
    flags, code = flags or {}, code or {}
    in_file = read_file(file)
    built = built_image()

    def usual(name: str) -> Setting:
        option, variable = OPTIONS[name], f"LAMINAR_{name.upper()}"
        if environ.get(variable):
            return Setting(_parsed(option, environ[variable], variable), variable)
        if name in in_file:
            return Setting(in_file[name], file or FILE)
        if name == "image" and built:
            return Setting(built, BUILD)
        return Setting(option.default, "default")

    said = {name: Setting(value, "code") for name, value in code.items() if value is not None}
    said |= {name: Setting(value, "flag") for name, value in flags.items() if value is not None}
    return Settings({name: said.get(name) or usual(name) for name in OPTIONS}, usual, file or "")


def misspelled(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that is none of laminar's, and nearly the one of a setting; others are other people's."""
    import difflib

    known = [*OPTIONS, *Task._fields]
    said = []
    for variable in sorted(environ):
        name = variable.removeprefix("LAMINAR_").lower()
        if name != variable.lower() and name not in known:
            near = difflib.get_close_matches(name, OPTIONS, n=1, cutoff=_NEAR)
            said += [f"{variable} is not a setting of laminar; did you mean LAMINAR_{each.upper()}?" for each in near]
    return said


def read_file(file: str | None = None) -> dict[str, Value]:
    """The settings in a YAML file; none where `laminar.yaml` is not there.

    Raises:
        SettingsError: The file named is not there, is not YAML, or has an unknown name or a wrong value.
    """
    path = file or FILE
    if not os.path.exists(path):
        if file is None:
            return {}
        raise SettingsError(f"there is no settings file {file}.", remedy="Correct --config.")
    import yaml  # paid only where there is a file

    try:
        with open(path, encoding="utf-8") as text:
            content = yaml.safe_load(text) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}", remedy="Write it as YAML: name: value.") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} is a {type(content).__name__}, not a mapping.", remedy="Write it as name: value.")
    for name in content:
        if name not in OPTIONS:
            raise SettingsError(
                f"unknown option {name!r} in {path}.",
                remedy=f"Options are: {', '.join(OPTIONS)}.{nearest(str(name), list(OPTIONS))}",
            )
    return {name: _parsed(OPTIONS[name], value, f"{name} in {path}") for name, value in content.items()}


def built_image(directory: str = ".") -> str | None:
    """The image that `laminar build` made last of the project in `directory`; None where it made none.

    Raises:
        SettingsError: Its record is damaged.
    """
    path = os.path.join(directory, BUILT)
    try:
        with open(path, encoding="utf-8") as file:
            return _text(json.load(file)["image"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingsError(
            f"{path} cannot be read: {error!r}", remedy="Run `laminar build` again, or remove the file."
        ) from None


def _parsed(option: Option, value: Any, where: str) -> Value:
    try:
        return option.parse(value)
    except ValueError as error:
        raise SettingsError(f"{where} is {value!r}.", remedy=f"Give {error}.") from None
