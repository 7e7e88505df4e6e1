"""How a layer is run: what `register` takes and `self.configuration` shows."""

from __future__ import annotations

import copy
import inspect
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from laminar.errors import FlowError

WORKDIR = "/laminar"
"""Where laminar's images keep the project (the deployment page's `WORKDIR`)."""


class _Values:
    """Equal by its attributes. No dataclass: these compile source, and each container would pay 3 ms for those here."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Container(_Values):
    """The container of a layer's executor process.

    Args:
        image: Image to run; the flow's image where none is given.
        cpu: Cores the process may use; also what it takes from the machine while it waits for its turn.
        memory: Memory in MiB, without swap. More is an out-of-memory kill.
        workdir: Directory the process starts in, from which the flow's module is imported.
        command: Replaces `laminar execute`; for images whose flow is started by `python main.py`.
        env: Environment variables.
        secrets: Name -> file on the scheduler's machine, which the container reads as `/run/secrets/NAME`. Records hold the
            names only.
        volumes: Bind mounts, `SOURCE:TARGET` or `SOURCE:TARGET:ro`; a source that is not a path is a volume's name.
        network: Network to join; the engine's default where none is given.
        gpus: GPUs, as the engine's `--gpus` takes them (`"all"`, `"2"`).
        user: `UID[:GID]`; the owner of the datastore where none is given.
        platform: Platform of the image, such as `linux/arm64`.
        shm_size: Size of `/dev/shm` in MiB.
        options: Further options for the engine's command line, each an argument of its own.
    """

    def __init__(
        self,
        *,
        image: str | None = None,
        cpu: float = 1,
        memory: int = 1500,
        workdir: str = WORKDIR,
        command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        volumes: Sequence[str] = (),
        network: str | None = None,
        gpus: str | None = None,
        user: str | None = None,
        platform: str | None = None,
        shm_size: int | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.image = image
        self.cpu = cpu
        self.memory = memory
        self.workdir = workdir
        self.command = command
        self.env = {} if env is None else env
        self.secrets = {} if secrets is None else secrets
        self.volumes = volumes
        self.network = network
        self.gpus = gpus
        self.user = user
        self.platform = platform
        self.shm_size = shm_size
        self.options = options

    def check(self, where: str) -> None:
        """Raise `FlowError` where a value cannot be meant; `where` names the layer."""
        if not _number(self.cpu) or self.cpu <= 0:
            raise _bad(where, "container.cpu", self.cpu, "Give a number of cores above 0, such as 0.5 or 4.")
        if not _whole(self.memory) or self.memory < 6:
            # 6 MiB is the least that the Docker engine accepts.
            raise _bad(where, "container.memory", self.memory, "Give a whole number of MiB, 6 at least.")
        if self.shm_size is not None and (not _whole(self.shm_size) or self.shm_size < 1):
            raise _bad(where, "container.shm_size", self.shm_size, "Give a whole number of MiB, 1 at least.")
        if not isinstance(self.workdir, str) or not self.workdir.startswith("/"):
            raise _bad(where, "container.workdir", self.workdir, "Give an absolute path inside the image.")
        for name in ("image", "network", "gpus", "user", "platform"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, str) or not value):
                raise _bad(where, f"container.{name}", value, f"Give a text, such as {str(value)!r}.")
        self._check_lists(where)
        self._check_mappings(where)

    def _check_lists(self, where: str) -> None:
        for name in ("command", "volumes", "options"):
            value = getattr(self, name)
            if value is None and name == "command":
                continue
            if isinstance(value, str) or not _texts(value):
                raise _bad(where, f"container.{name}", value, f"Give a list of texts, such as {str(value).split()!r}.")
        for volume in self.volumes:
            if not re.fullmatch(r"[^:]+:/[^:]*(:ro)?", volume):
                raise _bad(
                    where, "container.volumes", volume, "Give SOURCE:TARGET or SOURCE:TARGET:ro, TARGET absolute."
                )

    def _check_mappings(self, where: str) -> None:
        for name, pattern in (("env", r"[^=\0]+"), ("secrets", r"[A-Za-z0-9][A-Za-z0-9._-]*")):
            mapping = getattr(self, name)
            if not isinstance(mapping, Mapping) or not _texts([*mapping, *mapping.values()]):
                raise _bad(where, f"container.{name}", mapping, "Give a mapping of texts to texts.")
            for key in mapping:
                if not re.fullmatch(pattern, key):
                    raise _bad(where, f"container.{name}", key, "Name it with letters, digits, '.', '_' and '-'.")


class Retry(_Values):
    """How often a split is tried.

    Args:
        attempts: Tries of one split that may fail in user code (out of memory and timeout included).
        delay: Seconds before the second try.
        backoff: Factor between one wait and the next: `delay * backoff ** (attempt - 1)`.
        jitter: Share of the wait that is added at random, so that many splits do not return at once.
        infrastructure: Further tries for those that were lost to the infrastructure.
    """

    def __init__(
        self,
        *,
        attempts: int = 1,
        delay: float = 0.1,
        backoff: float = 2.0,
        jitter: float = 0.1,
        infrastructure: int = 3,
    ) -> None:
        self.attempts = attempts
        self.delay = delay
        self.backoff = backoff
        self.jitter = jitter
        self.infrastructure = infrastructure

    def check(self, where: str) -> None:
        """Raise `FlowError` where a value cannot be meant; `where` names the layer."""
        if not _whole(self.attempts) or self.attempts < 1:
            raise _bad(where, "retry.attempts", self.attempts, "Give a whole number, 1 at least.")
        for name in ("delay", "backoff", "jitter", "infrastructure"):
            value = getattr(self, name)
            if not _number(value) or value < 0:
                raise _bad(where, f"retry.{name}", value, "Give a number that is not negative.")

    def wait_s(self, attempt: int, chance: float) -> float:
        """Seconds to wait after `attempt` has failed; `chance` is a random number from 0 to 1."""
        wait = self.delay * self.backoff ** (attempt - 1)
        return wait * (1 + self.jitter * chance)


class Timeout(_Values):
    """The longest that one attempt may take.

    Args:
        seconds: From the start of the executor process to its commit.
    """

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds

    def check(self, where: str) -> None:
        """Raise `FlowError` where a value cannot be meant; `where` names the layer."""
        if not _number(self.seconds) or self.seconds <= 0:
            raise _bad(where, "timeout.seconds", self.seconds, "Give a number of seconds above 0.")


class Parameter(_Values):
    """What a ForEach iterates over.

    Args:
        layer: A layer that the ForEach layer takes as input.
        attribute: The attribute whose items are the elements; a value saved whole is one element.
        index: Only what this split of `layer` saved; None for all items of all its splits, split by split.
    """

    def __init__(self, *, layer: type[Any], attribute: str, index: int | None = None) -> None:
        self.layer = layer
        self.attribute = attribute
        self.index = index


class ForEach(_Values):
    """One split per element of the product of the parameters, in the order of `itertools.product`.

    In the call, the attribute of each parameter is the split's own element.
    """

    def __init__(self, *, parameters: Sequence[Parameter]) -> None:
        self.parameters = parameters

    def check(self, where: str) -> None:
        """Raise `FlowError` where a value cannot be meant; `where` names the layer."""
        if not self.parameters:
            raise _bad(where, "foreach.parameters", [], "Give at least one layers.Parameter(layer=, attribute=).")
        seen = set()
        for parameter in self.parameters:
            if not isinstance(parameter, Parameter) or not isinstance(parameter.layer, type):
                raise _bad(where, "foreach.parameters", parameter, "Give layers.Parameter(layer=, attribute=).")
            name = f"{parameter.layer.__name__}.{parameter.attribute}"
            if name in seen:
                raise FlowError(f"{where} iterates over {name} twice.", remedy="Take one of the two parameters out.")
            seen.add(name)
            index = parameter.index
            if index is not None and (not isinstance(index, int) or isinstance(index, bool) or index < 0):
                raise _bad(where, f"index for {name}", index, "Give a split's index, from 0, or None for all.")


class Catch(_Values):
    """Errors that do not fail the layer: on its last attempt it finishes with what it had assigned.

    Args:
        *exceptions: Classes of exceptions. The error is kept: `layer.state.error`.
    """

    def __init__(self, *exceptions: type[BaseException]) -> None:
        self.exceptions = exceptions

    def check(self, where: str) -> None:
        """Raise `FlowError` where a value cannot be meant; `where` names the layer."""
        for kind in self.exceptions:
            if not isinstance(kind, type) or not issubclass(kind, BaseException):
                raise _bad(where, "catch", kind, "Give classes of exceptions: layers.Catch(ValueError).")


_Part = TypeVar("_Part", Container, Retry, Timeout)


class Configuration(_Values):
    """All that `register` was given for one layer; hooks change a copy of it."""

    def __init__(
        self,
        *,
        container: Container | None = None,
        retry: Retry | None = None,
        timeout: Timeout | None = None,
        foreach: ForEach | None = None,
        catch: Catch | None = None,
    ) -> None:
        self.container = container or Container()
        self.retry = retry or Retry()
        self.timeout = timeout
        self.foreach = foreach
        self.catch = catch

    def check(self, where: str) -> None:
        """Raise `FlowError` where a value cannot be meant; `where` names the layer."""
        for name, kind in _PARTS.items():
            value = getattr(self, name)
            if isinstance(value, kind):
                value.check(where)
            elif value is not None or name in ("container", "retry"):
                raise _bad(where, name, value, f"Give a layers.{kind.__name__}(...).")

    def copy(self) -> Configuration:
        """A copy that shares nothing with this one."""
        return copy.deepcopy(self)

    def to_json(self) -> dict[str, Any]:
        """What hooks may change, as plain data, for the records of an attempt: of secrets, the names only."""
        parts = (("container", self.container), ("retry", self.retry), ("timeout", self.timeout))
        data = {name: None if part is None else dict(vars(part)) for name, part in parts}
        assert data["container"] is not None
        data["container"]["secrets"] = dict.fromkeys(self.container.secrets, "")
        return data

    def with_json(self, data: Mapping[str, Any]) -> Configuration:
        """This configuration with what `to_json` gave in place of its own; what a newer laminar added is left out."""
        timeout = data.get("timeout")
        return Configuration(
            container=_known(Container, data["container"]),
            retry=_known(Retry, data["retry"]),
            timeout=_known(Timeout, timeout) if timeout else None,
            foreach=self.foreach,
            catch=self.catch,
        )


_PARTS: Mapping[str, type[Any]] = {
    "container": Container,
    "retry": Retry,
    "timeout": Timeout,
    "foreach": ForEach,
    "catch": Catch,
}


def _known(kind: type[_Part], data: Mapping[str, Any]) -> _Part:
    return kind(**{name: data[name] for name in inspect.signature(kind).parameters if name in data})


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _texts(values: object) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, str) and "\0" not in value for value in values)


def _bad(where: str, name: str, value: object, remedy: str) -> FlowError:
    return FlowError(f"{where} has {name} = {value!r}.", remedy=remedy)
