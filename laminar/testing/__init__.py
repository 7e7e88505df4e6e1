"""Contract suites: what a datastore, a codec and an executor of yours must do for laminar to work with it.

Subclass one in a test module, override its fixture, and run pytest:

    from laminar.testing import DatastoreContract

    class TestBucket(DatastoreContract):
        @pytest.fixture
        def store(self) -> Datastore:
            return Bucket("s3://tests")

laminar's own families pass the same suites. They need pytest, which laminar itself does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from laminar.testing.codecs import CodecContract
    from laminar.testing.datastores import DatastoreContract
    from laminar.testing.executors import ExecutorContract

__all__ = ["CodecContract", "DatastoreContract", "ExecutorContract"]


def __getattr__(name: str) -> Any:
    # Imported when they are named: executor processes load `laminar.testing.sample`, in images that have no pytest.
    if name in __all__:
        from importlib import import_module

        import pytest

        module = f"laminar.testing.{name.removesuffix('Contract').lower()}s"
        pytest.register_assert_rewrite(module, "laminar.testing.bench", "laminar.testing.races")
        return getattr(import_module(module), name)
    raise AttributeError(f"module 'laminar.testing' has no attribute {name!r}")
