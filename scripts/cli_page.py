"""Write docs/cli.md from the commands: `python scripts/cli_page.py`. A test says when it is out of date."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from laminar.cli.main import SECTIONS, cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"

HEAD = """\
# The command line

<!-- Made by scripts/cli_page.py from the commands; change those. -->

`laminar COMMAND --help` has the same. Data goes to stdout, progress and errors to stderr. [json.md](json.md) describes
what `--json` prints.

An ADDRESS is `[FLOW:]EXECUTION[/LAYER[/INDEX]]`. An execution is its id, the beginning of it where no other begins so, or
`latest`; the flow is needed where two flows have an execution of one id, as in a chain.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | a layer failed |
| 2 | what was typed or written cannot be run |
| 3 | the engine, an image or the datastore is in the way |
| 130, 143 | interrupted |
| 141 | whoever read stdout has gone |

A shell completes commands, options, targets, executions and layers after one of:

```text
eval "$(_LAMINAR_COMPLETE=bash_source laminar)"          # in ~/.bashrc
eval "$(_LAMINAR_COMPLETE=zsh_source laminar)"           # in ~/.zshrc
_LAMINAR_COMPLETE=fish_source laminar | source           # in ~/.config/fish/config.fish
```
"""


def page() -> str:
    """The page."""
    context = click.Context(cli, info_name="laminar")
    lines = [HEAD]
    for title, commands in SECTIONS.items():
        lines.append(f"## {title}\n")
        for name in commands:
            command = cli.get_command(context, name)
            assert command is not None
            lines += _command(command, click.Context(command, info_name=name, parent=context))
    return "\n".join(lines).rstrip() + "\n"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"### `laminar {context.info_name}`\n"
    yield f"```text\nlaminar {context.info_name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith("\b\n"):
            first, *more = paragraph.removeprefix("\b\n").split("\n")
            yield "\n".join([first, "", "```text", *(line.removeprefix("  ") for line in more), "```", ""])
        else:
            yield f"{paragraph}\n"
    yield "| option | what it does |\n|---|---|"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option) and parameter.name != "help":
            name, words = (part.replace("|", "\\|") for part in record)
            yield f"| `{name}` | {words} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
