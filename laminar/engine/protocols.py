"""Protocols: how values of a user's own choice of types are written, registered to a datastore."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, TypeVar

from laminar.engine import program
from laminar.engine.ports import Buffer, Codec, Datastore
from laminar.errors import LayerError, UsageError

_PAIRS = (("write", "read"), ("dump", "load"), ("dumps", "loads"))
"""What a protocol may implement; the first pair that is there is used."""


class Protocol:
    """How values of some types are written and read back. Register a subclass with `@datastore.protocol(T, ...)`.

    It is constructed once, without arguments, and implements one pair of methods. Where it has several, the first of
    these is used:

    - `write` and `read` take storage over: they get a URI under which nothing is yet, a path in a store that is a
      directory. laminar records such an artifact as external, and does not verify it.
    - `dump` and `load` write and read a binary file.
    - `dumps` and `loads` make bytes and read them.

    Attributes:
        name: What records call the protocol, by which values are read later; `module:qualname` of the class where empty.
    """

    name: str = ""

    def dumps(self, value: Any) -> bytes:
        """`value` as bytes."""
        raise NotImplementedError("it has no dumps")

    def loads(self, data: bytes) -> Any:
        """The value that `dumps` made `data` of."""
        raise NotImplementedError("it has no loads")

    def dump(self, value: Any, file: BinaryIO) -> None:
        """Write `value` to `file`."""
        raise NotImplementedError("it has no dump")

    def load(self, file: BinaryIO) -> Any:
        """The value that `dump` wrote to `file`."""
        raise NotImplementedError("it has no load")

    def write(self, value: Any, uri: str) -> None:
        """Write `value` to `uri`, as one file or a directory of them; all of it is there when this returns."""
        raise NotImplementedError("it has no write")

    def read(self, uri: str) -> Any:
        """The value that `write` wrote to `uri`."""
        raise NotImplementedError("it has no read")


ProtocolT = TypeVar("ProtocolT", bound=type[Protocol])


class Registered(Codec):
    """A protocol as the codec for exactly the types that it was registered for.

    Attributes:
        protocol: The protocol.
        types: The types.
        writes: Which of its methods writes: `write`, `dump` or `dumps`.
    """

    kind = "protocol"

    def __init__(self, protocol: Protocol, types: Sequence[type[Any]], writes: str) -> None:
        self.protocol = protocol
        self.types = types
        self.writes = writes

    @property
    def name(self) -> str:  # type: ignore[override]
        """The protocol's name. Asked for late: `main.py` learns that it is `main`, not `__main__`, after its import."""
        made = type(self.protocol)
        module = program.real_name() if made.__module__ == "__main__" else made.__module__
        return self.protocol.name or f"{module}:{made.__qualname__}"

    @property
    def external(self) -> bool:
        """Whether it takes storage over."""
        return self.writes == "write"

    def accepts(self, value: Any) -> bool:
        """Whether `value` is of one of the types, and not of a subclass."""
        return type(value) in self.types

    def dump(self, value: Any) -> tuple[Sequence[Buffer], dict[str, str]]:
        """What the protocol writes, as one part.

        Raises:
            LayerError: `dumps` returns something else than bytes. What the protocol itself raises is left as it is.
        """
        if self.writes == "dump":
            file = _Kept()
            self.protocol.dump(value, file)
            return [file.getbuffer()], {}
        data = self.protocol.dumps(value)
        if not isinstance(data, Buffer):
            raise LayerError(
                f"dumps of protocol {self.name!r} returned a {type(data).__name__}.", remedy="Return bytes from it."
            )
        return [data], {}

    def load(self, parts: Sequence[Buffer], notes: dict[str, str]) -> Any:
        """The value of that part."""
        if self.writes == "dump":
            return self.protocol.load(io.BytesIO(parts[0]))
        return self.protocol.loads(bytes(parts[0]))


class _Kept(io.BytesIO):
    """A file whose content stays when it is closed, as wrappers around it (for text, or zip) do when they are done."""

    def close(self) -> None:
        """Nothing: the content is still to be read."""


def register(store: Datastore, types: Sequence[type[Any]]) -> Callable[[ProtocolT], ProtocolT]:
    """What `Datastore.protocol` does."""
    # A bare `@store.protocol` has the protocol where its types belong, and would register nothing.
    if not types or not all(isinstance(kind, type) and not issubclass(kind, Protocol) for kind in types):
        raise UsageError(
            "a protocol is registered without the types that it is for.",
            remedy="Name them: @datastore.protocol(MyType).",
        )

    def add(protocol: ProtocolT) -> ProtocolT:
        if not isinstance(protocol, type) or not issubclass(protocol, Protocol):
            raise UsageError(
                f"{protocol!r} cannot be registered: it is no protocol.",
                remedy="Decorate a subclass of serde.Protocol.",
            )
        codecs = registered(store)
        writes = _implemented(protocol)
        if writes == "write" and not store.url:
            raise UsageError(
                f"protocol {protocol.__name__} takes storage over, and the {store!r} datastore has no place for it.",
                remedy="Implement dump and load, or use a datastore in a directory.",
            )
        made = Registered(protocol(), types, writes)
        for other in codecs:
            twice = [kind.__qualname__ for kind in types if kind in other.types]
            if twice:
                raise UsageError(
                    f"{', '.join(twice)} has a protocol in this datastore already: {other.name!r}.",
                    remedy="Register one protocol for each type.",
                )
            if other.name == made.name and type(other.protocol) is not protocol:
                raise UsageError(
                    f"two protocols of this datastore are named {made.name!r}.", remedy="Give one another `name`."
                )
        codecs.append(made)
        return protocol

    return add


def registered(store: Datastore) -> list[Registered]:
    """The protocols of a datastore, as codecs."""
    codecs: list[Registered] = vars(store).setdefault("_protocols", [])
    return codecs


def _implemented(protocol: type[Protocol]) -> str:
    """Which method of the protocol writes."""

    def has(name: str) -> bool:
        return getattr(protocol, name) is not getattr(Protocol, name)

    for pair in _PAIRS:
        there = [name for name in pair if has(name)]
        if len(there) == 1:
            (missing,) = set(pair) - set(there)
            raise UsageError(
                f"protocol {protocol.__name__} has {there[0]}, but no {missing}.", remedy=f"Implement {missing}, too."
            )
    for writes, _ in _PAIRS:
        if has(writes):
            return writes
    raise UsageError(
        f"protocol {protocol.__name__} cannot write anything.",
        remedy="Implement dumps and loads, dump and load, or write and read.",
    )
