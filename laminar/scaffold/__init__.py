"""A new project: `laminar init` fills `template/`, the files of a small flow that runs at once.

In the template, these stand for what differs between projects; each is a word that nothing else there contains:

    ProjectFlow     the flow's class
    VERSION         this laminar's version
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from laminar.errors import UsageError
from laminar.model.names import class_name
from laminar.version import __version__

FILES = (
    "main.py",
    "Dockerfile",
    "requirements.txt",
    "laminar.yaml",
    ".dockerignore",
    ".gitignore",
    "pytest.ini",
    "tests/test_flow.py",
    ".github/workflows/ci.yml",
    ".gitlab-ci.yml",
)
"""Every file of a project, relative to it, in the order in which one would read them."""

TEMPLATE = os.path.join(os.path.dirname(__file__), "template")

_BESIDE = (".git", ".venv")
"""What may be there before: a project often begins with `git init` or a virtual environment."""

_MOST_NAMED = 5


@dataclass(frozen=True)
class Project:
    """A project to be.

    Attributes:
        directory: Where.
        flow: Name of the flow's class.
    """

    directory: str
    flow: str

    @classmethod
    def named_after(cls, directory: str) -> Project:
        """The project in `directory`, whose flow is named after it: `MyEtlFlow` in `my-etl`.

        Raises:
            UsageError: The directory's name gives no name for a flow.
        """
        name = os.path.basename(os.path.abspath(directory))
        words = re.findall(r"[A-Za-z0-9]+", name)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 ._-]*", name):
            raise UsageError(
                f"no flow can be named after the directory {name!r}.",
                remedy="Name it with letters, digits, '-', '_' and '.', beginning with a letter: my-flow.",
            )
        if len(words) > 1 and words[-1].lower() == "flow":
            words.pop()  # hello-flow is HelloFlow
        return cls(directory, class_name("".join(word[0].upper() + word[1:] for word in words) + "Flow"))

    def create(self) -> Iterator[str]:
        """Write the project's files, one after the other; gives the path of each.

        Raises:
            UsageError: Files are in the way, or the directory cannot be written to. Nothing is ever overwritten.
        """
        try:
            self._check_empty()
            for file in FILES:
                path = os.path.normpath(os.path.join(self.directory, *file.split("/")))
                os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
                with open(path, "x", encoding="utf-8") as written:
                    written.write(self.text(file))
                yield path
        except OSError as error:
            where = "" if error.filename in (None, self.directory) else f"{error.filename}: "
            raise UsageError(
                f"cannot make a project in {self.directory}: {where}{error.strerror}.",
                remedy="Name a directory that this user may make or write to.",
            ) from error

    def text(self, file: str) -> str:
        """What stands in one of `FILES`."""
        with open(os.path.join(TEMPLATE, *file.split("/")), encoding="utf-8") as template:
            text = template.read()
        for word, value in (("ProjectFlow", self.flow), ("VERSION", __version__)):
            text = text.replace(word, value)
        return text

    def _check_empty(self) -> None:
        if not os.path.lexists(self.directory):
            return
        names = (name for name in os.listdir(self.directory) if name not in _BESIDE)
        there = sorted(names, key=lambda name: (name.startswith("."), name))
        if there:
            more = f" and {len(there) - _MOST_NAMED} more" if len(there) > _MOST_NAMED else ""
            raise UsageError(
                f"{self.directory} is not empty: {', '.join(there[:_MOST_NAMED])}{more}.",
                remedy="Name a directory that is empty or does not exist; nothing is overwritten.",
            )
