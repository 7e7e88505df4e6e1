"""What users import, and that nothing else stands in their way."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import laminar
from laminar import configurations
from laminar.errors import LaminarError, report

PUBLIC = [
    "laminar",
    "laminar.datastores",
    "laminar.executors",
    "laminar.report",
    "laminar.serde",
    "laminar.testing",
    *(f"laminar.configurations.{module.name}" for module in pkgutil.iter_modules(configurations.__path__)),
]


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_importable_sorted_and_complete(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name.islower(), name))
    for public in module.__all__:
        assert getattr(module, public) is not None
    here = {
        public
        for public, value in vars(module).items()
        if isinstance(value, type) and not public.startswith("_") and value.__module__.startswith("laminar")
    }
    assert here <= set(module.__all__)


def test_the_two_public_paths_lead_to_the_same_objects() -> None:
    for name in ("datastores", "executors"):
        one = importlib.import_module(f"laminar.{name}")
        two = importlib.import_module(f"laminar.configurations.{name}")
        assert one.__all__ == two.__all__
        assert all(getattr(one, public) is getattr(two, public) for public in one.__all__)
    from laminar import datastores, executors, layers

    assert [module.__name__ for module in (datastores, executors, layers)] == [
        "laminar.datastores",
        "laminar.executors",
        "laminar.configurations.layers",
    ]


@pytest.mark.parametrize("name", ["laminar", "laminar.executors", "laminar.testing"])
def test_what_is_not_there_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'nothing'"):
        _ = importlib.import_module(name).nothing


def modules(package: ModuleType = laminar) -> list[str]:
    found = pkgutil.walk_packages(package.__path__, "laminar.")
    return [module.name for module in found if module.name != "laminar.__main__"]


@pytest.mark.parametrize("name", modules())
def test_every_module_is_imported_and_says_what_it_is_for(name: str) -> None:
    assert importlib.import_module(name).__doc__


def errors(kind: type[LaminarError] = LaminarError) -> list[type[LaminarError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in errors(child))]


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawing = importlib.import_module("laminar.errors").__doc__ or ""
    for kind in errors():
        if kind.__module__ == "laminar.errors":
            assert kind.__name__ in drawing
    codes = {kind.__name__: kind.exit_code for kind in errors()}
    assert (codes["UsageError"], codes["FlowError"], codes["LayerError"]) == (2, 2, 1)
    assert {codes[name] for name in ("EngineError", "SkewError", "StoreError", "NotFoundError", "CorruptError")} == {3}


def test_an_error_reads_traceback_first_then_what_is_wrong_then_what_to_do() -> None:
    error = LaminarError("it is wrong.", remedy="Do this.\nOr that.", details="Traceback of the user")
    assert report(error) == "Traceback of the user\n\nerror: it is wrong.\n       Do this.\n       Or that."
    assert report(LaminarError("it is wrong.")) == "error: it is wrong."
    assert str(error) == "it is wrong.\nDo this.\nOr that."
