"""The clients of the `docker` command that watch a container, and pass on what it prints."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable

from laminar.engine.executor import Job
from laminar.errors import EngineError
from laminar.executors.docker_engine import Engine, State
from laminar.executors.output import follow, until_closed

_DRAIN_S = 2.0
_AGAIN_S = 1.0
_PATIENCE_S = 60.0
"""How long an engine that does not answer is waited for: a restart takes some seconds."""


def attach(job: Job, command: list[str], seen: int = 0) -> tuple[int, str, int]:
    """Run a client and pass on what it prints, but for the first `seen` bytes.

    Returns:
        Its exit code, its last words, and how many bytes it printed.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C at the terminal is the scheduler's to handle
    ) as client:
        assert client.stdout is not None
        last, printed = follow(until_closed(client.stdout.fileno()), job, seen)
    return client.returncode, last.decode("utf-8", "replace"), printed


def watch(job: Job, engine: Engine, name: str, seen: int) -> tuple[State | None, str]:
    """Follow a container that has no client of ours, until it has stopped.

    Args:
        job: Takes what it prints.
        engine: Has it.
        name: Its name.
        seen: Bytes of its output that are passed on already.

    Returns:
        Its state, None where it is gone, and its last words.

    Raises:
        EngineError: The engine does not answer for a minute.
    """
    last = ""
    clients: list[subprocess.Popen[bytes]] = []
    over = threading.Event()
    while (state := patiently(lambda: engine.state(name))) is not None and state.status == "running":
        if not clients:
            threading.Thread(target=_end_after, args=(clients, engine, name, over), daemon=True).start()
        elif over.wait(_AGAIN_S):  # the client ended before the container: it cannot follow this one
            continue
        with subprocess.Popen(
            ["docker", "logs", "--follow", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as client:
            clients[:] = [client]
            assert client.stdout is not None
            _, printed = follow(until_closed(client.stdout.fileno()), job, seen)
        seen = max(seen, printed)
    over.set()
    if state is not None:  # `docker logs --follow` may end early, or not at all where logs are rotated
        _, last, _ = attach(job, ["docker", "logs", name], seen)
    return state, last


def patiently(ask: Callable[[], State | None]) -> State | None:
    """What the engine answers, asked again while it does not answer."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return ask()
        except EngineError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


def _end_after(clients: list[subprocess.Popen[bytes]], engine: Engine, name: str, over: threading.Event) -> None:
    """End the client that follows a container when that has stopped, should it not end by itself."""
    while not over.is_set():
        try:
            engine.wait(name)
        except EngineError:  # it restarts, maybe, and the container runs on
            time.sleep(_AGAIN_S)
        else:
            over.set()
    time.sleep(_DRAIN_S)
    for client in clients:
        client.kill()
