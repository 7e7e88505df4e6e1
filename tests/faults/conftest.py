"""Flows that say when they are called, in directories of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

import pytest

CALLED = """
import os
from laminar import Flow, Layer, layers

def called(layer):
    with open("calls", "a") as file:
        file.write(f"{layer.name} {layer.index} {layer.attempt}\\n")

class F(Flow): ...
"""


@cache
def may_mount() -> bool:
    """Whether this user can have a small disk, which nobody else sees."""
    if os.geteuid() or shutil.which("unshare") is None:
        return False
    command = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def disk() -> None:
    """For tests that mount a disk of their own."""
    if not may_mount():
        pytest.skip("needs root, and unshare, to mount a disk of its own")
