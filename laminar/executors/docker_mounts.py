"""What a container sees of the machine besides the datastore: the project, volumes and secrets."""

from __future__ import annotations

import os
from dataclasses import dataclass

from laminar.engine.access import READ, allows, unreadable
from laminar.engine.targets import Target, exists
from laminar.errors import EngineError, UsageError
from laminar.executors.docker_command import check_options, mount
from laminar.executors.docker_host import Host
from laminar.model.configuration import Container

SECRETS = "/run/secrets"


@dataclass(frozen=True)
class Mounts:
    """Makes `--mount` values for one launch.

    Attributes:
        host: The way to paths of the engine's machine.
        target: The flow, which a mounted project must have.
        app_dir: Where it is here.
        hardened: Whether root in the containers has no more power than anybody.
        rootless: Whether it is this user outside, who owns the files.
    """

    host: Host
    target: str
    app_dir: str
    hardened: bool = False
    rootless: bool = False

    @property
    def powerless(self) -> bool:
        """Whether root in the containers is bound by the modes of files."""
        return self.hardened and not self.rootless

    def values(self, container: Container, project: str | None) -> tuple[str, ...]:
        """The `--mount` values of a container; `project` is the directory over its workdir, if there is one."""
        values = [self._volume(volume) for volume in container.volumes]
        if project is not None:
            values.append(mount(self._source(project, "the project"), container.workdir, read_only=True))
        for name, path in container.secrets.items():
            source = self._source(os.path.expanduser(path), f"secret {name}")
            values.append(mount(source, f"{SECRETS}/{name}", read_only=True))
        return tuple(values)

    def check(self, container: Container, project: str | None, user: str, where: str) -> None:
        """Raise where something to mount is missing, or the container's user could not read it.

        Raises:
            UsageError: A volume's or secret's source, or the project directory, is not there.
            EngineError: The user could not read the project or a secret.
        """
        check_options(container, where, hardened=self.hardened)
        uid, gid = uid_gid(user, where)
        for volume in container.volumes:
            source, path = volume_source(volume)
            if path and not self.host.inside and not os.path.exists(source):
                raise UsageError(
                    f"{where} mounts {source}, which does not exist.", remedy="Create it, or correct container.volumes."
                )
        for name, text in container.secrets.items():
            self._check_secret(name, os.path.expanduser(text), uid, gid, where)
        if project is not None:
            self._check_project(project, uid, gid)
        self.values(container, project)

    def _check_project(self, project: str, uid: int, gid: int) -> None:
        if not os.path.isdir(project):
            raise UsageError(
                f"there is no directory {project} to mount.", remedy="Name one: --mount DIR (after the target)."
            )
        target = Target.parse(self.target)
        if exists(target, self.app_dir) and not exists(target, project):
            raise UsageError(
                f"{os.path.abspath(project)} is to be mounted and does not have {target}.",
                remedy="Mount the directory that has the flow's module: --mount DIR.",
            )
        bad = unreadable(project, uid, (gid,), root_may=not self.powerless)
        if bad:
            raise EngineError(
                f"user {uid}:{gid} of the containers cannot read {', '.join(bad)} in {os.path.abspath(project)}.",
                remedy="Make them readable (chmod -R a+rX), or set user= in the layer's Container to who can read them.",
            )

    def _check_secret(self, name: str, path: str, uid: int, gid: int, where: str) -> None:
        if not os.path.isfile(path):
            raise UsageError(
                f"secret {name} of {where} is not there: {os.path.abspath(path)} is not a file.",
                remedy="Write the secret to that file, or correct container.secrets.",
            )
        if not allows(os.stat(path), uid, (gid,), READ, root_may=not self.powerless):
            raise EngineError(
                f"user {uid}:{gid} of the containers cannot read secret {name} of {where}.",
                remedy=f"Give that user the file: chown {uid}:{gid} {path}",
            )

    def _volume(self, text: str) -> str:
        source, path = volume_source(text)
        _, target, *mode = text.split(":")
        if path:
            source = self.host.path(source) or source  # in a container: a path that only the engine's machine has
        return mount(source, target, read_only=mode == ["ro"], kind="bind" if path else "volume")

    def _source(self, path: str, what: str) -> str:
        source = self.host.path(path)
        if source is None:
            raise UsageError(
                f"{what}, {os.path.abspath(path)}, is inside the scheduler's container, where no other container sees it.",
                remedy="Mount its directory into the scheduler's container with docker run -v.",
            )
        return source


def volume_source(text: str) -> tuple[str, bool]:
    """The source of a volume, and whether it is a path (else it is a volume's name)."""
    source = text.split(":")[0]
    if source.startswith(("/", ".", "~")):
        return os.path.abspath(os.path.expanduser(source)), True
    return source, False


def uid_gid(user: str, where: str) -> tuple[int, int]:
    """The numbers of a container's user; `where` names its layer.

    Raises:
        UsageError: They are no numbers.
    """
    uid, _, gid = user.partition(":")
    if not uid.isdigit() or not (gid or "0").isdigit():
        raise UsageError(
            f"{where} has container.user = {user!r}.", remedy="Give numbers, UID or UID:GID, such as '1000:1000'."
        )
    return int(uid), int(gid or 0)  # without a group, the engine takes root's
