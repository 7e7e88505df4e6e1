"""The Docker engine, by its SDK: what the command line is poor at. The SDK's errors are translated here and nowhere else."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from laminar.errors import EngineError

_INSTEAD = "or run the layers without containers: --executor process"
_CALL_S = 60
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
        import docker
        from docker.errors import DockerException

        self._errors: Any = docker.errors
        try:
            self._client = docker.from_env(timeout=_CALL_S)
            asked = time.time()
            info = self._client.info()
            answered = time.time()
        except (DockerException, OSError) as error:
            raise _unreachable(error) from error
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
        with self._translated():
            try:
                record: dict[str, Any] = self._client.api.inspect_image(name)  # type: ignore[no-untyped-call]
            except self._errors.NotFound:
                return None
        return record

    def inspect(self, container: str) -> dict[str, Any] | None:
        """The engine's record of a container, by name or id; None where there is none."""
        with self._translated():
            try:
                record: dict[str, Any] = self._client.api.inspect_container(container)
            except self._errors.NotFound:
                return None
        return record

    def state(self, name: str) -> State | None:
        """What the engine knows of a container; None where there is none of that name."""
        record = self.inspect(name)
        if record is None:
            return None
        state = record["State"]
        return State(state["Status"], state["ExitCode"], state["OOMKilled"], state["Error"])

    def wait(self, name: str) -> None:
        """Return when a container has stopped, however long that takes."""
        with self._translated(), suppress(self._errors.NotFound):
            self._client.api.wait(name, timeout=None)

    def stop(self, name: str, grace_s: int) -> None:
        """SIGTERM, and SIGKILL after `grace_s` seconds; nothing where it has stopped or is gone."""
        with self._translated(), suppress(self._errors.NotFound):
            self._client.api.stop(name, timeout=grace_s)

    def remove(self, name: str) -> None:
        """Remove a container, running or not; nothing where it is gone."""
        with self._translated(), suppress(self._errors.NotFound):
            try:
                self._client.api.remove_container(name, force=True)
            except self._errors.APIError as error:
                if error.status_code != 409:  # its removal is already in progress
                    raise

    def containers(self, labels: Mapping[str, str]) -> list[str]:
        """Names of all containers, running or not, that have these labels."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with self._translated():
            found = self._client.api.containers(all=True, filters={"label": wanted})
        return [container["Names"][0].removeprefix("/") for container in found]

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors.APIError as error:
            raise EngineError(
                f"the Docker engine refuses: {error.explanation or error}", remedy="Its own log may say more."
            ) from error
        except OSError as error:  # requests' errors are OSErrors
            raise _unreachable(error) from error


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
