"""`laminar show`: an execution, a layer, or a split."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from laminar.cli import console
from laminar.cli.options import ADDRESS, AS_JSON, open_store, store_options
from laminar.engine.addresses import Place, resolve
from laminar.engine.commands import Options
from laminar.inspection.artifacts import FEW_READ, MOST_READ
from laminar.inspection.document import facts, iso
from laminar.inspection.found import Artifact, Error, ExecutionFacts, LayerFacts, LayerRow, SplitFacts, SplitRow, Try
from laminar.inspection.layers import execution_facts
from laminar.inspection.splits import layer_facts, split_facts
from laminar.model.words import age, clock, done, plural, size


@click.command()
@ADDRESS
@click.option(
    "--limit", type=click.IntRange(min=0), default=50, show_default=True, help="Splits of a layer at most; 0 for all."
)
@AS_JSON
@store_options
def show(address: str, limit: int, as_json: bool, datastore: str | None, config: str | None) -> None:
    """Show an execution and its layers, a layer and its splits, or a split and its attempts.

    Values are shown by the previews that were noted when they were saved: none is loaded, and no code is imported.

    \b
    Examples:
      laminar show latest
      laminar show 01jd8q/Process
      laminar show HelloFlow:01jd8q/Process/17 --json
    """
    store = open_store(datastore, config)
    options = store.options
    place = resolve(store, address)
    if as_json:
        console.put_json(facts(_found(place, limit)))
        return
    match _found(place, limit):
        case ExecutionFacts() as found:
            _put_execution(found, options)
        case LayerFacts() as found:
            _put_layer(found)
        case SplitFacts() as found:
            _put_split(found, options)


def _found(place: Place, limit: int) -> ExecutionFacts | LayerFacts | SplitFacts:
    if place.index is not None:
        return split_facts(place.ledger, place.layer, place.index)
    if place.layer:
        return layer_facts(place.ledger, place.layer, limit or None)
    return execution_facts(place.ledger)


def _put_execution(found: ExecutionFacts, options: Options) -> None:
    console.put(f"{found.flow} {found.execution}  {console.state(found.state)}")
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    console.pairs(
        [
            ("target", found.target),
            ("began", _moment(found.created)),
            ("took", _span(found.duration_s)),
            ("executor", ", ".join(filter(None, [found.executor, "hardened" if found.hardened else "", versions]))),
            ("launches", str(found.launches) if found.launches > 1 else ""),
            ("parameters", "\n".join(console.clean(f"{each.name} = {each.preview}") for each in found.parameters)),
            ("images", "\n".join(_images(found))),
        ]
    )
    console.put()
    console.rows([_layer_line(row) for row in found.layers], indent="  ", drop=[4, 5, 3, 6], cut=True)
    for row in found.layers:
        if row.error:
            console.put_words(f"\n  {row.name}: {console.clean(row.error.words)}")
            console.put(f"    {options.command('show', f'{found.address}/{row.name}')}")
    if found.state in ("failed", "interrupted") and not found.held:
        console.put(f"\ngo on    {options.command('resume', found.address)}")


def _layer_line(row: LayerRow) -> list[str]:
    note = row.skipped or (f"waits for {', '.join(row.waits_for)}" if row.waits_for else "")
    if not note:
        failed = row.failed_splits if row.splits != 1 else 0
        counts = ((failed, "failed"), (row.retrying_splits, "retrying"), (row.caught_splits, "caught"))
        note = ", ".join(f"{number} {what}" for number, what in counts if number)
    splits = done(row.finished_splits, row.splits) if row.splits else ""
    retried = row.attempts is not None and row.attempts > (row.splits or 1)
    attempts = plural(row.attempts, "attempt") if retried and row.attempts else ""
    peak = "" if row.memory_peak_mib is None else f"peak {row.memory_peak_mib:.0f} MiB"
    return [row.name, console.state(row.state), splits, _span(row.duration_s), peak, attempts, console.clean(note)]


def _put_layer(found: LayerFacts) -> None:
    row = found.layer
    console.put(f"{found.address}  {console.state(row.state)}")
    splits = "" if row.splits is None else f"{row.finished_splits} of {plural(row.splits, 'split')} finished"
    console.pairs(
        [
            ("flow", found.flow),
            ("splits", splits),
            ("attempts", str(row.attempts or "")),
            ("began", _moment(row.started)),
            ("took", _span(row.duration_s)),
            ("skipped", console.clean(row.skipped)),
            ("asks for", _configuration(found.configuration)),
            ("used", "" if row.memory_peak_mib is None else _memory(row.memory_peak_mib, row.measured)),
            ("advice", "\n".join(found.advice)),
        ]
    )
    if row.attempts is None:
        console.put(
            f"  attempts and times of more than {MOST_READ} splits are not read, artifacts of the first {FEW_READ} only"
        )
    _put_artifacts(found.artifacts)
    if found.splits:
        console.put()
        console.rows([_split_line(split) for split in found.splits], indent="  ", drop=[3, 2], right=[0], cut=True)
    if found.more_splits:
        console.put(f"  and {plural(found.more_splits, 'split')} more (--limit 0 shows all)")


def _split_line(split: SplitRow) -> list[str]:
    attempt = "" if split.attempt is None else f"attempt {split.attempt}"
    error = console.clean(split.error.words) if split.error else ""
    return [f"/{split.index}", console.state(split.state), attempt, _span(split.duration_s), error]


def _put_split(found: SplitFacts, options: Options) -> None:
    console.put(f"{found.address}  {console.state(found.state)}")
    console.pairs(
        [
            ("flow", found.flow),
            ("element", "\n".join(f"{name}: split {at[0]}, item {at[1]}" for name, at in found.elements.items())),
            ("inputs", "\n".join(f"{layer} {checksum[:12]}" for layer, checksum in found.inputs.items())),
            ("commit", found.commit[:12]),
            ("code", found.code[:12]),
            ("versions", ", ".join(f"{name} {version}" for name, version in found.versions.items())),
        ]
    )
    if found.caught:
        console.put("\n  caught")
        _put_error(found.caught, "    ")
    for attempt in found.attempts:
        _put_try(attempt)
    _put_artifacts(found.artifacts)
    if found.attempts:
        console.put(f"\n  {options.command('logs', found.address)}")


def _put_try(attempt: Try) -> None:
    since = "  computed again since (--rerun)" if attempt.replaced else ""
    console.put(f"\n  attempt {attempt.attempt}  {console.state(attempt.state)}{since}")
    if attempt.error:
        _put_error(attempt.error, "    ")
    console.pairs(
        [
            ("began", _moment(attempt.started)),
            ("took", _span(attempt.duration_s)),
            ("image", attempt.image),
            ("asked for", _configuration(attempt.configuration)),
            ("used", _used(attempt)),
            ("advice", "\n".join(attempt.advice)),
            ("log", size(attempt.log_bytes)),
        ],
        indent="    ",
    )


def _used(attempt: Try) -> str:
    usage, words = attempt.usage, []
    if usage is None:
        return ""
    if usage.cpu_s is not None:
        took = attempt.duration_s or 0.0
        average = f" ({usage.cpu_s / took:.1f} cores)" if took >= 1 else ""
        words.append(f"{usage.cpu_s:.1f} s of processor time{average}")
    if usage.memory_peak_mib is not None:
        words.append(_memory(usage.memory_peak_mib, usage.measured))
    return ", ".join(words)


def _memory(peak: float, measured: str) -> str:
    return f"{peak:.0f} MiB of memory at most" + (", in its largest process" if measured == "process" else "")


def _put_error(error: Error, indent: str) -> None:
    for line in error.traceback.splitlines() or error.words.splitlines():
        console.put(f"{indent}{console.clean(line)}")
    for line in error.remedy.splitlines():
        console.put_words(f"{indent}{console.clean(line)}")


def _put_artifacts(artifacts: Sequence[Artifact]) -> None:
    if not artifacts:
        return
    console.put("\n  artifacts")
    console.rows([artifact_line(each) for each in artifacts], indent="    ", drop=[2, 1], right=[2], cut=True)


def artifact_line(each: Artifact) -> list[str]:
    """Name, type, size and preview; of a layer of several splits, in how many it is."""
    shown = "" if each.size is None else size(each.size)
    where = f" (first of {each.splits} splits)" if each.splits > 1 else ""
    preview = plural(each.items, "item") if each.items is not None else each.preview
    return [each.name, console.clean(each.type), shown, console.clean(preview) + where]


def _configuration(configuration: Mapping[str, Any] | None) -> str:
    """What is not asked for by default, and always the processors and the memory."""
    if configuration is None:
        return ""
    from laminar.model.configuration import Container, Retry

    container = configuration["container"]
    words = [f"cpu {container['cpu']:g}", f"memory {container['memory']} MiB"]
    for part, usual in (("container", vars(Container())), ("retry", vars(Retry()))):
        words += [
            f"{name} {_plain(value)}"
            for name, value in configuration[part].items()
            if name not in ("cpu", "memory") and value != usual.get(name) and value not in ([], {}, ())
        ]
    if configuration.get("timeout"):
        words.append(f"timeout {configuration['timeout']['seconds']:g} s")
    return console.clean(", ".join(words))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={each}" if each else name for name, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _images(found: ExecutionFacts) -> Iterator[str]:
    """One line for each image: called as in the first line of a run."""
    for (name, image), layers in found.layers_by_image.items():
        yield f"{console.clean(name)}@{image[:19]}…  {', '.join(layers)}" if name else f"{image}  {', '.join(layers)}"


def _moment(seconds: float | None) -> str:
    return "" if seconds is None else f"{iso(seconds)} ({age(time.time() - seconds)})"


def _span(seconds: float | None) -> str:
    return "" if seconds is None else clock(seconds)
