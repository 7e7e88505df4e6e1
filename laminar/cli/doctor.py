"""`laminar doctor`: what is wrong here, and what to do about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict

import click

from laminar.checkup import checkup
from laminar.engine.checks import Check
from laminar.engine.telling import columns_of, folded
from laminar.settings import OPTIONS

VERSION = 1
"""Version of what `--json` prints; it grows when a reader of the older one could misread it."""

_MARKS = {"ok": ("✓", "ok"), "warning": ("!", "!"), "error": ("✗", "x")}
"""Status -> its mark, and the mark where the stream cannot show that."""

_WIDTH = 12
"""Columns of the longest name of a check."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--config", metavar="FILE", help="Settings file instead of laminar.yaml.")
@click.option("--app-dir", metavar="DIR", help=OPTIONS["app_dir"].help)
def doctor(as_json: bool, config: str | None, app_dir: str | None) -> int:
    """Check what laminar needs on this machine and in this project: each problem with its remedy.

    Looks at Python and its packages, laminar.yaml, the flow it names, the datastore, the Docker engine and the image that
    the flow would run here. Changes nothing, and pulls nothing.

    \b
    Examples:
      laminar doctor
      laminar doctor --json | jq -r '.checks[] | select(.status != "ok") | .remedy'

    Exit codes: 0 where all is well or there are warnings only; 3 where an engine, an image or the datastore is in the way;
    2 where laminar.yaml or the flow is.
    """
    checks = checkup(app_dir, config)
    if as_json:
        return _print_json(list(checks))
    return max(_print(check) for check in checks)


def _print_json(checks: Iterable[Check]) -> int:
    shown = [{key: value for key, value in asdict(check).items() if key != "exit_code"} for check in checks]
    click.echo(json.dumps({"version": VERSION, "checks": shown}, indent=2))
    return max(check.exit_code for check in checks)


def _print(check: Check) -> int:
    """Print one check as soon as it is known; returns its exit code."""
    encoding = sys.stdout.encoding or "ascii"
    ascii_only = encoding.lower().replace("-", "") != "utf8"
    mark = _MARKS[check.status][ascii_only]
    margin = " " * (len(_MARKS["ok"][ascii_only]) + _WIDTH + 2)
    room = max(columns_of(sys.stdout) - len(margin), 0)
    first, *more = folded("\n".join([*check.words.splitlines(), *check.remedy.splitlines()]), room, 0).split("\n")
    lines = [f"{mark:{len(_MARKS['ok'][ascii_only])}} {check.name:{_WIDTH}} {first}"]
    lines += [f"{margin}{line}" for line in more]
    text = "\n".join(lines)
    # A path may hold what the stream has no way to show.
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding))
    return check.exit_code
