"""`laminar gc`: garbage collection, and the verification of what is stored."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import click

from laminar import wiring
from laminar.cli import console
from laminar.cli.options import AS_JSON, open_store, store_options
from laminar.engine.garbage import GRACE_S, Collected, collect
from laminar.engine.ports import Datastore
from laminar.engine.verification import Verified, verify
from laminar.errors import UsageError
from laminar.inspection.document import document, iso
from laminar.model.words import age, plural, size

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class _Age(click.ParamType):  # type: ignore[type-arg]  # click 8.1 takes none
    """`30d`, in seconds."""

    name = "age"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"(\d+)([smhdw])", value)
        if not match:
            raise UsageError(
                f"invalid age {value[:40]!r}.",
                remedy="Type a whole number and a unit: 90s, 45m, 12h, 30d or 4w.",
            )
        return float(int(match[1]) * _UNITS_S[match[2]])


@click.command()
@click.option("--keep-last", metavar="N", type=int, help="Keep the N youngest executions of each flow.")
@click.option("--older-than", metavar="AGE", type=_Age(), help="Keep what was scheduled or resumed since: 30d, 12h.")
@click.option("--grace", metavar="AGE", type=_Age(), help="Leave content alone that is younger.  [default: 1d]")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--verify", "only_verify", is_flag=True, help="Read all content, and put damaged content aside; no more.")
@click.option("--contents", is_flag=True, help="List each piece of content, too, and the executions that name it.")
@AS_JSON
@store_options
def gc(
    keep_last: int | None,
    older_than: float | None,
    grace: float | None,
    dry_run: bool,
    only_verify: bool,
    contents: bool,
    as_json: bool,
    datastore: str | None,
    config: str | None,
) -> int:
    """Remove executions that are not to be kept, then content that nothing names; without options, only that content.

    An execution goes when each of --keep-last and --older-than that is given lets it; one whose scheduler is at work stays.
    It is safe beside executions that run. The table says what each execution holds alone, and what with others.

    \b
    Examples:
      laminar gc --keep-last 10 --older-than 30d --dry-run
      laminar gc --dry-run --contents
      laminar gc
      laminar gc --verify

    Exit codes: 1 where something is damaged.
    """
    store = open_store(datastore, config)
    if only_verify:
        rules = {"--keep-last": keep_last, "--older-than": older_than, "--grace": grace}
        _check_alone(rules | {"--contents": contents or None})
        return _verify(store, dry_run=dry_run, as_json=as_json)
    found = collect(
        store,
        keep_last=keep_last,
        older_than_s=older_than,
        grace_s=GRACE_S if grace is None else grace,
        dry_run=dry_run,
        say=console.note,
        end=lambda ledger: wiring.sweep(ledger, config),
    )
    if as_json:
        console.put_json(_document(found, dry_run))
    else:
        if contents:
            _contents(found)
        _table(found, dry_run)
    _warn(found, store)
    return 1 if found.unreadable else 0


def _check_alone(options: Mapping[str, float | None]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UsageError(
            f"--verify removes nothing, and {given[0]} is about what to remove.", remedy="Run one after the other."
        )


def _contents(found: Collected) -> None:
    rows = [[each.name, size(each.bytes), ", ".join(each.executions)] for each in found.contents]
    if rows:
        console.rows([["CONTENT", "SIZE", "NAMED BY"], *rows], drop=[0], right=[1])
        console.put()


def _table(found: Collected, dry_run: bool) -> None:
    now = time.time()
    rows = [
        [
            kept.flow,
            kept.execution,
            f"would be {kept.state}" if dry_run and kept.state == "removed" else kept.state,
            "" if kept.created is None else age(now - kept.created),
            size(kept.records_bytes + kept.alone_bytes),
            size(kept.shared_bytes),
        ]
        for kept in reversed(found.executions)
    ]
    if rows:
        console.rows([["FLOW", "EXECUTION", "STATE", "AGE", "ALONE", "SHARED"], *rows], drop=[3, 0], right=[4, 5])
    swept = found.swept
    gone = [kept for kept in found.executions if kept.state == "removed"]
    freed = swept.bytes + sum(kept.records_bytes for kept in gone)
    counts = [
        (len(gone), "execution"),
        (swept.blobs, "blob"),
        (swept.external, "external value"),
        (swept.images, "image's answer"),
        (swept.leftovers, "leftover"),
    ]
    words = ", ".join(plural(*count) for count in counts if count[0])
    young = f"{plural(swept.young, 'piece')}, {size(swept.young_bytes)}" if swept.young else ""
    verb = "would remove" if dry_run else "removed"
    console.pairs([(verb, f"{words}: {size(freed)}" if words else "nothing"), ("too young", young)], indent="")


def _document(found: Collected, dry_run: bool) -> dict[str, object]:
    unreadable = [{"where": each.where, "message": each.error.message} for each in found.unreadable]
    return document(
        dry_run=dry_run,
        executions=found.executions,
        removed=found.swept,
        before=iso(max(found.before, 0.0)),
        held_by=found.held_by,
        unreadable=unreadable,
        contents=found.contents,
    )


def _warn(found: Collected, store: Datastore) -> None:
    for address in found.held_by:
        console.note(
            f"warning: {address} has not ended, so content modified since {iso(max(found.before, 0.0))} is kept. "
            f"If it is not at work any more: {store.options.command('resume', address)}, or remove it by --older-than."
        )
    for unreadable in found.unreadable:
        console.note(f"warning: no content was removed: {unreadable.error}")


def _verify(store: Datastore, *, dry_run: bool, as_json: bool) -> int:
    found = verify(store, dry_run=dry_run, say=console.note)
    if as_json:
        console.put_json(document(dry_run=dry_run, **vars(found)))
    else:
        _damages(found, dry_run)
    return 1 if found.damages else 0


def _damages(found: Verified, dry_run: bool) -> None:
    rows = [
        [
            damage.problem,
            f"{damage.flow}:{damage.execution}" + (f"/{damage.layer}/{damage.index}" if damage.layer else ""),
            damage.artifact or damage.what,
            damage.remedy,
        ]
        for damage in found.damages
    ]
    if rows:
        console.rows([["PROBLEM", "WHERE", "WHAT", "REMEDY"], *rows])
    aside = plural(len(found.quarantined), "blob") if found.quarantined else ""
    verified = f"{plural(found.blobs, 'blob')} of {plural(found.executions, 'execution')}, {size(found.bytes)}"
    there = f"{plural(found.external, 'external value')}: not read" if found.external else ""
    verb = "would put aside" if dry_run else "put aside"
    console.pairs([("verified", verified), ("there", there), (verb, aside)], indent="")
