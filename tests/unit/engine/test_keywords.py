from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from laminar import Flow, executors, layers
from laminar.engine.keywords import taken


class Retry:
    """A user's own, of a name that laminar has, too."""

    def __init__(self, *, times: int) -> None: ...


class F(Flow): ...


def misfit(call: Callable[..., Any], *arguments: Any, **keywords: Any) -> str:
    with pytest.raises(TypeError) as raised:
        call(*arguments, **keywords)
    return taken(raised.value)


def test_what_is_taken_is_said_of_laminar_s_own() -> None:
    register = "register takes container=, foreach=, retry=, catch=, timeout=. Did you mean 'retry'?"
    assert misfit(F.register, retries=3) == register
    assert misfit(layers.Container, mem=5).endswith("options=. Did you mean 'memory'?")
    assert misfit(layers.Timeout, 5) == "Timeout takes seconds=."
    assert misfit(layers.Parameter, layers=F) == "Parameter takes layer=, attribute=, index=. Did you mean 'layer'?"
    assert misfit(executors.Docker, concurency=1).endswith("Did you mean 'concurrency'?")
    assert misfit(F, store=1) == "Flow takes datastore=, executor=, scheduler=. Did you mean 'datastore'?"


def test_of_other_errors_nothing_is_said() -> None:
    assert misfit(Retry, attempt=3) == ""
    assert misfit(int, base=3) == ""
    assert misfit(len, 3) == ""
    assert taken(ValueError("Retry.__init__() got an unexpected keyword argument 'x'")) == ""
