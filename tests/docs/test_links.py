"""Links between documents, and the paths and names of code that they give, lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])

_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
_NAME = re.compile(r"`(\w+)` in `(laminar/[\w./]+\.py)`")
_PATH = re.compile(r"`((?:laminar|tests|scripts|benchmarks|docs|examples)/[\w./-]*)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links(document: Path) -> None:
    for link, anchor in _LINK.findall(document.read_text()):
        target = document.parent / link if link else document
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), f"{link}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths(document: Path) -> None:
    missing = [path for path in _PATH.findall(document.read_text()) if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_names(document: Path) -> None:
    found = _NAME.findall(document.read_text())
    missing = [(name, path) for name, path in found if not re.search(rf"\b{name}\b", (ROOT / path).read_text())]
    assert not missing


def _anchors(document: Path) -> set[str]:
    """The headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
