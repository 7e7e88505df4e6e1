"""Names and values of every kind that laminar lets in."""

from __future__ import annotations

from hypothesis import strategies as st

execution_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True).filter(lambda text: ".." not in text)

class_names = st.one_of(
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,30}", fullmatch=True),
    st.text(st.characters(categories=("L", "Nl", "Nd", "Pc", "Mn")), min_size=1, max_size=30).filter(str.isidentifier),
)

numbers = st.integers(0, 10**9)

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
