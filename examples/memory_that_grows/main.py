"""Memory that grows: a split asks for what its input seems to need, and for twice as much after each failure."""

import random
import zlib

from laminar import Flow, Layer, hooks, layers

MIB = 1024 * 1024


class UnpackFlow(Flow): ...


@UnpackFlow.register
class Archives(Layer):
    """Packed data: a little, a lot, and a little of which a lot comes out."""

    def __call__(self) -> None:
        noise = random.Random(0)
        contents = [noise.randbytes(MIB), noise.randbytes(20 * MIB), bytes(100 * MIB)]
        packed = [zlib.compress(content, level=1) for content in contents]
        self.shard(packed=packed)
        self.sizes = [len(data) // MIB for data in packed]


@UnpackFlow.register(
    foreach=layers.ForEach(parameters=[layers.Parameter(layer=Archives, attribute="packed")]),
    retry=layers.Retry(attempts=4),
)
class Unpack(Layer):
    @hooks.submission
    def ask(self, archives: Archives) -> None:
        self.configuration.container.memory = 128 + 4 * archives.sizes[self.index]

    @hooks.retry
    def ask_for_more(self) -> None:
        self.configuration.container.memory *= 2

    def __call__(self, archives: Archives) -> None:
        limit = self.configuration.container.memory // 4  # the rest is for Python, and for zlib's own copy
        unpacking = zlib.decompressobj()
        content = unpacking.decompress(archives.packed, limit * MIB)
        if not unpacking.eof:
            raise MemoryError(f"more than {limit} MiB come out of {len(archives.packed)} bytes")
        self.unpacked = len(content) // MIB
        self.memory = self.configuration.container.memory


if flow := UnpackFlow():
    flow()
