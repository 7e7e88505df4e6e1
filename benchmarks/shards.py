"""A layer shards a generator of a million items, and another reads them all: neither needs memory for more than a few."""

from __future__ import annotations

import resource
import time
from tempfile import TemporaryDirectory

from laminar import Flow, Layer, datastores, executors

ITEMS = 1_000_000

took_s: dict[str, float] = {}
peak_mib: dict[str, float] = {}


class Shards(Flow):
    """Two layers."""


@Shards.register
class Write(Layer):
    """Saves the items."""

    def __call__(self) -> None:
        """One by one."""
        began = time.perf_counter()
        self.shard(items=(number for number in range(ITEMS)))
        note("write", began)


@Shards.register
class Read(Layer):
    """Reads them."""

    def __call__(self, write: Write) -> None:
        """One by one."""
        began = time.perf_counter()
        assert sum(write.items) == ITEMS * (ITEMS - 1) // 2
        note("read", began)


def note(what: str, began: float) -> None:
    """Keep how long it took, and the most memory that this process has had."""
    took_s[what] = time.perf_counter() - began
    peak_mib[what] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Once, in this process: layers are threads of it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with TemporaryDirectory() as directory:
        Shards(datastore=datastores.Local(directory), executor=executors.Thread())()
    print(f"shards: {ITEMS:,} items from a generator, local store")
    for what, seconds in took_s.items():
        grown = peak_mib[what] - before
        print(f"  {what:<36} {ITEMS / seconds:9.0f} items/s   {seconds:.1f} s   {grown:.1f} MiB of memory more at most")


if __name__ == "__main__":
    main()
