from __future__ import annotations

import sys

from laminar.model import printable


def test_a_line_is_passed_on_as_it_is_only_where_nothing_in_it_is_to_be_shown_otherwise() -> None:
    printed = [character for character in map(chr, range(sys.maxunicode + 1)) if character.isprintable()]
    assert [character for character in printed if printable.clean(character) != character] == []
    assert printable.line("\x1b[31mred\x1b[0m\tand\x07\n\u202eback") == r"red and\x07 \u202eback"
