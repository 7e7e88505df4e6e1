"""The documents as a site: it is made without a warning, needs no network to be read, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]

_LINK = re.compile(r'<(a|link|script|img|source)\b[^>]*?\s(?:href|src|srcset)="([^"]+)"')


def test_the_site(tmp_path: Path) -> None:
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-c", "docs", "-d", str(tmp_path / "doctrees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    pages = {page: page.read_text() for page in (tmp_path / "site").rglob("*.html")}
    assert tmp_path / "site/index.html" in pages
    assert tmp_path / "site/docs/tutorial.html" in pages
    missing = [
        f"{page.name}: {link}"
        for page, text in pages.items()
        for link in _LINK.findall(text)
        if not _leads(page, *link)
    ]
    assert missing == []


def _leads(page: Path, tag: str, link: str) -> bool:
    """Whether a link is to a file of the site, or one that a reader may follow out of it."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return tag == "a" or parts.scheme == "data"
    return not parts.path or (page.parent / unquote(parts.path)).exists()
