"""Addresses as they are typed."""

from __future__ import annotations

import pytest

from laminar.errors import UsageError
from laminar.model.address import Address

GOOD = {
    "latest": Address("latest"),
    "01jd8q": Address("01jd8q"),
    "F:x": Address("x", "F"),
    "x/A": Address("x", "", "A"),
    "x/A/": Address("x", "", "A"),
    "F:x/A/17": Address("x", "F", "A", 17),
    "F:x/A/017": Address("x", "F", "A", 17),
}


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_taken_apart_and_put_together(text: str) -> None:
    address = Address.parse(text)
    assert address == GOOD[text]
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "/", ":x", "a:b:c", "x//A", "x/A/B", "x/A/-1", "x/A/²", "x/A/1/2", "../x", "x/../y", "x/a b", "F F:x"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        Address.parse(text)
