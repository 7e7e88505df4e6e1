"""`laminar inside`: the process that `laminar shell` starts, in a container or on this machine."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import click

from laminar.cli import console, prompt
from laminar.cli.execute import task_options
from laminar.engine.rehearsal import Rehearsal
from laminar.engine.termination import Terminated, terminating
from laminar.engine.tracebacks import user_traceback
from laminar.errors import LaminarError
from laminar.flow import Flow
from laminar.inspection.splits import split_facts
from laminar.model import wire
from laminar.model.layer import Layer
from laminar.model.parameters import Parameters
from laminar.process import rehearse

_OURS = ("layer", "execution", "call")


@click.command(hidden=True)
@task_options
@click.option("--command", metavar="CODE", help="Python to run in place of a prompt.")
def inside(command: str | None, **task: str) -> int:
    """Open a prompt where a layer's attempt ran."""
    wire.take(os.environ)
    image = os.environ.pop(wire.IMAGE, "")
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # the terminal has gone
    try:
        with terminating(), rehearse(wire.parse(task), Flow) as rehearsal:
            return _use(rehearsal, image, command)
    except Terminated:
        return 128 + signal.SIGTERM


def _use(rehearsal: Rehearsal, image: str, command: str | None) -> int:
    names = _names(rehearsal)
    if command is None:
        _welcome(rehearsal, image)
        return prompt.interact(names)
    try:
        prompt.run(command, names)
    except SystemExit as left:
        return prompt.exit_code(left)
    except KeyboardInterrupt:
        raise
    except Exception as error:
        click.echo(user_traceback(error), err=True)
        return error.exit_code if isinstance(error, LaminarError) else 1
    return 0


def _names(rehearsal: Rehearsal) -> dict[str, Any]:
    """What the layer's module defines, the inputs by the names of their parameters, and what laminar adds."""
    names = dict(vars(sys.modules[rehearsal.node.layer.__module__]))
    names |= {"__name__": "__main__", "__doc__": None}

    def call(**inputs: Any) -> Layer:
        """Call the layer as its attempt does: with its inputs, or with others in place of those named.

        Hooks run around it, and what it assigned must be such as can be saved. Nothing of it reaches the execution. `layer`
        is then the layer that was called, whether it raised or not.
        """
        try:
            return rehearsal.call(inputs)
        finally:
            names["layer"] = rehearsal.layer

    for name, value in rehearsal.arguments.items():
        names[_input_name(name)] = value
    names |= {"layer": rehearsal.layer, "execution": rehearsal.inputs.execution, "call": call}
    return names


def _input_name(parameter: str) -> str:
    return f"{parameter}_" if parameter in _OURS else parameter


def _welcome(rehearsal: Rehearsal, image: str) -> None:
    """Say where this is, and what there is."""
    task = rehearsal.task
    module = sys.modules[rehearsal.node.layer.__module__]
    file = getattr(module, "__file__", None) or module.__name__
    changed = {True: "  (changed since that attempt)", False: "", None: ""}[rehearsal.changed]
    inputs = [(_input_name(name), _words(rehearsal, value)) for name, value in rehearsal.arguments.items()]
    console.put(f"{task.execution}/{task.address}  {_state(rehearsal)}\n")
    console.pairs(
        [
            ("image", image),
            ("Python", "" if image else f"{sys.executable}, on this machine"),
            ("code", f"{file}{changed}"),
        ]
    )
    console.put()
    console.pairs(
        [
            *inputs,
            ("layer", f"the {task.layer} to call: layer({', '.join(name for name, _ in inputs)})"),
            ("execution", "results of other layers: execution.layer(...)"),
            ("call()", "calls the layer as its attempt does, hooks and all; call(NAME=...) with another input"),
        ]
    )
    console.put(
        f"\nAlso all that {os.path.basename(file)} defines. After an error: import pdb; pdb.pm()\n"
        "Nothing that is done here changes the execution. Ctrl-D leaves.\n"
    )


def _state(rehearsal: Rehearsal) -> str:
    """How the attempt ended, or where it stands."""
    task = rehearsal.task
    found = split_facts(rehearsal.inputs.ledger, task.layer, task.index)
    attempt = next((each for each in found.attempts if each.attempt == task.attempt), None)
    if attempt is None:
        return console.state("waiting", "never started")
    error = f": {console.clean(attempt.error.words)}" if attempt.error else ""
    return console.state(attempt.state, f"attempt {task.attempt} {attempt.state}{error}")


def _words(rehearsal: Rehearsal, value: Any) -> str:
    """What an input is, and what it has, or why it has nothing."""
    kind = type(value).__name__
    if isinstance(value, Parameters):
        return f"{kind}: {', '.join(vars(value)) or 'none'}"
    try:
        return f"{kind}: {', '.join(rehearsal.readers[kind].names()) or 'nothing'}"
    except AttributeError as error:
        return f"not there: {console.clean(str(error))}"
    except LaminarError as error:
        return f"not there: {console.clean(error.message)}"
