"""Progress for programs: one JSON object for each event, on a line of its own. docs/json.md describes them."""

from __future__ import annotations

import json
import re
from typing import IO

from laminar.engine.events import Event

VERSION = 1
"""Grows when a reader of the older objects could misread the newer ones."""


class Objects:
    """Writes lines to a stream."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write what happened."""
        members = event._asdict()
        if usage := members.get("usage"):
            members["usage"] = usage._asdict()
        self._stream.write(json.dumps({"version": VERSION, "event": name_of(type(event)), **members}) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """The stream is not ours to close."""


def name_of(kind: type[Event]) -> str:
    """What the objects call an event: `AttemptFailed` is `attempt_failed`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
