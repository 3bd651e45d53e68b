"""The page in a real browser: a row appears when a trial is finished, by the keyboard too, and text stays text."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from raysat.storage.ledger import Ledger
from tests.helpers.board import served
from tests.helpers.patience import PATIENCE_S
from tests.helpers.report import write_trial
from tests.helpers.report_fixtures import MakeRun

HOSTILE = "<img src=x onerror=document.title='x'>"
ARMS = {HOSTILE: (0.9, 0.5, 0.6, 0.4), "LDAM": (0.9, 0.7, 0.7, 0.5), "focal": (0.9, 0.6, 0.7, 0.5)}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path: apt install chromium"),
]


@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        words = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=words)
        yield browser
        browser.close()


def opened(browser: Browser, url: str, **options: object) -> tuple[Page, list[str]]:
    """A page, and what its console says against it."""
    faults: list[str] = []
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(1000 * PATIENCE_S)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(url)
    return page, faults


def finish(run: Ledger, arm: int, seed: int) -> None:
    write_trial(run, f"{arm:08x}{seed:08x}", list(ARMS.values())[arm], seed=seed)


def test_a_row_appears_when_a_trial_is_finished(browser: Browser, make_run: MakeRun) -> None:
    missing = [("focal", 0), ("focal", 1), ("LDAM", 1)]
    run = make_run(ARMS, seeds=(0, 1), missing=missing, failed={(HOSTILE, 1): f"{HOSTILE} failed"})
    with served(run.root) as board:
        page, faults = opened(browser, board.url)
        rows = page.locator("#leaders-table tbody tr")
        rows.nth(1).wait_for()
        assert rows.count() == 2
        assert "focal" not in page.locator("#leaders-table").inner_text()
        finish(run, 2, 0)
        page.locator("#leaders-table tbody", has_text="focal").wait_for()
        assert rows.count() == 3
        assert page.locator("#facts dd").first.inner_text().startswith("3")
        assert page.locator("#link").inner_text() == "live"
        # text stays text
        assert page.locator("img").count() == 0
        assert HOSTILE in page.locator("#leaders-table").inner_text()
        assert "failed" in page.locator("#failures-list summary").inner_text()
        assert page.title().endswith("raysat board")
        # the keyboard: to the plan, down it, and what it says; curves on and off
        page.keyboard.press("p")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert "LDAM" in page.locator("#arm").inner_text()
        drawn = page.locator("#values tbody tr")
        number = drawn.count()
        page.keyboard.press("Enter")
        assert abs(drawn.count() - number) == 1
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("#help").is_visible()
        page.keyboard.press("/")
        page.keyboard.type("foc")
        expect(page.locator("#rows")).to_have_attribute("aria-label", re.compile("^1 arm "), timeout=PATIENCE_S * 1000)
        assert not faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_page_fits_its_width(browser: Browser, make_shared_run: MakeRun, width: int, scheme: str) -> None:
    run = make_shared_run({f"{'long name of an arm ' * 8}{arm}": (0.9, 0.6, 0.7, 0.5) for arm in range(3)})
    with served(run.root) as board:
        page, faults = opened(browser, board.url, viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.locator("#leaders-table tbody tr").nth(2).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 24, 29)"
        assert dark == (scheme == "dark")
        assert not faults


def test_several_runs_have_tabs(browser: Browser, make_run: MakeRun) -> None:
    runs = [make_run({name: (0.9, 0.5, 0.6, 0.4)}, study=name, first_id=number) for number, name in enumerate("ab")]
    with served(*(run.root for run in runs)) as board:
        page, faults = opened(browser, board.url)
        page.locator("#leaders-table tbody tr", has_text="a").wait_for()
        assert page.locator("#tabs [role=tab]").count() == 2
        page.keyboard.press("]")
        page.locator("#leaders-table tbody tr", has_text="b").wait_for()
        assert page.locator("#study").inner_text() == "b"
        assert not faults
