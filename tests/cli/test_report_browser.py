"""The report in a browser: what is there, search, keyboard, light and dark; no errors, and not one request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from laminar import Flow, Layer, report
from laminar.datastores import Memory
from laminar.executors import Thread
from laminar.report.contents import gather
from laminar.report.document import document
from scripts.browser import Browser, Page, browser
from tests.cli.conftest import Seen
from tests.survey import Survey

pytestmark = pytest.mark.browser

MANY = 10_000

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture
def open_page(chromium: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a report, and looks at the end whether there was an error or a request."""
    opened: list[tuple[Page, Path]] = []

    def show(html: str, **how: bool) -> Page:
        path = tmp_path / f"report{len(opened)}.html"
        path.write_text(html)
        page = chromium.page(dark=how.get("dark", False))
        if not how.get("script", True):
            page.prefer(script=False)
        page.open(path)
        opened.append((page, path))
        return page

    yield show
    for page, path in opened:
        page.prefer()
        assert page.complaints == []
        assert page.requests == [path.as_uri()]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    survey = Survey(tmp_path_factory.mktemp("survey"), MANY, failing=range(100, 3000, 100))
    return report.page(survey.ledger)


def of(seen: Seen, execution: str, flow: str = "HelloFlow") -> str:
    return report.page(seen.ledger(flow, execution))


def search(page: Page, words: str) -> list[str]:
    """What the search finds: the address and the note of each result."""
    page.ask("document.activeElement.blur(), document.querySelector('#search input').value = ''")
    page.press("/")
    page.type(words)
    found: list[str] = page.ask("[...document.querySelectorAll('.found a')].map(each => each.innerText)")
    return [" ".join(each.split()) for each in found]


def test_three_splits(seen: Seen, open_page: Open) -> None:
    page = open_page(of(seen, "first"))
    assert page.ask("document.querySelector('h1').innerText") == "HelloFlow first"
    text = page.ask("document.body.innerText")
    for words in ("finished", "Process/1", "ValueError: part 1 has no header", "KeyError: 'kept'", "main:HelloFlow"):
        assert words in text, words
    assert page.ask("document.querySelectorAll('svg.lg a').length") == 5
    assert page.ask("document.querySelector('.lanes canvas').height") > 60

    # A layer in the graph leads to the layer, which opens, and has a row for each split.
    page.ask(
        "document.querySelector('svg.lg a[href=\"#layer-Process\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    page.settle()
    assert page.ask("document.getElementById('layer-Process').open")
    rows = page.ask("[...document.querySelectorAll('#layer-Process .splits tbody tr')].map(row => row.innerText)")
    assert [row.split()[0] for row in rows] == ["Process/0", "Process/1", "Process/2"]
    assert "2\t" in rows[1]  # its attempt


def test_search_and_a_split_by_keyboard_alone(seen: Seen, open_page: Open) -> None:
    page = open_page(of(seen, "first"))
    assert search(page, "gate")[0].startswith("Gate Gate.only_if_big returned False")
    assert "Process/1 ValueError: part 1 has no header" in search(page, "no header")
    assert "Source.title 'three parts'" in search(page, "THREE parts")
    assert "Process/2.score 4" in search(page, "4")
    assert search(page, "nothing like it") == []
    assert "Nothing here has" in page.ask("document.querySelector('.found').innerText")
    assert search(page, "process/1")[-1] == "Process/1 finished"
    page.press("ArrowDown")
    page.press("ArrowDown")
    page.press("Enter")
    page.settle()
    assert page.ask("document.querySelector('dialog').open")
    assert page.ask("document.activeElement.innerText") == "Process/1"
    text = page.ask("document.querySelector('dialog').innerText")
    for words in ("Source.parts[1]", "failed", "finished", "laminar logs HelloFlow:first/Process/1", "score"):
        assert words in text, words
    page.press("Escape")
    page.settle()
    assert not page.ask("document.querySelector('dialog').open")
    assert page.ask("location.hash") == ""


def test_ten_thousand_splits(many: str, open_page: Open) -> None:
    assert len(many) < 5_000_000
    page = open_page(many)
    assert page.ask("document.querySelectorAll('*').length") < 3_000  # what is not looked at is not there
    assert "9,972 of 10,001" in page.ask("document.querySelector('.tiles').innerText")
    assert page.ask("document.querySelectorAll('.failure').length") == 1  # 29 that are alike

    found = search(page, "part 1700 has")
    assert found == ["Process/1700 ValueError: part 1700 has no header"]
    assert search(page, "9999")[-1] == "Process/9999 finished"
    assert len(search(page, "process/")) < 20

    layer = "document.querySelector('#layer-Process .splits')"
    assert page.ask(f"{layer}.querySelectorAll('tbody tr').length") == 50
    assert page.ask(f"{layer}.querySelector('tbody th').innerText") == "Process/100"  # what failed is first
    page.ask(f"{layer}.querySelector('[data-by=later]').click()")
    assert page.ask(f"{layer}.querySelector('[role=status]').innerText") == "51 to 100 of 10,000"
    page.ask(f"(s => {{ s.value = 'x'; s.dispatchEvent(new Event('change')) }})({layer}.querySelector('select'))")
    assert page.ask(f"{layer}.querySelectorAll('tbody tr').length") == 29
    page.ask(f"{layer}.querySelector('[data-by=took]').click()")
    assert page.ask(f"{layer}.querySelector('[aria-sort=descending]').innerText") == "Took ↓"

    # The lane is folded; unfolded, it has a row for each split that ran at the same time.
    lane = "document.querySelectorAll('.lanes .names button')[1]"
    assert "at most 40 at a time" in page.ask(f"{lane}.innerText")
    before = page.ask("document.querySelector('.lanes canvas').clientHeight")
    page.ask(f"{lane}.click()")
    assert page.ask("document.querySelector('.lanes canvas').clientHeight") > before
    page.ask("document.querySelector('.lanes canvas').focus()")
    page.press("+")
    assert not page.ask("[...document.querySelectorAll('.tools button')].find(b => b.innerText == 'Show all').disabled")
    page.press("0")
    assert page.ask("[...document.querySelectorAll('.tools button')].find(b => b.innerText == 'Show all').disabled")


def test_light_and_dark(seen: Seen, open_page: Open) -> None:
    backs = []
    for dark in (False, True):
        page = open_page(of(seen, "bad-1"), dark=dark)
        backs.append(page.ask("getComputedStyle(document.body).backgroundColor"))
        boxes = page.ask("getComputedStyle(document.querySelector('svg.lg .waiting rect')).fill")
        assert boxes == ("rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)")
    assert backs == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]


def test_without_scripts_the_page_says_it_all_the_same(seen: Seen, open_page: Open) -> None:
    page = open_page(of(seen, "bad-1"), script=False)
    page.prefer()  # to be asked
    text = page.ask("document.body.innerText")
    for words in ("ValueError: n is -1", "reading -1", "laminar resume bad-1", "Source/0", "waits for Source"):
        assert words in text, words


def test_text_stays_in_its_boxes_and_the_page_in_the_window(many: str, seen: Seen, open_page: Open) -> None:
    for html in (many, of(seen, "first")):
        page = open_page(html)
        outside = page.ask(
            """[...document.querySelectorAll("svg.lg a")].flatMap(box => {
                const around = box.querySelector(".b").getBoundingClientRect();
                return [...box.querySelectorAll("text")].filter(text => {
                    const inside = text.getBoundingClientRect();
                    return inside.right > around.right - 4 || inside.left < around.left || inside.bottom > around.bottom;
                }).map(text => text.textContent);
            })"""
        )
        assert outside == []
        for width in (1280, 700, 360):
            page.resize(width, 800)
            assert page.ask("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name_and_can_be_reached(many: str, open_page: Open) -> None:
    page = open_page(many)
    nameless = page.ask(
        """[...document.querySelectorAll("button, select, input, a, canvas, [role=region]")].filter(each =>
            !(each.getAttribute("aria-label") || each.textContent.trim() || each.labels?.length)
        ).map(each => each.outerHTML)"""
    )
    assert nameless == []
    page.press("Tab")
    assert page.ask("document.activeElement.innerText") == "Skip to the report"
    assert page.ask("document.activeElement.getBoundingClientRect().top") > 0


EVIL = "</script><script>window.hacked=1</script><img src=http://x.invalid/ onerror=window.hacked=1>"


class Hostile(Flow): ...


@Hostile.register
class Writes(Layer):
    def __call__(self) -> None:
        self.text = EVIL
        vars(self)[f"<b onclick=hacked>{EVIL}"] = {EVIL: EVIL}


@Hostile.register
class Fails(Layer):
    def __call__(self, writes: Writes) -> None:
        self.stdout()
        raise type(EVIL, (Exception,), {})(EVIL)

    def stdout(self) -> None:
        import sys

        sys.stdout.write(f"{EVIL}\n")


def test_what_a_flow_writes_is_inert(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMINAR_PROGRESS", "quiet")
    store = Memory()
    flow = Hostile(datastore=store, executor=Thread())
    with pytest.raises(Exception, match="hacked"):
        flow(execution="evil", given=EVIL)
    html = report.html(store, "evil")
    assert html.count("&lt;script&gt;window.hacked=1") >= 5
    assert html.count("\\u003cscript\\u003ewindow.hacked=1") >= 3
    page = open_page(html)
    page.ask("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.ask("location.hash = '#Fails/0'")
    page.settle()
    search(page, "onerror")
    assert page.ask("document.querySelector('dialog').innerText").count("window.hacked=1")
    assert page.ask("window.hacked === undefined")
    assert page.ask("document.querySelectorAll('img, [onclick], [onerror], iframe, object').length") == 0
    assert page.ask("document.querySelectorAll('script').length") == 2


def test_scripts_that_are_not_the_pages_own_do_not_run(
    seen: Seen, open_page: Open, chromium: Browser, tmp_path: Path
) -> None:
    """The second line of defence, by itself: what stands in the page and is not ours is refused by its policy."""
    html = document(gather(seen.ledger("HelloFlow", "bad-1")))
    path = tmp_path / "changed.html"
    path.write_text(
        html.replace("<footer>", f"{EVIL}<script>window.hacked=2</script><b onclick='window.hacked=3'>x</b><footer>")
    )
    page = chromium.page()
    page.open(path)
    page.ask("document.querySelector('b[onclick]').click()")
    assert page.ask("window.hacked === undefined")
    assert page.ask("document.querySelectorAll('.lanes, #search input').length") == 2  # ours does
    assert any("Content Security Policy" in each for each in page.complaints)
