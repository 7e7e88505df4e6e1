"""Who a process is: what tells it from any other, on this machine and elsewhere, and whether it is still there."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


def me() -> dict[str, Any]:
    """What tells this process from any other, on this machine and elsewhere."""
    pid = os.getpid()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        user = str(os.getuid())
    return {**_machine(), "pid": pid, "born": _born(pid), "host": os.uname().nodename, "user": user, "at": time.time()}


def is_alive(owner: Mapping[str, Any]) -> bool | None:
    """Whether the process that called itself so is there; None where it cannot be looked up from here."""
    here = _machine()
    if not here or any(owner.get(name) != value for name, value in here.items()):
        return None
    return _born(int(owner["pid"])) == str(owner["born"])


def words(owner: Mapping[str, Any]) -> str:
    """`PID on HOST (USER), since …`."""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(owner.get("at", 0)))
    return f"process {owner.get('pid')} on {owner.get('host')} ({owner.get('user')}), since {since}"


def _machine() -> dict[str, str]:
    """Where process ids mean the same: one boot of one machine, one namespace. Empty where the system does not tell."""
    found = {}
    with suppress(OSError):
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            found["boot"] = file.read().strip()
        found["namespace"] = os.readlink("/proc/self/ns/pid")
    return found


def _born(pid: int) -> str:
    """When a process began, in ticks since the boot: ids are used again. Empty where there is none, or no way to know."""
    with suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        state, *fields = file.read().rpartition(")")[2].split()  # proc_pid_stat(5), from field 3
        return "" if state in "ZX" else fields[18]  # one that has ended may wait long for its parent to ask how
    return ""
