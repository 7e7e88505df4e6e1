"""Every key in the datastore is made here.

    cas/sha256/ab/<digest>                                        blobs, immutable
    external/<random>                                             what a protocol wrote that takes storage over, never reused
    images/<digest>.json                                          what images said of themselves, asked once each
    tmp/<random>                                                  bytes on their way to a key, in a store of files
    trash/<random>                                                what `laminar gc` removes; nothing comes back from there
    quarantine/<digest>                                           damaged blobs, as `laminar gc --verify` found them
    runs/<flow>/<execution>/execution.json                        target and parameters, put if absent
    runs/<flow>/<execution>/launches/<n>.json                     each schedule or resume: graph, code, image, versions
    runs/<flow>/<execution>/generations/<n>.json                  layers that are computed again, from n = 2
    runs/<flow>/<execution>/lease/<epoch>/…                       who schedules it: owner.json, beats, stop.json, ended.json
    runs/<flow>/<execution>/layers/<layer>/plan.json              how many splits, put if absent; plan.<generation>.json
    runs/<flow>/<execution>/layers/<layer>/<index>/COMMIT         the result: first one wins for ever; COMMIT.<generation>
    runs/<flow>/<execution>/layers/<layer>/<index>/<attempt>/…    started.json, failure.json,
                                                                  final.json, log

Flow, execution and layer names have passed `laminar.model.names`; artifact names are data inside a COMMIT, never a key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

RUNS = "runs/"
IMAGES = "images/"
BLOBS = "cas/sha256/"
EXTERNAL = "external/"
STAGED = "tmp/"
TRASH = "trash/"
QUARANTINE = "quarantine/"

TOP = frozenset({"runs", "images", "cas", "external"})
"""What a datastore holds at its top; where there is none of these, it is not laminar's."""

KINDS = (
    "blob",
    "image",
    "execution",
    "launch",
    "generation",
    "lease",
    "beats",
    "stop",
    "ended",
    "plan",
    "commit",
    "started",
    "failure",
    "final",
    "log",
)
"""What laminar writes; `kind` says which of these a key is."""

_KINDS_BY_NAME = {"owner": "lease", "COMMIT": "commit"}
_KINDS_BY_FOLDER = {"images": "image", "launches": "launch", "generations": "generation"}


def kind(key: str) -> str:
    """Which of `KINDS` is under `key`; the same for all layers, attempts and generations."""
    if key.startswith(BLOBS):
        return "blob"
    folder, name = key.split("/")[-2:]
    stem = name.partition(".")[0]
    return _KINDS_BY_FOLDER.get(folder) or _KINDS_BY_NAME.get(stem, stem)


def blob(digest: str) -> str:
    """A blob, by the SHA-256 of its content in hexadecimal."""
    return f"{BLOBS}{digest[:2]}/{digest}"


def new_external() -> str:
    """A name that nothing was written to, nor will be again: no attempt meets what another wrote."""
    return os.urandom(16).hex()


def external(name: str) -> str:
    """What a protocol wrote by itself, under such a name.

    Raises:
        ValueError: It is no such name: in a path, a tampered one could lead anywhere.
    """
    if not name.isalnum():
        raise ValueError(f"{name!r} is no name of an external artifact")
    return f"{EXTERNAL}{name}"


def trash() -> str:
    """A place for what is about to be removed, under which nothing is."""
    return f"{TRASH}{os.urandom(16).hex()}"


def quarantine(digest: str) -> str:
    """What was under the blob of that name, and is not what the name says."""
    return f"{QUARANTINE}{digest}"


def image(digest: str) -> str:
    """What an image said of itself, by a digest of what it was asked."""
    return f"{IMAGES}{digest}.json"


def flow(name: str) -> str:
    """Prefix of all executions of a flow."""
    return f"{RUNS}{name}/"


def execution(flow_name: str, execution_id: str) -> str:
    """Prefix of one execution."""
    return f"{RUNS}{flow_name}/{execution_id}/"


def execution_record(flow_name: str, execution_id: str) -> str:
    """What the execution was given."""
    return f"{execution(flow_name, execution_id)}execution.json"


def numbers(names: Iterable[str]) -> list[int]:
    """The numbers by which records and directories are called, in order; what else lies there is not laminar's."""
    stems = (name.removesuffix(".json") for name in names)
    return sorted(int(stem) for stem in stems if stem.isascii() and stem.isdigit() and len(stem) < 19)


def launches(flow_name: str, execution_id: str) -> str:
    """Prefix of the launches of an execution."""
    return f"{execution(flow_name, execution_id)}launches/"


def launch(flow_name: str, execution_id: str, number: int) -> str:
    """One launch, counted from 1."""
    return f"{launches(flow_name, execution_id)}{number}.json"


def generations(flow_name: str, execution_id: str) -> str:
    """Prefix of the generations after the first."""
    return f"{execution(flow_name, execution_id)}generations/"


def generation(flow_name: str, execution_id: str, number: int) -> str:
    """Which layers are computed again from this generation on."""
    return f"{generations(flow_name, execution_id)}{number}.json"


def leases(flow_name: str, execution_id: str) -> str:
    """Prefix of the epochs of an execution's lease."""
    return f"{execution(flow_name, execution_id)}lease/"


def lease(flow_name: str, execution_id: str, epoch: int, name: str) -> str:
    """What the holder of an epoch, counted from 1, has put there."""
    return f"{leases(flow_name, execution_id)}{epoch}/{name}"


def layers(flow_name: str, execution_id: str) -> str:
    """Prefix of all layers of an execution."""
    return f"{execution(flow_name, execution_id)}layers/"


def layer(flow_name: str, execution_id: str, name: str) -> str:
    """Prefix of one layer, which has its splits by their index."""
    return f"{layers(flow_name, execution_id)}{name}/"


def plan(flow_name: str, execution_id: str, layer: str, generation: int = 1) -> str:
    """How a layer was cut into splits."""
    name = "plan.json" if generation == 1 else f"plan.{generation}.json"
    return f"{layers(flow_name, execution_id)}{layer}/{name}"


def split(flow_name: str, execution_id: str, layer: str, index: int) -> str:
    """Prefix of one split."""
    return f"{layers(flow_name, execution_id)}{layer}/{index}/"


def commit(flow_name: str, execution_id: str, layer: str, index: int, generation: int = 1) -> str:
    """The completion marker of a split, which is its result."""
    name = "COMMIT" if generation == 1 else f"COMMIT.{generation}"
    return f"{split(flow_name, execution_id, layer, index)}{name}"


def attempt(flow_name: str, execution_id: str, layer: str, index: int, number: int) -> str:
    """Prefix of one attempt, counted from 1."""
    return f"{split(flow_name, execution_id, layer, index)}{number}/"


def started(flow_name: str, execution_id: str, layer: str, index: int, number: int) -> str:
    """With which configuration an attempt was started."""
    return f"{attempt(flow_name, execution_id, layer, index, number)}started.json"


def failure(flow_name: str, execution_id: str, layer: str, index: int, number: int) -> str:
    """Why an attempt failed."""
    return f"{attempt(flow_name, execution_id, layer, index, number)}failure.json"


def final(flow_name: str, execution_id: str, layer: str, index: int, number: int) -> str:
    """That no try follows an attempt, as the scheduler decided."""
    return f"{attempt(flow_name, execution_id, layer, index, number)}final.json"


def log(flow_name: str, execution_id: str, layer: str, index: int, number: int) -> str:
    """What an attempt printed."""
    return f"{attempt(flow_name, execution_id, layer, index, number)}log"


class Commit(NamedTuple):
    """Where a COMMIT stands."""

    layer: str
    split: int
    generation: int


_COMMIT = re.compile(r"runs/[^/]+/[^/]+/layers/([^/]+)/(\d+)/COMMIT(?:\.(\d+))?")


def read_commit(key: str) -> Commit | None:
    """The inverse of `commit`; None where a key is no COMMIT's."""
    match = _COMMIT.fullmatch(key)
    return Commit(match[1], int(match[2]), int(match[3] or 1)) if match else None


_IN_LAYER = re.compile(r"runs/[^/]+/[^/]+/layers/([^/]+)/(?:(\d+)/)?")


def read_layer(key: str) -> tuple[str, int | None]:
    """The layer and the split that a key belongs to: None of one about the whole layer, no name of one about none."""
    match = _IN_LAYER.match(key)
    return (match[1], None if match[2] is None else int(match[2])) if match else ("", None)


def read_digest(key: str) -> str:
    """The digest in the key of a blob, or of what an image said; empty where it is neither."""
    name = key.rpartition("/")[2].removesuffix(".json")
    return name if is_name("blob", name) and key in (blob(name), image(name)) else ""


def is_name(kind: str, name: str) -> bool:
    """Whether a `blob`, or an `external` value, can be called that."""
    return bool(re.fullmatch("[0-9a-f]{64}" if kind == "blob" else "[0-9A-Za-z]+", name))
