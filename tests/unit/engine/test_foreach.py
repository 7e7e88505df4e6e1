"""ForEach, shards and what is read of them, through `flow()`: threads and memory."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laminar import Execution, Layer, hooks, layers
from laminar.datastores import Datastore, Memory
from laminar.engine import artifacts, layout
from laminar.engine.accessor import Accessor
from laminar.engine.ledger import Ledger
from laminar.errors import ExecutionError, FlowError
from laminar.launch import schedule, settings_of

from ..conftest import MakeFlow


def over(layer: type[Layer], attribute: str, index: int | None = None) -> layers.Parameter:
    return layers.Parameter(layer=layer, attribute=attribute, index=index)


def foreach(*parameters: layers.Parameter, **others: Any) -> dict[str, Any]:
    return {"foreach": layers.ForEach(parameters=parameters), **others}


class Numbers(Layer):
    """Four items, and a value saved whole."""

    def __call__(self) -> None:
        self.shard(numbers=range(4))
        self.whole = [1, 2]


class Each(Layer):
    def __call__(self, numbers: Numbers) -> None:
        self.number = numbers.numbers
        self.shard(below=range(numbers.numbers))


EACH = {"Each": foreach(over(Numbers, "numbers"))}


@pytest.fixture
def four(make_flow: MakeFlow) -> Execution:
    """Numbers, and Each over them."""
    return make_flow(Numbers, Each, configuration=EACH)()


def test_a_collection_that_was_saved_as_one_value_is_hinted_at(
    make_flow: MakeFlow, capfd: pytest.CaptureFixture[str]
) -> None:
    class Once(Layer):
        def __call__(self, numbers: Numbers) -> None:
            assert numbers.whole == [1, 2]

    flow = make_flow(Numbers, Once, Each, configuration={"Once": foreach(over(Numbers, "whole")), **EACH})
    schedule(flow, settings=settings_of(flow, {"progress": "plain"}))
    hints = [line for line in capfd.readouterr().err.splitlines() if "as one element" in line]
    (hint,) = hints
    assert hint.endswith(
        "warning: Once takes Numbers.whole, a list, as one element; "
        "for a split for each item, save it by self.shard(whole=...)"
    )


# Joins against a model


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(data=st.data())
def test_joins_are_what_a_plain_product_gives(make_flow: MakeFlow, data: st.DataObject) -> None:
    """Source -> Cut, over one or two attributes -> Again, over what Cut saved in all splits or in one -> Join."""
    first = data.draw(st.lists(st.integers(0, 3), max_size=4), "first")
    second = data.draw(st.none() | st.lists(st.integers(0, 3), max_size=2), "second, None where it is saved whole")
    both = data.draw(st.booleans(), "both")
    shards = data.draw(st.booleans(), "Cut shards")

    pairs = list(itertools.product(first, [None] if second is None else second)) if both else [(x,) for x in first]
    cut = [[(*pair, n) for n in range(sum(x or 0 for x in pair))] for pair in pairs]
    index = data.draw(st.none() | st.sampled_from(range(len(cut))), "index") if cut else None
    chosen = cut if index is None else [cut[index]]
    again = list(itertools.chain(*chosen)) if shards else chosen

    class Source(Layer):
        def __call__(self) -> None:
            self.shard(first=iter(first))
            if second is None:
                self.second = None
            else:
                self.shard(second=second)

    class Cut(Layer):
        def __call__(self, source: Source) -> None:
            pair = (source.first, source.second) if both else (source.first,)
            self.pair = pair
            made = [(*pair, n) for n in range(sum(x or 0 for x in pair))]
            if shards:
                self.shard(made=made)
            else:
                self.made = made

    class Again(Layer):
        def __call__(self, cut: Cut) -> None:
            self.got = (self.index, self.splits, cut.made)

    class Join(Layer):
        def __call__(self, cut: Cut, again: Again) -> None:
            self.pairs = list(cut.pair)
            self.made = list(cut.made)
            self.got = list(again.got)

    parameters = [over(Source, "first"), over(Source, "second")][: 1 + both]
    flow = make_flow(
        *(Source, Cut, Again, Join),
        configuration={"Cut": foreach(*parameters), "Again": foreach(over(Cut, "made", index))},
    )
    join = flow().layer(Join)
    assert join.pairs == pairs
    assert join.made == (list(itertools.chain(*cut)) if shards else cut)
    assert join.got == [(at, len(again), item) for at, item in enumerate(again)]


# Reading


def test_an_accessor_is_a_sequence(four: Execution) -> None:
    read, model = four.layer(Numbers).numbers, [0, 1, 2, 3]
    assert isinstance(read, Accessor)
    assert repr(read) == "<Accessor of 4 items of Numbers.numbers>"
    assert list(reversed(read)) == model[::-1]
    assert 2 in read
    assert read.index(3) == 3
    places = [None, *range(-6, 7)]
    for start, stop, step in itertools.product(places, places, [None, -3, -1, 1, 2]):
        part = slice(start, stop, step)
        assert (list(read[part]), len(read[part])) == (model[part], len(model[part])), part
    assert list(read[1:][::-1][:2]) == [3, 2]
    for at in range(-4, 4):
        assert read[at] == model[at]
    for at in (4, -5):
        with pytest.raises(IndexError, match=f"Numbers.numbers has 4 items; there is no item {at}"):
            read[at]


@pytest.mark.parametrize("items", [[], ["one"]])
def test_a_shard_of_none_and_of_one_are_accessors(make_flow: MakeFlow, items: list[str]) -> None:
    class Shards(Layer):
        def __call__(self) -> None:
            self.shard(items=items)

    read = make_flow(Shards)().layer(Shards).items
    assert isinstance(read, Accessor)
    assert (list(read), len(read), bool(read)) == (items, len(items), bool(items))


def test_splits_are_read_in_order_together_and_one_by_one(four: Execution) -> None:
    each = four.layer(Each)
    assert (list(each.number), each.splits) == ([0, 1, 2, 3], 4)
    assert list(each.below) == [0, 0, 1, 0, 1, 2]
    assert four.layer(Each, index=2).number == 2
    assert list(four.layer(Each, index=3).below) == [0, 1, 2]
    with pytest.raises(AttributeError, match="layer Each has 4 splits; there is no split 4"):
        four.layer(Each, index=4).number


def test_missing_in_some_splits_is_an_error_that_lists_them(make_flow: MakeFlow) -> None:
    class Some(Layer):
        def __call__(self, numbers: Numbers) -> None:
            if self.index % 2:
                self.odd = self.index

    some = make_flow(Numbers, Some, configuration={"Some": foreach(over(Numbers, "numbers"))})().layer(Some)
    with pytest.raises(AttributeError, match=r"layer Some did not set 'odd' in 2 of its 4 splits: 0, 2$"):
        some.odd
    with pytest.raises(AttributeError, match="layer Some did not set 'never'"):
        some.never


def test_an_empty_product_is_a_finished_layer_of_empty_attributes(make_flow: MakeFlow) -> None:
    class Nothing(Layer):
        def __call__(self) -> None:
            self.shard(items=[])

    class Never(Layer):
        made = "by the class"

        def __call__(self, nothing: Nothing, numbers: Numbers) -> None:
            raise AssertionError

    class After(Layer):
        def __call__(self, never: Never) -> None:
            self.seen = (list(never.made), list(never.anything), never.splits, never.state.finished)

    class AfterEach(Layer):
        def __call__(self, never: Never) -> None:
            raise AssertionError

    execution = make_flow(
        *(Nothing, Numbers, Never, After, AfterEach),
        configuration={
            "Never": foreach(over(Numbers, "numbers"), over(Nothing, "items")),
            "AfterEach": foreach(over(Never, "made")),
        },
    )()
    assert execution.layer(After).seen == ([], [], 0, True)
    assert (execution.layer(AfterEach).splits, execution.state) == (0, "finished")


def test_a_class_attribute_stands_where_no_split_set_it(make_flow: MakeFlow) -> None:
    class Defaults(Layer):
        unset = "by the class"
        number = -1

        def __call__(self, numbers: Numbers) -> None:
            self.number = numbers.numbers

    made = make_flow(Numbers, Defaults, configuration={"Defaults": foreach(over(Numbers, "numbers"))})()
    assert made.layer(Defaults).unset == "by the class"
    assert list(made.layer(Defaults).number) == [0, 1, 2, 3]
    assert made.layer(Defaults, index=1).number == 1


def test_an_element_wins_over_a_class_attribute(make_flow: MakeFlow) -> None:
    class Source(Layer):
        items: Any = ()

        def __call__(self) -> None:
            self.shard(items="ab")

    class Takes(Layer):
        def __call__(self, source: Source) -> None:
            self.item = source.items

    execution = make_flow(Source, Takes, configuration={"Takes": foreach(over(Source, "items"))})()
    assert list(execution.layer(Takes).item) == ["a", "b"]


def test_the_call_sees_its_element_and_the_whole_of_other_attributes(make_flow: MakeFlow) -> None:
    class Sees(Layer):
        def __call__(self, numbers: Numbers, each: Each) -> None:
            self.seen = (numbers.numbers, numbers.whole, each.number, list(each.below))

    execution = make_flow(
        *(Numbers, Each, Sees),
        configuration={**EACH, "Sees": foreach(over(Each, "number"), over(Numbers, "whole"))},
    )
    seen = execution().layer(Sees).seen
    assert [(list(numbers), *rest) for numbers, *rest in map(_plain, seen)] == [
        ([0, 1, 2, 3], [1, 2], n, [0, 0, 1, 0, 1, 2]) for n in range(4)
    ]


def _plain(seen: tuple[Any, ...]) -> tuple[Any, ...]:
    """An Accessor that was saved is read as a list."""
    assert type(seen[0]) is list
    return seen


def test_an_accessor_saved_as_an_artifact_is_a_list_and_can_be_sharded_again(make_flow: MakeFlow) -> None:
    class Keeps(Layer):
        def __call__(self, each: Each) -> None:
            self.all = each.number
            self.part = each.number[::-2]
            self.inside = {"part": each.number[1:3]}
            self.shard(again=each.number[2:])

    keeps = make_flow(Numbers, Each, Keeps, configuration=EACH)().layer(Keeps)
    assert (keeps.all, keeps.part, keeps.inside) == ([0, 1, 2, 3], [3, 1], {"part": [1, 2]})
    assert list(keeps.again) == [2, 3]


def test_pages_begin_and_end_anywhere(make_flow: MakeFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "PAGE_ITEMS", 3)

    class Source(Layer):
        def __call__(self) -> None:
            self.shard(**{f"n{count}": range(count) for count in range(8)})

    class Sum(Layer):
        def __call__(self, source: Source) -> None:
            self.sum = source.n7 + source.n4

    execution = make_flow(Source, Sum, configuration={"Sum": foreach(over(Source, "n7"), over(Source, "n4"))})()
    monkeypatch.setattr(artifacts, "PAGE_ITEMS", 5)  # a reader of another laminar
    for count in range(8):
        read = getattr(execution.layer(Source), f"n{count}")
        assert list(read) == [read[at] for at in range(count)] == list(range(count))
        assert list(read[::-1]) == list(range(count))[::-1]
    assert list(execution.layer(Sum).sum) == [a + b for a, b in itertools.product(range(7), range(4))]


# Sharding


class Big:
    """An item that is too big for its entry."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.weight = bytes(5000) + number.to_bytes(2, "big")


def test_a_generator_is_streamed(make_flow: MakeFlow, store: Datastore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "PAGE_ITEMS", 4)
    assert isinstance(store, Memory)
    alive: weakref.WeakSet[Big] = weakref.WeakSet()
    most_alive = 0
    blobs_before: list[int] = []

    def generate() -> Iterator[Big]:
        nonlocal most_alive
        for number in range(20):
            blobs_before.append(len(list(store.keys(layout.BLOBS))))
            item = Big(number)
            alive.add(item)
            most_alive = max(most_alive, len(alive))
            yield item
            del item

    class Streams(Layer):
        def __call__(self) -> None:
            self.shard(items=generate())

    execution = make_flow(Streams)()
    assert most_alive <= 2, "the one being made and the one before it"
    assert all(blobs >= number for number, blobs in enumerate(blobs_before)), "stored before the next is asked for"
    assert [item.number for item in execution.layer(Streams).items] == list(range(20))


@pytest.mark.parametrize("value", [5, None, 1.5])
def test_what_is_not_iterable_cannot_be_sharded(make_flow: MakeFlow, value: Any) -> None:
    class Shards(Layer):
        def __call__(self) -> None:
            self.shard(items=value)

    with pytest.raises(
        ExecutionError, match=f"Shards/0 .*shards items, a {type(value).__name__}, which is not iter"
    ) as e:
        make_flow(Shards)()
    assert (e.value.remedy, e.value.exit_code) == ("Assign it instead: self.items = ...", 1)


def test_an_item_that_cannot_be_saved_is_named(make_flow: MakeFlow) -> None:
    class Shards(Layer):
        def __call__(self) -> None:
            self.shard(items=[1, (x for x in "a")])

    with pytest.raises(ExecutionError, match=r"artifact 'items' of layer Shards: item 1: .*generator") as error:
        make_flow(Shards)()
    assert error.value.exit_code == 1


def test_a_generator_that_raises_fails_the_layer_with_its_own_error(make_flow: MakeFlow) -> None:
    class Shards(Layer):
        def __call__(self) -> None:
            self.shard(items=(1 // x for x in (1, 0)))

    with pytest.raises(ExecutionError, match="ZeroDivisionError") as error:
        make_flow(Shards)()
    assert isinstance(error.value.__cause__, ZeroDivisionError)


def test_a_shard_is_read_back_in_the_call_whatever_its_class_has(make_flow: MakeFlow) -> None:
    class Reads(Layer):
        items: Any = ()

        def __call__(self) -> None:
            self.shard(items=iter([1, 2]))
            self.read = list(self.items)

    reads = make_flow(Reads)().layer(Reads)
    assert (reads.read, list(reads.items)) == ([1, 2], [1, 2])


def test_the_last_of_assigning_and_sharding_counts(make_flow: MakeFlow) -> None:
    class Both(Layer):
        def __call__(self) -> None:
            self.value = "assigned"
            self.shard(value="ab", items="ab")
            self.items = "assigned"

    both = make_flow(Both)().layer(Both)
    assert (list(both.value), both.items) == (["a", "b"], "assigned")


@pytest.mark.parametrize("name", ["index", "_hidden"])
def test_a_shard_needs_a_name_that_an_artifact_can_have(make_flow: MakeFlow, name: str) -> None:
    class Shards(Layer):
        def __call__(self) -> None:
            self.shard(**{name: [1]})

    with pytest.raises(ExecutionError, match=f"layer Shards shards '{name}', which cannot be an artifact"):
        make_flow(Shards)()


def test_a_layer_in_a_test_shards_into_a_list() -> None:
    layer = Numbers()
    layer()
    assert layer.numbers == [0, 1, 2, 3]


# Failures


def test_only_the_splits_that_failed_are_tried_again(make_flow: MakeFlow, store: Datastore) -> None:
    class Flaky(Layer):
        def __call__(self, numbers: Numbers) -> None:
            if self.index % 2 and self.attempt == 1:
                raise ConnectionError
            self.attempts = self.attempt

    configuration = {"Flaky": foreach(over(Numbers, "numbers"), retry=layers.Retry(attempts=2, delay=0))}
    execution = make_flow(Numbers, Flaky, configuration=configuration)(execution="x")
    assert list(execution.layer(Flaky).attempts) == [1, 2, 1, 2]
    ledger = Ledger(store, "F", "x")
    assert [ledger.attempts("Flaky", index) for index in range(4)] == [[1], [1, 2], [1], [1, 2]]


def test_a_failed_split_is_named_and_the_others_stay(make_flow: MakeFlow) -> None:
    class Fails(Layer):
        def __call__(self, numbers: Numbers) -> None:
            if self.index == 2:
                raise ValueError("on purpose")
            self.index_saved = self.index

    class After(Layer):
        def __call__(self, fails: Fails) -> None: ...

    flow = make_flow(Numbers, Fails, After, configuration={"Fails": foreach(over(Numbers, "numbers"))})
    with pytest.raises(ExecutionError, match=r"^Fails/2 failed at attempt 1: ValueError: on purpose") as error:
        flow(execution="x")
    assert (error.value.layer, error.value.index) == ("Fails", 2)
    execution = flow.execution("x")
    assert execution.layer(Fails, index=0).index_saved == 0
    assert execution.layer(Fails).state.failed
    with pytest.raises(AttributeError, match="layer Fails failed in execution x: ValueError: on purpose"):
        execution.layer(Fails).index_saved
    assert not execution.layer(After).state.finished


@pytest.mark.parametrize(
    ("attribute", "index", "message", "remedy"),
    [
        ("missing", None, r"layer Over iterates over Numbers.missing, which Numbers did not set", "numbers, whole"),
        ("numbers", 1, r"layer Over iterates over split 1 of Numbers, which has 1", "None means all"),
    ],
    ids=["missing", "index"],
)
def test_a_foreach_over_what_is_not_there_fails_in_words(
    make_flow: MakeFlow, attribute: str, index: int | None, message: str, remedy: str
) -> None:
    class Over(Layer):
        def __call__(self, numbers: Numbers) -> None: ...

    flow = make_flow(Numbers, Over, configuration={"Over": foreach(over(Numbers, attribute, index))})
    with pytest.raises(ExecutionError, match=message) as error:
        flow()
    assert (error.value.layer, error.value.exit_code) == ("Over", 1)
    assert remedy in error.value.remedy


def test_a_foreach_over_what_one_split_did_not_set_names_the_split(make_flow: MakeFlow) -> None:
    class Some(Layer):
        def __call__(self, numbers: Numbers) -> None:
            if self.index != 2:
                self.odd = 1
            self.even = 1

    class Over(Layer):
        def __call__(self, some: Some) -> None: ...

    configuration = {"Some": foreach(over(Numbers, "numbers")), "Over": foreach(over(Some, "odd"))}
    with pytest.raises(ExecutionError, match=r"iterates over Some.odd, which Some/2 did not set") as error:
        make_flow(Numbers, Some, Over, configuration=configuration)()
    assert error.value.remedy == "Some/2 set: even."


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([over(Each, "number")], "layer Over of flow F iterates over Each.number, which is not one of its inputs"),
        (
            [over(Numbers, "numbers"), over(Numbers, "numbers", 0)],
            "layer Over of flow F iterates over Numbers.numbers twice",
        ),
        ([], "layer Over of flow F has foreach.parameters = "),
        ([Numbers], "layer Over of flow F has foreach.parameters = "),
        ([over(Numbers, "numbers", -1)], "layer Over of flow F has index for Numbers.numbers = -1"),
        ([over(Numbers, "numbers", True)], "layer Over of flow F has index for Numbers.numbers = True"),
    ],
    ids=["no input", "twice", "none", "no Parameter", "negative", "bool"],
)
def test_a_foreach_that_cannot_be_meant_is_refused_before_anything_starts(
    make_flow: MakeFlow, store: Datastore, parameters: list[Any], message: str
) -> None:
    class Over(Layer):
        def __call__(self, numbers: Numbers) -> None: ...

    flow = make_flow(Numbers, Each, Over, configuration={**EACH, "Over": foreach(*parameters)})
    with pytest.raises(FlowError, match=message) as error:
        flow()
    assert error.value.exit_code == 2
    assert error.value.remedy
    assert flow.executions() == []


def test_hooks_see_the_whole_attribute(make_flow: MakeFlow) -> None:
    class Hooked(Layer):
        @hooks.execution
        def look(self, numbers: Numbers) -> Iterator[None]:
            self.before = list(numbers.numbers)
            yield
            self.after = list(numbers.numbers)

        def __call__(self, numbers: Numbers) -> None:
            self.before = self.before
            self.element = numbers.numbers

    hooked = make_flow(Numbers, Hooked, configuration={"Hooked": foreach(over(Numbers, "numbers"))})().layer(Hooked)
    assert list(hooked.element) == [0, 1, 2, 3]
    assert list(hooked.before) == list(hooked.after) == [[0, 1, 2, 3]] * 4
