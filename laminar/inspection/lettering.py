"""How wide text is at most, where nobody can measure it: the reader's fonts are not known when a picture is made."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

# In widths of the font size. DejaVu Sans is among the widest of the usual sans-serif fonts (its advance widths are in
# matplotlib's copy, which a test measures); its bold letters are about a tenth wider than its regular ones.
_NARROW = frozenset("iIjl.,:;|!'`()[]/\\ ")
_WIDE = frozenset("mwMW@%—…")
_BOLD = 1.14


def width(text: str, size: float, *, bold: bool = False) -> float:
    """An upper bound for the width of one line, in the unit of `size`, that of the font."""
    return sum(map(_ems, text)) * size * (_BOLD if bold else 1.0)


def fitted(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """`text` where it fits into `room`; else its beginning, and an ellipsis."""
    if width(text, size, bold=bold) <= room:
        return text
    room -= width("…", size, bold=bold)
    for end, character in enumerate(text):
        room -= width(character, size, bold=bold)
        if room < 0:
            return f"{text[:end].rstrip()}…"
    return text


def _ems(character: str) -> float:
    if combining(character):
        return 0.0
    if character in _NARROW:
        return 0.40
    if east_asian_width(character) in "WF" or character in _WIDE:
        return 1.02
    if not character.isascii():
        return 1.02
    return 0.78 if character.isupper() else 0.66
