"""The Docker engine: what is asked before the first container by the command line, the rest by the SDK.

The SDK takes a tenth of a second to import, which the first container need not wait for. Its errors are translated here
and nowhere else.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laminar.errors import EngineError

_INSTEAD = "or run the layers without containers: --executor process"
_CALL_S = 60
_ASKED_S = 30
_PIECE = 65536
_HEADER = 8
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""What the engine calls its machine -> what images are labelled with."""


@dataclass(frozen=True)
class State:
    """What the engine knows of a container.

    Attributes:
        status: `created`, `running`, `exited`, …
        code: Exit code of its process.
        oom: The kernel killed a process in it for memory.
        error: Why it could not be started; empty where it was.
    """

    status: str
    code: int
    oom: bool
    error: str


class Engine:
    """A connection to the Docker engine that the `docker` command uses, too.

    Raises:
        EngineError: There is no docker command, no engine answers, or this user may not use it.
    """

    def __init__(self) -> None:
        if shutil.which("docker") is None:
            raise EngineError("there is no docker command on this machine.", remedy=f"Install Docker, {_INSTEAD}.")
        self._lock = threading.Lock()
        self._client: Any = None
        asked = time.time()
        info = _told(["docker", "info", "--format={{json .}}"])
        if not info.get(
            "NCPU"
        ):  # there is none, for which the SDK has the reason; or Podman's command tells other things
            asked = time.time()
            info = self._ask(lambda api: api.info()) or {}
        answered = time.time()
        self.cpus = int(info["NCPU"])
        self.memory = int(info["MemTotal"]) >> 20
        self.version = str(info.get("ServerVersion", ""))
        self.skew_s = _skew_s(str(info.get("SystemTime", "")), asked, answered)
        """Seconds that the engine's clock is ahead of this one, at the least; None where the engine does not tell."""
        self.machine = str(info.get("Name", ""))
        self.platform = f"{info['OSType']}/{_ARCHITECTURES.get(info['Architecture'], info['Architecture'])}"
        options = " ".join(info.get("SecurityOptions") or ())
        self.rootless = "name=rootless" in options or bool(info.get("Rootless"))  # the latter is Podman's word
        """Root in a container is this user outside: no other user could write to this user's files."""
        self.remaps_users = "name=userns" in options
        """Users in containers are others outside, unless a container asks for the machine's own."""

    def image(self, name: str) -> dict[str, Any] | None:
        """The engine's record of an image (`Id`, `Os`, `Architecture`, …); None where it is not on its machine."""
        record: dict[str, Any] | None = _told(["docker", "image", "inspect", "--format={{json .}}", "--", name])
        return record or self._ask(lambda api: api.inspect_image(name))

    def inspect(self, container: str) -> dict[str, Any] | None:
        """The engine's record of a container, by name or id; None where there is none."""
        record: dict[str, Any] | None = self._ask(lambda api: api.inspect_container(container))
        return record

    def state(self, name: str) -> State | None:
        """What the engine knows of a container; None where there is none of that name."""
        record = self.inspect(name)
        if record is None:
            return None
        state = record["State"]
        return State(state["Status"], state["ExitCode"], state["OOMKilled"], state["Error"])

    def start(self, name: str) -> Iterator[bytes] | None:
        """Start a container that was made; None where that cannot be done: then it has not run.

        Returns:
            What it prints, from its first byte, until none of its processes can print any more or the engine is gone.
        """

        def attached(api: Any) -> Any:
            from docker.errors import APIError

            try:
                stream = api.attach_socket(name, {"stdout": 1, "stderr": 1, "stream": 1})
            except Exception:  # not over every transport that the client knows can the SDK do this
                return None
            _keep_alive(stream)
            try:
                api.start(name)
            except APIError:
                _response(stream).close()
                return None
            return stream

        stream = self._ask(attached)
        return None if stream is None else printed(stream)

    def wait(self, name: str) -> None:
        """Return when a container has stopped, however long that takes."""
        self._ask(lambda api: api.wait(name, timeout=None))

    def stop(self, name: str, grace_s: int) -> None:
        """SIGTERM, and SIGKILL after `grace_s` seconds; nothing where it has stopped or is gone."""
        self._ask(lambda api: api.stop(name, timeout=grace_s))

    def remove(self, name: str) -> None:
        """Remove a container, running or not, and the volumes that its image had made for it; nothing where it is gone."""

        def gone(api: Any) -> None:
            from docker.errors import APIError

            try:
                api.remove_container(name, v=True, force=True)
            except APIError as error:
                if error.status_code != 409:  # its removal is already in progress
                    raise

        self._ask(gone)

    def containers(self, labels: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Name -> labels of all containers, running or not, that have these labels."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        found = self._ask(lambda api: api.containers(all=True, filters={"label": wanted})) or []
        return {container["Names"][0].removeprefix("/"): container["Labels"] for container in found}

    def connect(self) -> None:
        """Load the SDK, beside other work. What goes wrong is said when something is asked."""
        with suppress(EngineError):
            self._ask(lambda api: api)

    def close(self) -> None:
        """Give the connection back."""
        if self._client is not None:
            self._client.close()

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """What the SDK answers; None where the engine has nothing of that name.

        Raises:
            EngineError: No engine answers, or it refuses.
        """
        import docker
        from docker.errors import APIError, DockerException, NotFound

        try:
            with self._lock:
                self._client = self._client or docker.from_env(timeout=_CALL_S)
            return question(self._client.api)
        except NotFound:
            return None
        except APIError as error:
            raise EngineError(
                f"the Docker engine refuses: {error.explanation or error}", remedy="Its own log may say more."
            ) from error
        except (DockerException, OSError) as error:  # requests' errors are OSErrors
            raise _unreachable(error) from error


def _told(command: list[str]) -> dict[str, Any]:
    """The JSON object that a command prints; an empty one where it fails."""
    with suppress(OSError, ValueError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_CALL_S)
        told = json.loads(done.stdout) if done.returncode == 0 else None
        if isinstance(told, dict):
            return told
    return {}


def printed(stream: Any) -> Iterator[bytes]:
    """The content of the frames of an attached stream: 8 bytes each, the last four their length, and that much output.

    As in https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
    """
    from docker.utils.socket import read

    data, left = b"", 0
    with closing(_response(stream)), suppress(OSError):  # the engine is gone: whoever asks it next hears of that
        while (piece := read(stream, _PIECE)) != b"":
            data += piece or b""
            at = 0
            while len(data) - at >= (_HEADER if not left else 1):
                if not left:
                    left = int.from_bytes(data[at + 4 : at + _HEADER], "big")
                    at += _HEADER
                part = data[at : at + left]
                at += len(part)
                left -= len(part)
                if part:
                    yield part
            data = data[at:]


def _keep_alive(stream: Any) -> None:
    """Have the system ask whether the other end is there, as the client does: a router may forget who is silent."""
    with suppress(OSError, AttributeError):  # some transports are no sockets, some systems have no such word
        opened = socket.socket(fileno=stream.fileno())
        try:
            if opened.family != socket.AF_UNIX:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for word in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
                    opened.setsockopt(socket.IPPROTO_TCP, word, _ASKED_S)
        finally:
            opened.detach()


def _response(stream: Any) -> Any:
    """What the SDK hangs an attached stream on, so that it lives as long: closed after the stream, it would complain."""
    return getattr(stream, "_response", stream)


def _reason(error: BaseException) -> str:
    """The operating system's words, which lie beneath those of the SDK, requests and urllib3."""
    said = str(error)[:200]
    beneath: BaseException | None = error
    while beneath is not None:
        if isinstance(beneath, OSError) and beneath.errno and beneath.strerror:
            said = beneath.strerror
        beneath = beneath.__cause__ or beneath.__context__
    return said


def _skew_s(said: str, asked: float, answered: float) -> float | None:
    """How far `said`, an RFC 3339 time told between two moments of this clock, is outside of them."""
    try:
        time_s = datetime.fromisoformat(said).timestamp()
    except ValueError:
        return None
    return time_s - min(max(time_s, asked), answered)


def _unreachable(error: Exception) -> EngineError:
    where = os.environ.get("DOCKER_HOST") or "the default socket"
    if "Permission" in str(error):
        return EngineError(
            f"this user may not use the Docker engine at {where}.",
            remedy=f"Add the user to the engine's group (usually: usermod -aG docker USER, then log in again), {_INSTEAD}.",
        )
    return EngineError(
        f"no Docker engine answers at {where} ({_reason(error)}).",
        remedy=f"Start it (usually: systemctl start docker), point DOCKER_HOST at one, {_INSTEAD}.",
    )
