"""Tests of flows, and of what plugs into laminar.

`run_layer` runs one layer and its hooks without the rest of its flow (docs/testing.md).

The contract suites say what a datastore, a codec and an executor of yours must do for laminar to work with it. Subclass one
in a test module, override its fixture, and run pytest:

    from laminar.testing import DatastoreContract

    class TestBucket(DatastoreContract):
        @pytest.fixture
        def store(self) -> Datastore:
            return Bucket("s3://tests")

laminar's own families pass the same suites. The suites need pytest, which laminar itself does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from laminar.testing.alone import run_layer
    from laminar.testing.codecs import CodecContract
    from laminar.testing.datastores import DatastoreContract
    from laminar.testing.executors import ExecutorContract

__all__ = ["CodecContract", "DatastoreContract", "ExecutorContract", "run_layer"]


def __getattr__(name: str) -> Any:
    # Imported when they are named: executor processes load `laminar.testing.sample`, in images that have no pytest.
    from importlib import import_module

    if name == "run_layer":
        return import_module("laminar.testing.alone").run_layer
    if name in __all__:
        import pytest

        module = f"laminar.testing.{name.removesuffix('Contract').lower()}s"
        pytest.register_assert_rewrite(module, "laminar.testing.bench", "laminar.testing.races")
        return getattr(import_module(module), name)
    raise AttributeError(f"module 'laminar.testing' has no attribute {name!r}")
