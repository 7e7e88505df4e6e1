"""Where the scheduler itself is: on the engine's machine, or in a container of that engine.

Mount sources are paths of the engine's machine. A scheduler in a container finds them by looking itself up in the engine:
that is certain when the engine knows a container by the id that this process finds in its own mount table. Otherwise the
user must say; nothing is guessed.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from laminar.errors import EngineError, StoreError
from laminar.executors.docker_engine import Engine

HOST_DATASTORE = "LAMINAR_HOST_DATASTORE"
"""Names the datastore's directory, or its volume, on the engine's machine, where that cannot be found out."""

_SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True)
class Host:
    """The way from paths here to paths of the engine's machine.

    Attributes:
        inside: Whether this process is in a container.
        image: Id of this container's image; empty where it is not known.
        image_name: What that image was called.
        mounts: Mount point here -> source there, of this container; empty where it is not known.
        known: Whether the engine knows this container.
    """

    inside: bool = False
    known: bool = True
    image: str = ""
    image_name: str = ""
    mounts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, engine: Engine) -> Host:
        """Look this process up in the engine."""
        identity = _own_id()
        if not identity and (engine.machine == socket.gethostname() or not in_container()):
            return cls()
        record = engine.inspect(identity) if identity else None
        if record is None:
            return cls(inside=True, known=False)
        mounts = {mount["Destination"]: mount["Source"] for mount in record["Mounts"]}
        return cls(True, True, record["Image"], record["Config"]["Image"], mounts)

    def path(self, path: str) -> str | None:
        """The engine's path of `path`; None where it is not on a mount, or that is not known."""
        path = os.path.realpath(path)
        if not self.inside:
            return path
        for point in sorted(self.mounts, key=len, reverse=True):
            if path == point or path.startswith(point.rstrip("/") + "/"):
                return os.path.normpath(os.path.join(self.mounts[point], os.path.relpath(path, point)))
        return None

    def store(self, path: str) -> str:
        """The engine's path of the datastore at `path`.

        Raises:
            StoreError: It is inside this container only, or where it is cannot be found out.
        """
        named = os.environ.get(HOST_DATASTORE)
        source = named or self.path(path)
        if source is not None:
            return source
        if not self.known:
            raise StoreError(
                f"the scheduler runs in a container that the engine does not know, so where the datastore {path} is on "
                "the engine's machine cannot be found out.",
                remedy=f"Set {HOST_DATASTORE} to its directory or volume there.",
            )
        raise StoreError(
            f"the datastore {path} is inside this container: it would be gone with it, and no layer could see it.",
            remedy=f"Mount it:\n{command_with_mounts(path, self.image_name)}",
        )


def in_container() -> bool:
    """Whether this machine looks like a container of Docker or Podman; some virtual machines do, too."""
    return os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv")


def lacks_socket() -> bool:
    """Whether another `docker run` of this container would help, since no engine is named: with the socket, or its group."""
    if os.environ.get("DOCKER_HOST"):
        return False
    if not os.path.exists(_SOCKET):
        return in_container()
    return bool(_own_id()) and not os.access(_SOCKET, os.R_OK | os.W_OK)


def command_with_mounts(store: str, image: str = "") -> str:
    """The command that starts this very scheduler in a container with all that it needs, for a shell on the host."""
    program = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
    if not os.access(sys.argv[0], os.X_OK) or sys.argv[0].endswith(".py"):
        program = ["python", *sys.argv]
    user = f'--user {os.getuid()}:{os.getgid()} --group-add "$(stat -c %g {_SOCKET})" ' if os.getuid() else ""
    mounts = f'-v {_SOCKET}:{_SOCKET} -v "$PWD/.laminar:{store}"'
    # Made first: the engine would make it root's.
    return f"mkdir -p .laminar && docker run {user}{mounts} {image or 'IMAGE'} {shlex.join(program)}"


def no_engine(error: EngineError, store: str) -> EngineError:
    """`error`, of a scheduler in a container that reaches no engine, with the command that mends it."""
    forbidden = os.path.exists(_SOCKET) and not os.access(_SOCKET, os.R_OK | os.W_OK)
    what = (
        "Give its user the group of the engine's socket" if forbidden else "Mount the engine's socket and the datastore"
    )
    return EngineError(
        f"the scheduler runs in a container and reaches no Docker engine: {error.message}",
        remedy=f"{what}:\n{command_with_mounts(store)}\nor run the layers in this container: --executor process",
    )


def _own_id() -> str:
    """The id of this container: the engine mounts files from a directory of that name over /etc."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
            mounts = table.read()
    except FileNotFoundError:  # no Linux, so no container either
        return ""
    found = re.search(r"containers/([0-9a-f]{64})/(?:userdata/)?(?:hostname|hosts|resolv\.conf)", mounts)
    return found.group(1) if found else ""
