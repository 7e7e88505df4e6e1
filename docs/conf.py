"""How Sphinx makes a site of README.md, docs/ and the READMEs of examples/: `make docs`.

The documents are plain Markdown that a code host shows as well. What only the site needs is here: the order of the pages.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx

from laminar.version import __version__

project = "laminar"
version = release = __version__
html_title = f"laminar {__version__}"

extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/**/*.md", "examples/*.md", "examples/**/*.md"]
exclude_patterns = [".*", "build", "laminar", "tests", "**/.*"]

html_theme = "furo"
html_theme_options: dict[str, list[str]] = {"top_of_page_buttons": []}
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
myst_heading_anchors = 4
myst_links_external_new_tab = False

PAGES = {
    "Start": ["docs/tutorial", "docs/concepts/README"],
    "Do": [
        "docs/deployment",
        "docs/serialization",
        "docs/garbage-collection",
        "docs/adding-an-executor",
        "examples/README",
    ],
    "Look up": [
        "docs/live-view",
        "docs/cli",
        "docs/json",
        "docs/promises",
        "docs/reliability",
        "docs/security",
        "CHANGELOG",
    ],
    "How it is built": ["docs/architecture", "docs/adr/README", "CONTRIBUTING"],
}
"""What stands at the side of each page, by its title."""

LISTS = ("docs/concepts/README", "docs/adr/README", "examples/README")
"""Pages that have those below them that they link to, in that order."""


def setup(app: Sphinx) -> None:
    """Have Sphinx call what is below."""
    app.connect("source-read", add_pages)
    app.connect("build-finished", add_files)


def add_pages(_: Sphinx, page: str, source: list[str]) -> None:
    """Append tables of contents, hidden, to the pages that have others below them. Sphinx misses what none of them has."""
    if page == root_doc:
        source[0] += "".join(_toctree([f"/{page}" for page in pages], title) for title, pages in PAGES.items())
    elif page in LISTS:
        source[0] += _toctree(list(dict.fromkeys(re.findall(r"\]\((?!\.|https?:)([^)#]+)\.md\)", source[0]))))


def add_files(app: Sphinx, error: Exception | None) -> None:
    """Give the first page the name that a web server looks for; and pictures that HTML in Markdown shows, their places."""
    if error is None:
        shutil.copyfile(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))
        pictures = Path("docs/pictures")
        shutil.copytree(
            Path(app.srcdir, pictures),
            Path(app.outdir, pictures),
            ignore=shutil.ignore_patterns("*.py"),
            dirs_exist_ok=True,
        )


def _toctree(pages: list[str], caption: str = "") -> str:
    options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
    return "\n".join(["", "", "```{toctree}", *options, "", *pages, "```", ""])
