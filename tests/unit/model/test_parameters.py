from __future__ import annotations

import copy
import pickle

import pytest

from laminar import Parameters


def test_they_are_read_by_attribute_and_listed() -> None:
    parameters = Parameters(foo="bar", n=1)
    assert (parameters.foo, parameters.n) == ("bar", 1)
    assert list(parameters) == ["foo", "n"]
    assert "foo" in parameters
    assert "x" not in parameters
    assert repr(parameters) == "Parameters(foo='bar', n=1)"


def test_what_is_not_there_is_an_error_that_lists_what_is() -> None:
    with pytest.raises(AttributeError, match=r"no parameter 'x'; there are: foo, n"):
        _ = Parameters(n=1, foo=2).x
    with pytest.raises(AttributeError, match="there are: none"):
        _ = Parameters().x


def test_they_are_read_only() -> None:
    parameters = Parameters(foo=1)
    with pytest.raises(AttributeError, match="read-only; keep 'foo' in an attribute"):
        parameters.foo = 2
    assert parameters.foo == 1


def test_copies_are_equal() -> None:
    parameters = Parameters(foo=[1])
    assert parameters == copy.deepcopy(parameters) == pickle.loads(pickle.dumps(parameters)) == Parameters(foo=[1])
    assert parameters != Parameters(foo=[2])
    assert parameters != {"foo": [1]}
    with pytest.raises(TypeError):
        hash(parameters)
