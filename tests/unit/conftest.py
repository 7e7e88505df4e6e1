"""What the unit tests share: no setting of this machine, the same examples each time, and ways to make a flow."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from laminar import Flow, Layer
from laminar.datastores import Datastore, Memory
from laminar.engine.ledger import Ledger
from laminar.executors import Thread
from tests.conftest import TIMEOUT_S

# The same examples in each run: a test that fails for one developer fails for all. HYPOTHESIS_PROFILE=explore looks for
# new ones.
hypothesis.settings.register_profile(
    "repeat",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # the machine may be
)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2000, database=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


@pytest.fixture(autouse=True)
def no_settings() -> Iterator[None]:
    """No variable of this machine steers a test, and flows are quiet."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LAMINAR_")]:
            patch.delenv(name)
        patch.setenv("LAMINAR_PROGRESS", "quiet")
        yield


@pytest.fixture
def store() -> Datastore:
    return Memory()


def begun(store: Datastore, execution: str) -> Ledger:
    """The records of an execution of flow `F` that has begun, and of which nothing has run."""
    ledger = Ledger(store, "F", execution)
    ledger.create("", {})
    return ledger


MakeFlow = Callable[..., Flow]


@pytest.fixture
def make_flow(store: Datastore) -> MakeFlow:
    """Makes a flow `F` of layers, in memory and in threads; configuration by the name of its layer."""

    def make(*layers: type[Layer], configuration: dict[str, dict[str, Any]] | None = None, **options: Any) -> Flow:
        flow = type("F", (Flow,), {"__module__": __name__})
        for layer in layers:
            flow.register(**(configuration or {}).get(layer.__name__, {}))(layer)
        return flow(**{"datastore": store, "executor": Thread(), **options})

    return make


@dataclass
class Program:
    """A directory of Python files, and what happens when one is run."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        return path

    def python(self, *arguments: str, cwd: str = ".", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder / cwd,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )

    def prints(self, *arguments: str, cwd: str = ".", **environ: str) -> str:
        """What a program that ends well has printed."""
        done = self.python(*arguments, cwd=cwd, **environ)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    folder = tmp_path / "project"
    folder.mkdir()
    return Program(folder)
