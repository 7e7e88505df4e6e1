"""What a report's script needs: the splits and their attempts in columns, so that ten thousand are little.

Times are whole milliseconds after `zero`, `spans` and `cpu` whole milliseconds, `memory` is whole MiB. States are one letter
each, in a text with one for each split; texts that splits share stand once in `texts`, and are named by their number there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from laminar.inspection.found import Try
from laminar.report.contents import Contents, LayerPart
from laminar.report.words import ALL_MARKS, asked

LETTERS = {
    "finished": "f",
    "failed": "x",
    "running": "r",
    "retrying": "y",
    "interrupted": "i",
    "waiting": "w",
    "lost": "l",
    "damaged": "d",
    "skipped": "s",
}


MOST_TRACES = 200
"""Tracebacks of a layer that are in the data; the first of each different failure stands in the page, too."""


class _Texts:
    """Texts, each once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers))

    def all(self) -> list[str]:
        return list(self._numbers)


def columns(contents: Contents) -> dict[str, Any]:
    """The document that the page embeds."""
    begins = [split.started for part in contents.layers for split in part.splits if split.started]
    begins += [
        each.started for part in contents.layers for all_ in part.tries.values() for each in all_ if each.started
    ]
    created = [contents.facts.created] if contents.facts.created else []
    zero = min([*begins, *created], default=contents.made)
    texts = _Texts()
    return {
        "address": contents.facts.address,
        "zero": round(zero * 1000),
        "made": _ms(contents.made, zero),
        "launches": [[_ms(each.created, zero), _ms(each.finished or each.seen, zero)] for each in contents.launches],
        "states": {letter: name for name, letter in LETTERS.items()},
        "marks": ALL_MARKS,
        "layers": [_layer(part, zero, texts) for part in contents.layers],
        "texts": texts.all(),
    }


def _layer(part: LayerPart, zero: float, texts: _Texts) -> dict[str, Any]:
    splits = part.splits
    # Splits are named by their place in these columns; their index is that place, unless some are left out.
    whole = all(split.index == number for number, split in enumerate(splits))
    return {
        "name": part.row.name,
        "state": part.row.state,
        "splits": part.row.splits,
        "indices": None if whole else [split.index for split in splits],
        "states": "".join(LETTERS.get(split.state, "w") for split in splits),
        "starts": [_ms(split.started, zero) for split in splits],
        "spans": [None if split.duration_s is None else round(split.duration_s * 1000) for split in splits],
        "memory": _column([use.memory_peak_mib if use else None for use in part.usages], 1),
        "cpu": _column([use.cpu_s if use else None for use in part.usages], 1000),
        "attempts": {n: split.attempt for n, split in enumerate(splits) if split.attempt not in (None, 1)},
        "errors": {n: texts.number(split.error.words) for n, split in enumerate(splits) if split.error},
        "tries": {n: _tries(part.tries[s.index], zero, texts) for n, s in enumerate(splits) if s.index in part.tries},
        "traces": _traces(part, texts),
        "asks": asked(part.configuration),
        "axes": part.axes,
        "artifacts": [_artifact(part, number, texts) for number in range(len(part.artifacts))],
        "note": part.row.skipped,
    }


def _traces(part: LayerPart, texts: _Texts) -> dict[int, int]:
    """The tracebacks of the first splits that have one."""
    found = [(n, split.error.traceback) for n, split in enumerate(part.splits) if split.error and split.error.traceback]
    return {n: texts.number(traceback.rstrip()) for n, traceback in found[:MOST_TRACES]}


def _artifact(part: LayerPart, number: int, texts: _Texts) -> dict[str, Any]:
    each = part.artifacts[number]
    previews = part.previews.get(each.name)
    return {
        "name": each.name,
        "type": each.type,
        "preview": each.preview if each.items is None else f"{each.items} items",
        "previews": None if previews is None else [None if text is None else texts.number(text) for text in previews],
    }


def _tries(tries: Sequence[Try], zero: float, texts: _Texts) -> list[list[Any]]:
    return [_try(each, zero, texts) for each in tries]


def _try(each: Try, zero: float, texts: _Texts) -> list[Any]:
    took = None if each.duration_s is None else round(each.duration_s * 1000)
    error = texts.number(each.error.words) if each.error else None
    use = each.usage
    cpu, memory = (_whole(use.cpu_s, 1000), _whole(use.memory_peak_mib, 1)) if use else (None, None)
    return [each.attempt, LETTERS.get(each.state, "l"), _ms(each.started, zero), took, error, cpu, memory]


def _column(values: Sequence[float | None], factor: float) -> list[int | None] | None:
    """Whole numbers; None where no value is known."""
    return None if all(value is None for value in values) else [_whole(value, factor) for value in values]


def _whole(value: float | None, factor: float) -> int | None:
    return None if value is None else round(value * factor)


def _ms(seconds: float | None, zero: float) -> int | None:
    return None if seconds is None else round((seconds - zero) * 1000)
