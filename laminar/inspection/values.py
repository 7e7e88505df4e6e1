"""The values of artifacts that are plain data: JSON, text and bytes. No other is loaded here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, Any

from laminar.engine.addresses import Place, layers_of
from laminar.engine.artifacts import Archive, Entry
from laminar.engine.states import layer_state
from laminar.errors import UsageError
from laminar.inspection.artifacts import artifact, artifacts_in, artifacts_of
from laminar.inspection.found import Artifact
from laminar.inspection.splits import split_facts
from laminar.model.names import nearest
from laminar.model.words import plural

_STATES = {
    "waiting": "has not been started",
    "running": "is running",
    "retrying": "failed, and is tried again",
    "interrupted": "was interrupted",
    "failed": "failed",
    "finished": "has only just finished",
    "skipped": "was skipped",
}
"""State of a split without a result -> what there is to say of it."""

_SOME = 10
"""Splits that are named where an artifact was not set in many."""

PLAIN = ("json", "bytes")
"""Codecs whose content is the value itself."""


def listed(place: Place) -> list[Artifact]:
    """What there is at a place, each with its layer."""
    if place.index is not None:
        commit = place.ledger.commit(place.layer, place.index)
        return [replace(each, layer=place.layer) for each in artifacts_of(commit.artifacts if commit else {})]
    layers = [place.layer] if place.layer else list(layers_of(place.ledger))
    return [
        replace(each, layer=layer)
        for layer in layers
        for each in artifacts_in(place.ledger, layer, place.ledger.committed(layer))
    ]


class Values:
    """The value, or the values, that an artifact has at a place.

    Args:
        archive: Loads them.
        place: A layer or a split.
        name: Of the artifact.

    Raises:
        UsageError: There is none of that name, or it is not plain data; how to read it in Python is said then.
    """

    def __init__(self, archive: Archive, place: Place, name: str) -> None:
        if not place.layer:
            raise UsageError(
                f"{place} is an execution; artifacts belong to layers.",
                remedy=f"Name the layer, too: {place.ledger.store.options.command('artifact', f'{place}/LAYER', name)}",
            )
        self._archive = archive
        self._place = place
        self._name = name
        plan = place.ledger.plan(place.layer)
        self._splits = [place.index] if place.index is not None else list(range(plan.splits if plan else 0))
        whole = place.index is None and plan is not None and plan.grid is not None
        self._check_done()
        if len(self._splits) > 1:
            self._check_set()
        first = self._entry(self._splits[0]) if self._splits else None
        self.many = whole or (first is not None and "pages" in first)
        self.found = artifact(name, first) if first else Artifact(name, "shard", None, "0 items", "shard", 0)
        if first is not None and "pages" not in first:
            self._check_plain(first)

    def one(self) -> Any:
        """The value, where it is one: `bytes`, `str`, or what JSON has."""
        assert not self.many
        return self._load(self._entry(self._splits[0]))

    def each(self) -> Iterator[Any]:
        """The items, one at a time: those of a shard, of every split in turn."""
        for split in self._splits:
            entry = self._entry(split)
            if "pages" not in entry:
                yield self._load(entry)
                continue
            for page in range(len(entry["pages"])):
                for item in self._archive.load_page(entry, page, self._name, self._place.layer):
                    yield self._load(item)

    def plain(self) -> Any:
        """What JSON has of it: the value, or a list of the items.

        Raises:
            UsageError: It is bytes, or holds some.
        """
        return [self._json(item) for item in self.each()] if self.many else self._json(self.one())

    def write(self, file: IO[bytes]) -> None:
        """Write text and bytes as they are, other values as JSON, items as one line of JSON each."""
        if self.many:
            for item in self.each():
                file.write(json.dumps(self._json(item)).encode() + b"\n")
        else:
            value = self.one()
            if isinstance(value, str):
                value = value.encode("utf-8", "surrogatepass") + b"\n" * file.isatty()
            file.write(value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n")
        file.flush()

    def _json(self, value: Any) -> Any:
        if isinstance(value, bytes):
            raise UsageError(
                f"artifact {self._name!r} of {self._place} is bytes, which JSON has no form for.",
                remedy="Name one split, and no --json, to get them as they are; or read it in Python.",
            )
        return value

    def _check_done(self) -> None:
        """Raise `UsageError` where a split has no result, before any of the others is written."""
        ledger, layer = self._place.ledger, self._place.layer
        plan = ledger.plan(layer)
        if plan is None or plan.skipped:
            state = _STATES[str(layer_state(ledger, layer, read=False))]
            words = f"was skipped: {plan.skipped}" if plan else f"{state}: there is no {self._name!r} of it"
            raise UsageError(f"{layer} {words}.", remedy=_look(self._place))
        done = ledger.committed(layer)
        if missing := [split for split in self._splits if split not in done]:
            raise self._missing(missing)

    def _check_set(self) -> None:
        """Raise `UsageError` where some of the splits did not set it, before any of the others is written."""
        ledger, layer = self._place.ledger, self._place.layer
        unset: dict[int, str] = {}
        for split in self._splits:
            commit = ledger.commit(layer, split)
            if commit is not None and self._name not in commit.artifacts:
                unset[split] = f"{split} (caught {commit.caught['error']})" if commit.caught else f"{split}"
        if not unset or len(unset) == len(self._splits):  # in none at all is a name that does not exist
            return
        some = ", ".join(list(unset.values())[:_SOME]) + ", …" * (len(unset) > _SOME)
        one = replace(self._place, index=next(split for split in self._splits if split not in unset))
        raise UsageError(
            f"{layer} did not set {self._name!r} in {len(unset)} of its {len(self._splits)} splits: {some}.",
            remedy=f"Name one split: {ledger.store.options.command('artifact', str(one), self._name)}",
        )

    def _missing(self, splits: Sequence[int]) -> UsageError:
        first = replace(self._place, index=splits[0])
        found = split_facts(first.ledger, first.layer, splits[0])
        left = len(splits) - 1
        more = f" {plural(left, 'more split')} {'has' if left == 1 else 'have'} no result." if left else ""
        return UsageError(
            f"{first.layer}/{first.index} {_STATES[found.state]}: there is no {self._name!r} of it.{more}",
            remedy=_look(first),
        )

    def _entry(self, split: int) -> Entry:
        commit = self._place.ledger.commit(self._place.layer, split)
        if commit is None:  # it was there a moment ago
            raise self._missing([split])
        if self._name not in commit.artifacts:
            raise self._absent(sorted(commit.artifacts))
        return commit.artifacts[self._name]

    def _absent(self, names: list[str]) -> UsageError:
        return UsageError(
            f"{self._place} has no artifact {self._name!r}.",
            remedy=f"It has: {', '.join(names) or 'none'}.{nearest(self._name, names)}",
        )

    def _load(self, entry: Entry) -> Any:
        self._check_plain(entry)
        return self._archive.load(entry, self._name, self._place.layer)

    def _check_plain(self, entry: Entry) -> None:
        if entry.get("codec") in PLAIN:
            return
        ledger, index = self._place.ledger, self._place.index
        where = self._place.layer if index is None else f"{self._place.layer}, index={index}"
        how = f"codec {entry['codec']}" if "codec" in entry else f"protocol {entry['protocol']}"
        raise UsageError(
            f"artifact {self._name!r} of {self._place} is no plain data: {entry['preview']} ({entry['type']}, {how}).",
            remedy=f"Read it in Python, where its type can be imported:\n"
            f"  {ledger.flow}().execution({ledger.execution!r}).layer({where}).{self._name}",
        )


def _look(place: Place) -> str:
    return f"Look at it: {place.ledger.store.options.command('show', str(place))}"
