from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from laminar.engine import layout

from .. import strategies as ours

digests = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
splits = (ours.class_names, ours.execution_ids, ours.class_names, st.integers(0, 20))
attempts = (*splits, st.integers(1, 20))

# Function -> the arguments that it takes, and the prefix that its keys are below.
KEYS = {
    layout.blob: (digests,),
    layout.image: (digests,),
    layout.execution_record: splits[:2],
    layout.launch: (*splits[:2], st.integers(1, 20)),
    layout.plan: splits[:3],
    layout.commit: splits,
    layout.started: attempts,
    layout.failure: attempts,
    layout.log: attempts,
}
PREFIXES = {
    layout.flow: 1,
    layout.execution: 2,
    layout.layers: 2,
    layout.launches: 2,
    layout.split: 4,
    layout.attempt: 5,
}
made = st.sampled_from(list(KEYS)).flatmap(lambda key: st.tuples(st.just(key), st.tuples(*KEYS[key])))


@given(made, made)
def test_keys_of_different_things_never_collide_nor_lie_below_each_other(one: tuple, two: tuple) -> None:  # type: ignore[type-arg]
    key, other = one[0](*one[1]), two[0](*two[1])
    assert (key == other) == (one == two)
    assert not f"{other}/".startswith(f"{key}/") or one == two


def test_names_that_are_easily_taken_for_each_others_make_keys_apart() -> None:
    flows, ids, layers = ("A", "A1", "layers"), ("x", "x1", "layers", "1"), ("A", "A1", "A10", "launches", "plan")
    things = {(layout.blob, ("ab" * 32,)), (layout.image, ("ab" * 32,))}
    for flow, identity, layer, index, attempt in product(flows, ids, layers, (0, 1, 10), (1, 11)):
        place = (flow, identity, layer, index, attempt)
        things |= {(layout.execution_record, place[:2]), (layout.launch, (*place[:2], attempt))}
        things |= {(layout.plan, place[:3]), (layout.commit, place[:4])}
        things |= {(function, place) for function in (layout.started, layout.failure, layout.log)}
    keys = {function(*arguments) for function, arguments in things}  # type: ignore[operator]
    assert len(keys) == len(things)
    above = {key.rsplit("/", depth)[0] for key in keys for depth in range(1, key.count("/") + 1)}
    assert not keys & above


@given(made)
def test_every_key_is_a_plain_path_below_its_prefixes(thing: tuple) -> None:  # type: ignore[type-arg]
    function, arguments = thing
    key = function(*arguments)
    assert key.isprintable() or any(not name.isprintable() for name in map(str, arguments))
    assert not key.startswith("/")
    assert all(part not in ("", ".", "..") for part in key.split("/"))
    if function in (layout.blob, layout.image):
        assert key.startswith(layout.BLOBS if function is layout.blob else layout.IMAGES)
        return
    assert key.startswith(layout.RUNS)
    assert key.startswith(layout.flow(arguments[0]))
    assert key.startswith(layout.execution(*arguments[:2]))
    if function is layout.launch:
        assert key.startswith(layout.launches(*arguments[:2]))
    elif len(arguments) > 2:
        assert key.startswith(layout.layers(*arguments[:2]))
    if len(arguments) >= 4:
        assert key.startswith(layout.split(*arguments[:4]))
    if len(arguments) == 5:
        assert key.startswith(layout.attempt(*arguments))


@given(st.sampled_from(list(PREFIXES)), st.tuples(*attempts), st.tuples(*attempts))
def test_a_prefix_holds_only_its_own(prefix: object, one: tuple, two: tuple) -> None:  # type: ignore[type-arg]
    count = PREFIXES[prefix]  # type: ignore[index]
    place = prefix(*one[:count])  # type: ignore[operator]
    assert place.endswith("/")
    assert layout.log(*two).startswith(place) == (one[:count] == two[:count] and prefix is not layout.launches)
