"""Numbers as people read them."""

from __future__ import annotations


def plural(count: int, noun: str, many: str = "") -> str:
    """`1 split`, `2 splits`."""
    return f"{count} {noun if count == 1 else many or noun + 's'}"


def done(count: int, total: int) -> str:
    """`4/5 done`: beside the word `failed`, a bare 4/5 would read as what has failed."""
    return f"{count}/{total} done"


def clock(seconds: float) -> str:
    """`0:01:42`; below ten seconds `4.2 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def about(seconds: float) -> str:
    """An estimate: `~4 s`, `~0:01:10`."""
    return f"~{seconds:.0f} s" if seconds < 9.5 else f"~{clock(round(seconds))}"


def age(seconds: float) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    for unit_s, name in ((86400 * 2, "days"), (3600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{int(seconds / (86400 if name == 'days' else unit_s))} {name} ago"
    return "just now" if seconds < 10 else f"{int(seconds)} s ago"


def size(count: int) -> str:
    """`512 B`, `1.5 KiB`, `20 MiB`."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.1f} {units[0]}" if value < 10 and units[0] != "B" else f"{value:.0f} {units[0]}"
