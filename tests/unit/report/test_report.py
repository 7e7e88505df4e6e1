"""What a report says, of executions in every state, and that nothing a flow wrote is read as HTML."""

from __future__ import annotations

import json
import re
import sys
import threading
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from laminar import Layer, Parameters, layers, report
from laminar.datastores import Datastore, Memory
from laminar.engine import layout
from laminar.engine.lease import Lease
from laminar.engine.ledger import Commit, Failure, Ledger, Plan
from laminar.errors import ExecutionError, UsageError
from laminar.executors import Thread
from laminar.inspection.picture import _INK
from laminar.model.wire import Task
from laminar.report.contents import gather, printed
from laminar.report.document import ASSETS, STYLE
from laminar.report.markup import element, embedded
from laminar.report.words import command, splits_in_words
from tests.conftest import TIMEOUT_S
from tests.survey import Survey
from tests.unit.conftest import MakeFlow

EVIL = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>\u2028\x1b[31m'\"&--><!--"


again = threading.Event()
"""That the second attempt at a split has begun."""


class Source(Layer):
    def __call__(self, parameters: Parameters) -> None:
        sys.stdout.write("<b>reading</b>\n")
        self.shard(parts=["a", "b", "c"])
        self.title = EVIL


class Each(Layer):
    def __call__(self, source: Source) -> None:
        sys.stdout.write(f"part \x1b[31mred\x1b[0m {source.parts}\n")
        if source.parts == "b":
            again.wait(TIMEOUT_S)  # what fails for good ends the tries of the others
        if source.parts == "b" or (source.parts == "c" and self.attempt == 1):
            raise ValueError(f"{EVIL} in part {source.parts}")
        self.score = 0.5
        if source.parts == "c":
            again.set()


class Rest(Layer):
    def __call__(self, each: Each) -> None: ...


class Kept(Layer):
    def __call__(self, source: Source) -> None:
        self.half = 1
        raise KeyError("kept")


CONFIGURATION = {
    "Each": {
        "foreach": layers.ForEach(parameters=[layers.Parameter(layer=Source, attribute="parts")]),
        "retry": layers.Retry(attempts=2, delay=0),
    },
    "Kept": {"catch": layers.Catch(KeyError)},
}


@pytest.fixture
def ledger(make_flow: MakeFlow, store: Datastore) -> Ledger:
    """An execution in which one split failed, one was tried again, and one error was caught."""
    again.clear()
    flow = make_flow(Source, Each, Rest, Kept, configuration=CONFIGURATION, executor=Thread(concurrency=4))
    with pytest.raises(ExecutionError):
        flow(execution="x", given=EVIL)
    return Ledger(store, "F", "x")


class Page(HTMLParser):
    """What is in a page: its elements, its text, its headings, its data."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data = ""
        self._in: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in.append("data" if ("id", "data") in attrs else tag)

    def handle_endtag(self, tag: str) -> None:
        while self._in and self._in.pop() not in (tag, "data"):
            pass

    def handle_data(self, data: str) -> None:
        if self._in and self._in[-1] == "data":
            self.data += data
        elif not self._in or self._in[-1] not in ("script", "style"):
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_a_failure_comes_first_with_its_traceback_and_its_log(ledger: Ledger) -> None:
    contents = gather(ledger)
    assert [(each.layer, each.splits, each.attempt) for each in contents.failures] == [("Each", [1], 2)]
    assert contents.failures[0].log == "part red b"
    assert [(each.layer, each.splits) for each in contents.retried] == [("Each", [1]), ("Each", [2])]
    assert [(each.layer, each.error.words) for each in contents.caught] == [("Kept", "KeyError: 'kept'")]
    page = Page(report.page(ledger))
    sections = [attributes["id"] for attributes in page.named("section")]
    assert sections == ["summary", "failures", "graph", "timeline", "layers", "resources", "run"]
    for words in (
        "laminar resume x",
        "laminar logs x/Each/1",
        "raise ValueError",
        "part red b",
        "Caught",
        "tried again",
    ):
        assert words in page.text, words


def test_the_data_has_every_split(ledger: Ledger) -> None:
    data = json.loads(Page(report.page(ledger)).data)
    each = data["layers"][1]
    assert (each["name"], each["states"], each["indices"]) == ("Each", "fxf", None)
    assert each["axes"] == [["Source.parts", 3]]
    assert [number for number, *_ in each["tries"]["1"]] == [1, 2]
    assert [state for _, state, *_ in each["tries"]["2"]] == ["x", "f"]
    assert data["texts"][each["errors"]["1"]].startswith("ValueError: </script>")
    assert [artifact["name"] for artifact in each["artifacts"]] == ["score"]
    assert each["artifacts"][0]["previews"][1] is None


def test_nothing_that_a_flow_wrote_is_read_as_html(ledger: Ledger) -> None:
    html = report.page(ledger)
    page = Page(html)
    assert [attributes.get("type") for attributes in page.named("script")] == ["application/json", None]
    assert not page.named("img")
    assert page.text.count("<img src=x onerror=window.hacked=1>") >= 4
    assert not {name for _, attributes in page.elements for name in attributes if name.startswith("on")}
    assert "\x1b" not in html
    assert "\u2028" not in page.data
    assert not re.search(r"https?:", html.replace("http://www.w3.org/", ""))
    policy = next(each["content"] for each in page.named("meta") if each.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_the_scripts_make_text_and_no_html() -> None:
    for path in Path(ASSETS).glob("*.js"):
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "fetch(",
            "XMLHttp",
            "import(",
        ):
            assert word not in path.read_text(), path


def test_every_table_has_a_caption_and_headings_go_one_step_down(ledger: Ledger) -> None:
    page = Page(report.page(ledger))
    assert len(page.named("table")) == len(page.named("caption"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(level - before <= 1 for before, level in pairwise(levels))
    tags = [tag for tag, _ in page.elements]
    assert {"header", "nav", "main", "footer"} <= set(tags)
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = {str(each["href"])[1:] for each in page.named("a") if "/" not in str(each["href"])}
    assert links <= set(ids)


def test_any_damaged_record_is_named_and_hides_nothing_else(ledger: Ledger, store: Memory) -> None:
    records = [key for key in store.keys("runs/") if layout.kind(key) not in ("log", "beats")]
    assert {layout.kind(key) for key in records} >= {
        "execution",
        "launch",
        "plan",
        "commit",
        "failure",
        "final",
        "lease",
    }
    for key in records:
        whole = store._data[key]
        store._data[key] = whole[: len(whole) // 2]
        contents = gather(Ledger(store, "F", "x"))
        page = Page(report.page(Ledger(store, "F", "x")))
        store._data[key] = whole
        if layout.kind(key) == "started" and "/0/1/" in key:
            continue  # of a split that finished at once nobody asks
        assert [each.key for each in contents.damaged] == [key]
        assert key in page.text
        assert "cannot be read" in page.text
        assert {part.row.name for part in contents.layers} >= {"Source", "Each", "Kept"}
        layer, index = layout.read_layer(key)
        states = {part.row.name: part.row.state for part in contents.layers}
        assert (states.get(layer) == "damaged") == (layout.kind(key) in ("commit", "plan")), key
        if index is not None and layout.kind(key) == "commit":
            splits = next(part.splits for part in contents.layers if part.row.name == layer)
            assert next(split.state for split in splits if split.index == index) == "damaged"


def test_an_execution_without_any_record_that_can_be_read(ledger: Ledger, store: Memory) -> None:
    for key in list(store.keys("runs/")):
        store._data[key] = b"{"
    page = Page(report.page(Ledger(store, "F", "x")))
    assert "Damaged records" in page.text
    assert "Each" in page.text


def begun(store: Datastore) -> Ledger:
    made = Ledger(store, "F", "y")
    made.create("main:F", {})
    facts = {
        "executor": "thread",
        "engine": {},
        "versions": {},
        "target": "main:F",
        "fingerprint": "",
        "argv": ["laminar"],
    }
    made.launch({"graph": {"A": [], "B": ["A"]}, **facts})
    return made


def test_nothing_has_started(store: Datastore) -> None:
    made = begun(store)
    page = Page(report.page(made))
    assert "No layer has started." in page.text
    assert "No attempt has begun." in page.text
    assert json.loads(page.data)["layers"][0]["states"] == ""


@pytest.mark.parametrize(("outcome", "state"), [("", "running"), ("interrupted", "interrupted")])
def test_an_execution_that_is_not_over(store: Datastore, outcome: str, state: str) -> None:
    made = begun(store)
    lease = Lease.take(made)
    made.put_plan("A", Plan(3))
    task = {"layer": "A", "splits": 3, "target": "", "execution": "y", "datastore": ""}
    made.put_commit(Task(index=0, attempt=1, **task), Commit(1, {}, started=1.0, finished=2.0))  # type: ignore[arg-type]
    made.put_failure(Task(index=1, attempt=1, **task), Failure("infrastructure", "EngineError", "no engine"))  # type: ignore[arg-type]
    if outcome:
        lease.release(outcome)
    contents = gather(made)
    assert contents.facts.state == state
    assert [len(found) for found in (contents.failures, contents.retried)] == ([0, 1] if state == "running" else [1, 0])
    text = Page(report.page(made)).text
    assert {"running": "It was running when this report was made", "interrupted": "laminar resume y"}[state] in text
    assert "no engine" in text


def test_who_ran_it_and_what_was_asked(tmp_path: Path) -> None:
    survey = Survey(tmp_path, 40, failing=range(3, 30, 5))
    text = Page(report.page(survey.ledger)).text
    for words in (
        "ada@worker-3",
        "laminar schedule main:Survey -p year=2026",
        "sha256:4c4c",
        "2026",
        "4,000 MiB",
        "python 3.11.2",
    ):
        assert words in text, words
    assert "Also splits 8, 13, 18, 23, 28." in text  # alike but for their numbers: told once
    assert text.count("Traceback (most") == 1
    assert "of processor time in all" in text


def test_html_takes_an_address(ledger: Ledger, store: Datastore) -> None:
    assert "<title>F x failed" in report.html(store, "latest")
    with pytest.raises(UsageError, match="x/Each is a layer; a report is about an execution"):
        report.html(store, "x/Each")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b[1;31mred\x1b[0m\n", "red"),
        (b"10 %\r50 %\r100 %\ndone\r\n", "100 %\ndone"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        (b"", ""),
    ],
)
def test_logs_are_shown_as_a_terminal_shows_them_in_the_end(data: bytes, text: str) -> None:
    assert printed(data) == text


def test_markup_and_embedded_data() -> None:
    assert (
        element("td", "<b>", ["&", element("i", "x")], None, class_='"', hidden=None)
        == '<td class="&quot;">&lt;b&gt;&amp;<i>x</i></td>'
    )
    assert element("p", "a\x00\ud800", hidden=True) == "<p hidden>a\\x00\N{REPLACEMENT CHARACTER}</p>"
    text = embedded({"a": "</script><!--\u2028\u2029&"})
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"a": "</script><!--\u2028\u2029&"}


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["/home/you/.venv/bin/laminar", "schedule", "main:F", "-p", "a=b c"], "laminar schedule main:F -p 'a=b c'"),
        (["/usr/lib/python3/laminar/__main__.py", "resume"], "laminar resume"),
        (["main.py"], "python main.py"),
        ([], ""),
    ],
)
def test_command_lines_have_no_path_of_a_machine(argv: list[str], text: str) -> None:
    assert command(argv) == text


def test_lists_of_splits() -> None:
    assert splits_in_words([3, 1, 2, 7]) == "1 to 3, 7"
    assert splits_in_words(range(0, 40, 2), most=3) == "0, 2, 4 and 17 more"


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""

    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    digits = colour.lstrip("#")
    red, green, blue = (int(each * (3 - len(each)), 16) / 255 for each in re.findall("." * (len(digits) // 3), digits))
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(first: str, second: str) -> float:
    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


def test_contrasts_are_aa_in_both_schemes() -> None:
    style = (Path(ASSETS) / STYLE).read_text()
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w+);", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    )
    assert light.keys() - {"mono"} == dark.keys()
    texts = ("text", "muted", "link", "finished", "running", "retrying", "interrupted", "failed", "damaged")
    for scheme in (light, dark):
        for name in texts:
            assert contrast(scheme[name], scheme["page"]) >= 4.5, name
            assert contrast(scheme[name], scheme["raised"]) >= 4.5, name
        assert contrast(scheme["strong-line"], scheme["page"]) >= 3
        assert contrast(scheme["focus"], scheme["page"]) >= 3
    for ink, fill, _, dark_ink, dark_fill, _ in _INK.values():
        for colour, back in (
            (ink, fill),
            ("#1f2328", fill),
            ("#59636e", fill),
            (dark_ink, dark_fill),
            ("#9198a1", dark_fill),
        ):
            assert contrast(colour, back) >= 4.5, (colour, back)
