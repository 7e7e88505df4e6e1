"""`laminar`: finds the subcommand, and turns errors into words and exit codes in one place."""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click

from laminar.errors import InfrastructureError, LaminarError
from laminar.model.names import nearest
from laminar.version import __version__

SECTIONS = {
    "Run": {
        "schedule": "Run a flow: every layer in a container of its own.",
        "plan": "Show what a schedule would run, or what is left of an execution.",
        "resume": "Go on with an execution: run what is not committed, with today's code and image.",
        "stop": "Stop an execution, wherever its scheduler is.",
        "execute": "Evaluate one layer; what the scheduler starts in each container.",
    },
    "Look": {
        "list": "List executions, newest first.",
        "show": "Show an execution, a layer or a split: states, times, causes, artifacts.",
        "logs": "Print what layers printed.",
        "artifact": "List what layers saved, or print a value.",
        "report": "Write an execution as one HTML file: graph, timeline, failures, layers, artifacts.",
        "shell": "Open a prompt where a split ran, with its inputs and its layer.",
        "graph": "Draw a flow, or an execution: as text, Mermaid, SVG, DOT or JSON.",
    },
    "Tidy up": {
        "gc": "Remove old executions, and content that nothing names; or verify all content.",
    },
    "Set up": {
        "init": "Make a project that runs at once: a flow, its image, its tests and their CI.",
        "build": "Build the project's image, or laminar's own base image.",
        "config": "Show each setting, and where its value comes from.",
        "doctor": "Check what laminar needs on this machine and in this project, each with its remedy.",
    },
}
"""Subcommands with their help, as `laminar --help` groups them. `laminar.cli.NAME` has the command NAME."""

COMMANDS = {name: words for section in SECTIONS.values() for name, words in section.items()}

_HIDDEN = ("inside", "probe")

_WITHOUT_SETTINGS = ("execute", "init", "build", *_HIDDEN)


class _Commands(click.Group):
    """Imports a subcommand when it is typed: `execute` runs once per layer and pays for no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS and cmd_name not in _HIDDEN:
            return None
        gc.disable()  # what is imported stays: no collection needs to walk it, nor the one that ends the process
        module = import_module(f"laminar.cli.{cmd_name}")
        gc.freeze()
        gc.enable()
        command: click.Command = getattr(module, "list_" if cmd_name == "list" else cmd_name)  # a built-in's name
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] not in (*COMMANDS, *_HIDDEN) and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}.{nearest(args[0], list(COMMANDS))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table: the help of one command does not import all others.
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", words) for name, words in commands.items()])

    # Click would take a broken pipe for a failure, with the exit code of one.

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _reader():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _reader():
            return super().invoke(ctx)


@contextmanager
def _reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise _ReaderLeft from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EIO) or error.filename is not None:
            raise
        _forget_output()
        raise InfrastructureError(
            f"the output cannot be written: {error.strerror}.", remedy="Make room where it goes, or send it elsewhere."
        ) from None


class _ReaderLeft(Exception):  # noqa: N818 - nothing went wrong here
    """Whoever read our output has gone."""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="laminar")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Write a workflow in plain Python; run every step in its own container.

    \b
    Examples:
      laminar init my-flow
      laminar schedule main:HelloFlow
      laminar schedule main:HelloFlow --executor process -p name=world
      laminar list
      laminar show latest
      laminar logs latest/Process/17

    An ADDRESS is [FLOW:]EXECUTION[/LAYER[/INDEX]]; an execution is its id, the beginning of it, or latest.
    """
    if ctx.invoked_subcommand not in _WITHOUT_SETTINGS:
        from laminar.engine.telling import tell
        from laminar.settings import misspelled

        for words in misspelled(os.environ):
            tell(f"warning: {words}")


def main() -> NoReturn:
    """The console script.

    Exit codes: 0 done; 1 a layer failed; 2 usage or an invalid flow; 3 infrastructure; 130 and 143 interrupted.
    """
    if "_LAMINAR_COMPLETE" in os.environ:
        from laminar.cli import bash

        bash.register()
    try:
        code = cli(standalone_mode=False)
    except LaminarError as error:
        from laminar.engine.telling import tell_error  # `execute` pays for it where it fails only

        tell_error(error)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    except (BrokenPipeError, _ReaderLeft):
        _forget_output()
        code = 141
    sys.exit(code)


def _forget_output() -> None:
    """Nobody takes our output: do not complain about it again when Python flushes on the way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
