"""The installed laminar and all that it depends on, as wheels again: pip in an image installs them without a network.

A wheel is a zip of what an installation's RECORD lists. What was compiled for another Python or another kind of machine
than the image's is left out: laminar's dependencies work without it, and the build imports them all to be sure.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from laminar.errors import InfrastructureError
from laminar.version import __version__

ROOT = "laminar"

_COMPILED = (".so", ".pyd", ".dylib")
_UNPACKED = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files that pip writes where it installs a wheel."""


@dataclass(frozen=True)
class Wheel:
    """A wheel to write.

    Attributes:
        name: Its distribution.
        file: File name, which says what it runs on.
        files: Name in the wheel -> content.
        stripped: Whether compiled files were left out.
    """

    name: str
    file: str
    files: dict[str, bytes]
    stripped: bool

    def write(self, folder: str) -> None:
        """Write it, the same bytes each time: the engine's cache compares them."""
        with zipfile.ZipFile(os.path.join(folder, self.file), "w", zipfile.ZIP_STORED) as archive:
            for name, content in self.files.items():
                archive.writestr(zipfile.ZipInfo(name), content)


def closure(*, compiled: bool) -> list[Wheel]:
    """Wheels of laminar, which is first, and of what it depends on, as they are installed.

    Args:
        compiled: Whether files compiled for this Python run in the image.

    Raises:
        InfrastructureError: Something is not installed as pip installs it.
    """
    return [_laminar(), *(_repacked(_distribution(name), compiled) for name in sorted(_dependencies(ROOT)))]


def _dependencies(root: str) -> set[str]:
    found: set[str] = set()
    waiting = [root]
    while waiting:
        for name in _required(_distribution(waiting.pop())):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def _required(distribution: metadata.Distribution) -> Iterator[str]:
    """Normal names of what it needs here: extras are not ours, and what a marker rules out is not installed."""
    for line in distribution.requires or ():
        requirement, _, marker = line.partition(";")
        found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
        assert found, line
        name = re.sub(r"[-_.]+", "-", found[0]).lower()
        if "extra" not in marker and (not marker or _is_installed(name)):
            yield name


def _is_installed(name: str) -> bool:
    return any(True for _ in metadata.distributions(name=name))


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise _not_as_pip(name, "is not installed") from None


def _laminar() -> Wheel:
    """From the package's directory: an editable installation lists no files of its own."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    files = {}
    for folder, folders, names in os.walk(package):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.join(folder, name)
            files[f"{ROOT}/{os.path.relpath(path, package)}"] = _read(path)
    distribution = _distribution(ROOT)
    info = f"{ROOT}-{__version__}.dist-info"
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    # The metadata of an editable installation may be older than its code.
    text = re.sub(r"^Version: .*$", f"Version: {__version__}", text, count=1, flags=re.MULTILINE)
    files[f"{info}/METADATA"] = text.encode()
    files[f"{info}/entry_points.txt"] = (distribution.read_text("entry_points.txt") or "").encode()
    return _wheel(ROOT, __version__, info, files, ["py3-none-any"], stripped=False)


def _repacked(distribution: metadata.Distribution, compiled: bool) -> Wheel:
    name, version = distribution.metadata["Name"], distribution.version
    about = distribution.read_text("WHEEL")
    if about is None or distribution.read_text("RECORD") is None or _is_editable(distribution):
        raise _not_as_pip(name, "was not installed from a wheel, so its files are not known")
    listed = [file for file in distribution.files or () if ".." not in file.parts and "__pycache__" not in file.parts]
    infos = {file.parts[0] for file in listed if file.parts[0].endswith(".dist-info")}
    machine_code = [file for file in listed if file.suffix in _COMPILED]
    stripped = bool(machine_code) and not compiled
    if stripped:
        listed = [file for file in listed if file.suffix not in _COMPILED]
    info = infos.pop()
    files = {
        str(file): _read(str(file.locate()))
        for file in listed
        if not (file.parts[0] == info and file.name in (*_UNPACKED, "WHEEL"))
    }
    tags = ["py3-none-any"] if stripped else re.findall(r"^Tag: (\S+)", about, re.MULTILINE)
    return _wheel(name, version, info, files, tags, stripped=stripped)


def _is_editable(distribution: metadata.Distribution) -> bool:
    url = json.loads(distribution.read_text("direct_url.json") or "{}")
    return bool(url.get("dir_info", {}).get("editable"))


def _wheel(name: str, version: str, info: str, files: dict[str, bytes], tags: list[str], *, stripped: bool) -> Wheel:
    # A file name has each part of all tags; `linux_x86_64` and the like stay one part, since tags are split at "-".
    parts = zip(*(tag.split("-") for tag in tags), strict=True)
    platform = "-".join(".".join(dict.fromkeys(part)) for part in parts)
    lines = ["Wheel-Version: 1.0", "Generator: laminar", "Root-Is-Purelib: true", *(f"Tag: {tag}" for tag in tags), ""]
    files = dict(sorted({**files, f"{info}/WHEEL": "\n".join(lines).encode()}.items()))
    record = "".join(f"{_quoted(path)},sha256={_digest(content)},{len(content)}\n" for path, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    escaped = re.sub(r"[-_.]+", "_", name)
    return Wheel(name, f"{escaped}-{version}-{platform}.whl", files, stripped)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _quoted(path: str) -> str:
    return f'"{path}"' if "," in path else path


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InfrastructureError(
            f"the installed laminar is not complete: {error}",
            remedy="Install it again: pip install --force-reinstall laminar",
        ) from error


def _not_as_pip(name: str, reason: str) -> InfrastructureError:
    return InfrastructureError(
        f"laminar's own image cannot be made of this installation: {name} {reason}.",
        remedy="Install laminar with pip into a virtual environment, and build from there:\n"
        "  python -m venv .venv && .venv/bin/pip install laminar && .venv/bin/laminar build --base",
    )
