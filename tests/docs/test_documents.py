"""What the documents print is run, and does what they say.

The blocks of a document run from top to bottom in one directory that is empty at first, or a copy of the example that the
document is about:

- a block whose first line is `# NAME.py`, `# NAME.yaml` or `# Dockerfile` is written to that file;
- any other ```python block is run as a script;
- in a ```console block each `$ command` is run, and the lines below it are what it prints. A line `...` stands for any
  lines; ids, times and digests may differ. `$ cd NAME` goes for all blocks below it. Where it prints `>>> `, it runs at a
  terminal, what follows these is typed, and in the end Ctrl-D.

A comment before a block changes that: `<!-- exit: 1 -->` is the exit code it must have, `<!-- docker -->` marks one that
needs an engine, `<!-- not run: REASON -->` leaves it out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from tests.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/concepts").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
HOME = "/home/you"
"""What the documents show as the directory that they run in."""

_PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

_BLOCK = re.compile(r"((?:^<!-- [^\n]* -->\n)*)^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.(?:py|yaml)|Dockerfile)\n")
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n?", re.MULTILINE)
_VARYING = [
    (re.compile(r"\b0[0-9a-z]{15}\b"), "ID"),
    (re.compile(r"\b\d\d:\d\d\.\d\d\b"), "CLOCK"),
    (re.compile(r"\b(?:\d+\.\d+ ?s|\d+:\d\d:\d\d)\b"), "SECONDS"),
    (re.compile(r" +\d+(?:\.\d)? (?:B|[KMG]iB)\b"), " SIZE"),
    (re.compile(r"\b(?:just now|\d+ (?:s|min) ago)"), "AGO"),
    (re.compile(r" Slowest: .*"), ""),
    (re.compile(r"sha256:[0-9a-f]+"), "DIGEST"),
    (
        re.compile(r", exit code 143$| by signal 15$", re.MULTILINE),
        " ENDED",
    ),  # before it listened, by the signal itself
    (re.compile(r"(?<=\S) {2,}"), "  "),  # a column is as wide as what varies in it
    (re.compile(r"^ +[~^]+\n", re.MULTILINE), ""),  # Python's versions underline other parts of a traceback
    (re.compile(r"^(\w+Error: .*)\. Did you mean: '\w+'\?$", re.MULTILINE), r"\1"),  # since Python 3.12
]


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, the comments before it, its language and its text."""

    where: str
    comments: str
    language: str
    text: str

    @property
    def docker(self) -> bool:
        return "<!-- docker -->" in self.comments

    def run(self, directory: Path, home: Path) -> Path:
        """Run the block in `directory`, at or below `home`; returns the one that the next is run in."""
        if file := _FILE.match(self.text):
            (directory / file[1]).write_text(self.text)
        elif self.language == "python":
            self._run([sys.executable, "-c", self.text], directory)
        elif self.language == "console":
            _, *rest = _COMMAND.split(self.text)
            for command, expected in zip(rest[::2], rest[1::2], strict=True):
                if re.fullmatch(r"cd [\w-]+", command):
                    directory /= command.removeprefix("cd ")
                    continue
                if ">>> " in expected:
                    printed = self._talk(command, re.findall(r"^>>> (.+)$", expected, re.MULTILINE), directory)
                else:
                    printed = self._run(["bash", "-c", command], directory)
                printed = printed.replace(str(home), HOME)
                if expected.strip() and not _pattern(expected).fullmatch(_normal(printed)):
                    pytest.fail(f"{self.where}: $ {command}\nprints\n{printed}", pytrace=False)
        return directory

    def _talk(self, command: str, lines: list[str], directory: Path) -> str:
        with Terminal(["bash", "-c", command], directory, PATH=_PATH) as terminal:
            shown = terminal.until("(?m)^>>> ")
            for line in lines:
                terminal.type(f"{line}\n")
                shown += terminal.until("(?m)^>>> ")
            terminal.type("\x04")
            terminal.end()
        return shown.removesuffix(">>> ")

    def _run(self, command: list[str], directory: Path) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LAMINAR_")}
        environment["PATH"] = _PATH
        done = subprocess.run(
            command, cwd=directory, env=environment, stdout=PIPE, stderr=STDOUT, text=True, timeout=300
        )
        expected = re.search(r"<!-- exit: (\d+) -->", self.comments)
        if done.returncode != (int(expected[1]) if expected else 0):
            pytest.fail(f"{self.where}: {command[-1]}\nexits {done.returncode}\n{done.stdout}", pytrace=False)
        return done.stdout


def _normal(text: str) -> str:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text.strip()


def _pattern(expected: str) -> re.Pattern[str]:
    lines = re.escape(_normal(expected)).split("\\\n")
    return re.compile("\n".join("(?s:.*)" if line == r"\.\.\." else line for line in lines))


def blocks(document: Path) -> list[Block]:
    text = document.read_text()
    return [
        Block(f"{_name(document)}:{text.count(chr(10), 0, match.start(2)) + 1}", *match.groups())
        for match in _BLOCK.finditer(text)
        if "<!-- not run: " not in match[1]
    ]


def _name(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.fixture
def directory(document: Path, tmp_path: Path) -> Path:
    if document.is_relative_to(ROOT / "examples"):
        ignored = shutil.ignore_patterns(".laminar", "__pycache__", "README.md")
        shutil.copytree(document.parent, tmp_path, ignore=ignored, dirs_exist_ok=True)
    return tmp_path


_WITH_DOCKER = [path for path in DOCUMENTS if any(block.docker for block in blocks(path))]
# Where there must be an engine, all of a document is run once.
_WITHOUT = [path for path in DOCUMENTS if path not in _WITH_DOCKER or not os.environ.get("LAMINAR_REQUIRE_DOCKER")]


@pytest.mark.parametrize("document", _WITHOUT, ids=_name)
def test_blocks_that_need_no_engine(document: Path, directory: Path) -> None:
    here = directory
    for block in blocks(document):
        if not block.docker:
            here = block.run(here, directory)


@pytest.mark.docker
@pytest.mark.parametrize("document", _WITH_DOCKER, ids=_name)
def test_all_blocks(document: Path, directory: Path) -> None:
    here = directory
    for block in blocks(document):
        here = block.run(here, directory)
