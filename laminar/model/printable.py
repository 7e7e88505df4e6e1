"""Text that layers wrote, for people: none of its characters steers a terminal."""

from __future__ import annotations

import re

_CONTROLS = {
    **{code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"},
    **{code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))},
}
"""The control characters, and those that break lines or turn the direction of text -> how they are shown."""

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
"""What a terminal takes for a command of colours, of the cursor, or of its title (ECMA-48, 5.3 to 5.6)."""


def clean(text: str) -> str:
    """`text` with each character that steers a terminal shown as an escape; ends of lines and tabs are kept."""
    return text.translate(_CONTROLS)


def line(text: str) -> str:
    """`text` as one line: without the colours that it was printed in, ends of lines and tabs as spaces."""
    if text.isprintable():
        return text  # as nearly all is
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    return clean(text.replace("\n", " ").expandtabs(4))
