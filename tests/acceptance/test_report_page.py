"""The page of a report, in a real browser, as a person uses it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from state_backend.fleet import page as report_page
from state_backend.fleet.row import Row
from tests.unit.fleet.given import (
    HOSTILE,
    denied,
    ignored,
    not_ready,
    organization,
    repaired,
    reported,
    row,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="no Chromium on PATH -> on Debian: apt-get install chromium"
)

FEW = [
    row("2" * 12, name="payments"),
    denied(row("3" * 12, name="search")),
    not_ready(row("4" * 12, name="identity")),
    repaired(row("5" * 12, name="billing", region="us-east-1")),
    ignored(row("6" * 12, name="sandbox")),
]

SCHEMES = [{"color_scheme": "light"}, {"color_scheme": "dark"}]
TEXTS = (
    *("p", "h1", "h2", "h3", "a", "dt", "dd", "th", "td", "code", "del", "ins", "small"),
    *(".tag", ".soft", ".exception", ".bad", ".chips button", ".words li", "#hint"),
)
"""Selectors of whatever is written on the page."""

CONTRAST = """
([selector]) => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((it) => it / 255)
    .map((it) => (it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4))
    .reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (it) => {
    for (let at = it; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll(selector)].slice(0, 40).map((it) => {
    const pair = [light(channels(getComputedStyle(it).color)), light(behind(it))].sort();
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  });
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


class Reader:
    """Somebody with the page before them, who notices whatever it does wrong."""

    def __init__(self, browser: Browser, folder: Path, **settings: Any) -> None:
        self.context = browser.new_context(reduced_motion="reduce", **settings)
        self.page: Page = self.context.new_page()
        self.file = folder / "report.html"
        self.asked_for: list[str] = []
        self.wrong: list[str] = []
        self.context.on("request", lambda it: self.asked_for.append(it.url))
        self.page.on("pageerror", lambda it: self.wrong.append(str(it)))
        self.page.on("console", lambda it: self.wrong.append(it.text))
        self.page.on("dialog", lambda it: self.wrong.append(it.message))

    def opens(self, rows: list[Row], **sweep: Any) -> Page:
        self.file.write_text(report_page.html(reported(rows, **sweep)), encoding="utf-8")
        self.page.goto(self.file.as_uri())
        return self.page

    def accounts(self) -> list[str]:
        """The accounts of the rows that are there, from top to bottom."""
        cells = self.page.locator("#table .row td:nth-child(2)").all_inner_texts()
        return [it.split()[0] for it in cells]


@pytest.fixture
def reader(browser, tmp_path, request) -> Iterator[Reader]:
    it = Reader(browser, tmp_path, **getattr(request, "param", {}))
    yield it
    it.context.close()
    assert it.wrong == []
    # Nothing but the file itself was loaded.
    assert {url for url in it.asked_for if not url.startswith("data:")} <= {it.file.as_uri()}


class TestSorting:
    def test_what_needs_a_person_comes_first(self, reader):
        reader.opens(FEW)

        assert reader.accounts() == ["search", "identity", "payments", "billing", "sandbox"]

    @pytest.mark.parametrize(
        ("column", "first", "last"),
        [
            ("Status", "search", "sandbox"),
            ("Account", "billing", "search"),
            ("Region", "payments", "billing"),
            ("Why", "search", "billing"),
            ("Controls", "identity", "billing"),
            ("Not ready for", "search", "sandbox"),
            ("Repaired", "billing", "sandbox"),
        ],
    )
    def test_a_click_sorts_by_any_column_and_another_the_other_way(
        self, reader, column, first, last
    ):
        page = reader.opens(FEW)
        head = page.get_by_role("columnheader", name=column, exact=True)
        if column != "Status":
            head.get_by_role("button").click()

        expect(head).to_have_attribute("aria-sort", "ascending")
        assert (reader.accounts()[0], reader.accounts()[-1]) == (first, last)
        head.get_by_role("button").click()

        expect(head).to_have_attribute("aria-sort", "descending")
        assert len(page.locator("th[aria-sort]").all()) == 1
        # Those that are alike stay in the report's order.
        assert reader.accounts()[0] != first or column == "Not ready for"


class TestFiltering:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("pay", ["payments"]),
            ("333333333333", ["search"]),
            ("us-east-1", ["billing"]),
            ("ACCESSDENIED", ["search"]),
            ("555555555555/us-east-1", ["billing"]),
            ("bucket-policy=", ["search", "identity"]),
            ("bucket-policy=refused", ["search"]),
            ("bucket-versioning=missing", ["identity"]),
            ("central denied", ["search"]),
            ("nothing of that", []),
        ],
    )
    def test_text_finds_accounts(self, reader, text, found):
        page = reader.opens(FEW)

        page.get_by_label("Filter").fill(text)

        expect(page.get_by_role("status")).to_have_text(f"{len(found)} of 5 rows")
        assert reader.accounts() == found

    def test_a_chip_narrows_and_a_second_one_widens(self, reader):
        page = reader.opens(FEW)

        page.get_by_role("button", name="READY 2").click()
        assert reader.accounts() == ["payments", "billing"]
        page.get_by_role("button", name="FAILED 1").click()
        assert reader.accounts() == ["search", "payments", "billing"]
        page.get_by_label("Filter").fill("pay")
        assert reader.accounts() == ["payments"]
        page.get_by_label("Filter").fill("")
        page.get_by_role("button", name="READY 2").click()
        assert reader.accounts() == ["search"]

    def test_what_was_repaired_can_be_found(self, reader):
        page = reader.opens(FEW)

        page.get_by_role("button", name="repaired 1").click()

        assert reader.accounts() == ["billing"]

    def test_nothing_found_says_so_and_how_to_go_back(self, reader):
        page = reader.opens(FEW)
        page.get_by_label("Filter").fill("nothing of that")

        page.get_by_role("button", name="Clear the filter").click()

        assert len(reader.accounts()) == 5
        expect(page.get_by_label("Filter")).to_be_focused()

    def test_an_account_that_needs_a_person_is_a_click_away(self, reader):
        page = reader.opens(FEW)

        page.get_by_role("link", name="333333333333/eu-central-1").first.click()

        assert reader.accounts() == ["search"]
        expect(page.get_by_role("heading", name="All accounts")).to_be_in_viewport()

    def test_the_exceptions_of_a_control_are_a_click_away(self, reader):
        page = reader.opens(FEW)
        line = page.get_by_role("row", name="bucket-policy:")

        line.get_by_role("link", name="2").click()

        assert reader.accounts() == ["search", "identity"]


class TestDetails:
    def test_a_click_opens_a_row_and_another_closes_it(self, reader):
        page = reader.opens(FEW)
        button = page.get_by_role("button", name="FAILED: search, eu-central-1. Details")

        page.locator("#table .row", has_text="search").locator("td").nth(1).click()

        more = page.locator(".more")
        expect(button).to_have_attribute("aria-expanded", "true")
        expect(more).to_contain_text("Exempt the role StateholdProvisioner")
        expect(more).to_contain_text("tfstate-333333333333-eu-central-1-an")
        expect(more.locator(".bad")).to_have_text(["bucket-policy REFUSED", "parameters UNSETTLED"])
        button.click()
        expect(button).to_have_attribute("aria-expanded", "false")
        expect(more).to_have_count(0)

    def test_a_repair_is_told_with_what_was_there(self, reader):
        page = reader.opens(FEW)

        page.get_by_role("button", name="READY: billing").click()

        expect(page.locator(".more del").first).to_have_text("− Suspended\n")
        expect(page.locator(".more ins").first).to_have_text("+ Enabled")

    def test_an_open_row_stays_open_when_the_order_changes(self, reader):
        page = reader.opens(FEW)
        page.get_by_role("button", name="FAILED: search").click()

        page.get_by_role("button", name="Region", exact=True).click()

        expect(page.locator(".more")).to_contain_text("Exempt the role")


class TestKeyboard:
    def test_all_of_it_works_without_a_mouse(self, reader):
        page = reader.opens(FEW)
        focused = page.locator(":focus")

        page.keyboard.press("Tab")
        expect(focused).to_have_text("Skip to the table of accounts")
        page.keyboard.press("/")
        expect(page.get_by_label("Filter")).to_be_focused()
        page.keyboard.type("eu-central-1")
        assert "billing" not in reader.accounts()
        page.keyboard.press("Tab")
        expect(focused).to_have_text("FAILED 1")
        page.keyboard.press("Space")
        expect(focused).to_have_attribute("aria-pressed", "true")
        for _ in range(5):
            page.keyboard.press("Tab")
        expect(focused).to_have_attribute("aria-label", "Rows")  # with the arrows it scrolls
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("th[aria-sort=descending]")).to_have_text("Status")
        for _ in range(7):
            page.keyboard.press("Tab")
        expect(focused).to_have_attribute("aria-label", "FAILED: search, eu-central-1. Details")
        page.keyboard.press("Enter")
        expect(page.locator(".more")).to_contain_text("Exempt the role")
        expect(focused).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("Escape")
        expect(page.get_by_label("Filter")).to_have_value("")
        assert len(reader.accounts()) == 5

    def test_a_slash_in_the_filter_is_a_slash(self, reader):
        page = reader.opens(FEW)

        page.keyboard.press("/")
        page.keyboard.type("333333333333/eu")

        expect(page.get_by_label("Filter")).to_have_value("333333333333/eu")

    @pytest.mark.parametrize("reader", SCHEMES, indirect=True)
    def test_focus_is_always_seen(self, reader):
        page = reader.opens(FEW)
        page.keyboard.press("Tab")

        for _ in range(60):
            outline = page.evaluate(
                "() => { const it = getComputedStyle(document.activeElement);"
                " return [document.activeElement.tagName, it.outlineStyle, it.outlineWidth] }"
            )
            assert outline[0] == "BODY" or outline[1:] == ["solid", "3px"]
            page.keyboard.press("Tab")

    def test_focus_goes_down_through_rows_that_were_not_there_before(self, reader):
        page = reader.opens(list(organization(5_000)))
        page.locator(".open").first.focus()

        for _ in range(60):
            page.keyboard.press("Tab")

        assert page.evaluate("document.activeElement.className").startswith("open")
        assert int(page.locator("tr:has(:focus)").get_attribute("aria-rowindex")) == 62
        expect(page.locator(":focus")).to_be_in_viewport()


class TestFiveThousandAccounts:
    def test_only_what_is_in_sight_is_in_the_document(self, reader):
        page = reader.opens(list(organization(5_000)))

        assert page.evaluate("document.querySelectorAll('*').length") < 4_000
        assert len(reader.accounts()) < 60
        expect(page.locator("#table")).to_have_attribute("aria-rowcount", "5001")

    def test_the_last_row_can_be_reached_and_the_first_again(self, reader):
        rows = list(organization(5_000))
        page = reader.opens(rows)
        scroller = page.get_by_role("region", name="Rows")
        scroller.focus()

        scroller.evaluate("it => { it.scrollTop = it.scrollHeight }")
        expect(page.locator("tr[aria-rowindex='5001']")).to_be_in_viewport()
        scroller.evaluate("it => { it.scrollTop = 0 }")

        expect(page.locator("tr[aria-rowindex='2']")).to_be_in_viewport()

    def test_rows_meet_wherever_one_looks_also_where_some_are_open(self, reader):
        page = reader.opens(list(organization(5_000)))
        page.locator(".open").first.click()
        page.locator(".open").nth(2).click()

        for top in (0, 700, 100_000, 250_000, 10_000_000):
            page.locator(".scroller").evaluate("(it, top) => { it.scrollTop = top }", top)
            page.wait_for_function(
                """() => {
                  const bodies = [...document.querySelectorAll('#table tbody[data-row]')];
                  const sides = bodies.map((it) => it.getBoundingClientRect());
                  const view = document.querySelector('.scroller').getBoundingClientRect();
                  const gaps = sides.slice(1).map((it, at) => Math.abs(it.top - sides[at].bottom));
                  return Math.max(...gaps) < 1 && sides[0].top <= view.top + 60
                    && sides.at(-1).bottom >= view.bottom - 60;
                }"""
            )

    def test_filter_and_order_are_of_all_of_them(self, reader):
        page = reader.opens(list(organization(5_000)))

        page.get_by_label("Filter").fill("bucket-policy=refused")
        expect(page.get_by_role("status")).to_have_text("3 of 5,000 rows")
        page.get_by_label("Filter").fill("")
        page.get_by_role("button", name="Account", exact=True).click()
        page.get_by_role("button", name="Account", exact=True).click()

        assert reader.accounts()[0].startswith("search-staging")


class TestLooks:
    @pytest.mark.parametrize("reader", [{"color_scheme": "dark"}], indirect=True)
    def test_it_is_dark_where_the_reader_likes_it_so(self, reader):
        page = reader.opens(FEW)

        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"

    @pytest.mark.parametrize("reader", SCHEMES, indirect=True)
    def test_all_text_can_be_read(self, reader):
        page = reader.opens(FEW)
        page.get_by_role("button", name="FAILED: search").click()
        page.get_by_role("button", name="READY: billing").click()

        for selector in TEXTS:
            found = page.evaluate(CONTRAST, [selector])
            assert found, selector
            assert min(found) >= 4.5, selector

    @pytest.mark.parametrize("reader", [{"viewport": {"width": 360, "height": 740}}], indirect=True)
    def test_it_fits_a_small_screen(self, reader):
        page = reader.opens([*FEW, *organization(300)])

        page.get_by_role("button", name="FAILED: search,").click()

        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate("document.querySelector('.scroller').scrollWidth") <= 360
        for name in ("Status", "Account", "Why"):
            expect(page.get_by_role("columnheader", name=name, exact=True)).to_be_visible()
        expect(page.locator(".more")).to_contain_text("eu-central-1")
        widest = page.evaluate(
            "Math.max(...[...document.querySelectorAll('main *:not(.scroller *)')]"
            ".filter((it) => it.getClientRects().length && !it.closest('pre, .wide'))"
            ".map((it) => it.getBoundingClientRect().right))"
        )
        assert widest <= 360

    def test_on_paper_there_is_every_row_and_nothing_to_click(self, reader):
        page = reader.opens(list(organization(300)))
        page.evaluate(
            "addEventListener('beforeprint', () => {"
            " window.printed = document.querySelectorAll('#table .row').length })"
        )

        page.pdf()

        assert page.evaluate("window.printed") == 300
        assert len(reader.accounts()) < 60
        page.emulate_media(media="print")
        expect(page.get_by_label("Filter")).to_be_hidden()
        expect(page.get_by_role("navigation")).to_be_hidden()
        expect(page.get_by_role("heading", name="All accounts")).to_be_visible()

    @pytest.mark.parametrize("reader", [{"color_scheme": "dark"}], indirect=True)
    def test_paper_is_white(self, reader):
        page = reader.opens(FEW)

        page.emulate_media(media="print", color_scheme="dark")

        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )
        assert min(page.evaluate(CONTRAST, ["p, td, th"])) >= 4.5

    @pytest.mark.parametrize("reader", [{"java_script_enabled": False}], indirect=True)
    def test_without_scripts_all_but_the_table_is_there(self, reader):
        page = reader.opens(FEW)

        expect(page.get_by_role("heading", level=1)).to_contain_text("2 of 4 accounts")
        expect(page.get_by_text("The table needs JavaScript")).to_be_visible()
        expect(page.get_by_role("rowheader", name="SC-28", exact=True)).to_be_visible()


class TestHostile:
    ROWS = (
        denied(row("2" * 12, name=HOSTILE, notes=(HOSTILE,))),
        replace(
            repaired(row("3" * 12, name='"><img src=//example.com/x>')),
            code=HOSTILE,
            message="<a href=javascript:window.taken=1>click</a>",
            remedy=HOSTILE,
            owner="javascript:window.taken=1",
            repaired=({"control": HOSTILE, "before": HOSTILE, "after": [HOSTILE], "why": HOSTILE},),
        ),
    )

    def test_whatever_an_account_is_called_it_does_nothing(self, reader):
        page = reader.opens(list(self.ROWS), id=HOSTILE)

        for it in page.locator(".open").all():
            it.click()
        page.get_by_label("Filter").fill("<img")

        assert page.evaluate("window.taken") is None
        assert page.locator("img, iframe, object, body a[href^='javascript']").count() == 0
        assert page.locator("script").count() == 2
        expect(page.get_by_text(HOSTILE.replace("\u2028", " ")[:20]).first).to_be_attached()

    def test_even_markup_that_came_in_could_not_run_or_load(self, reader):
        page = reader.opens(FEW)
        arrived: list[str] = []
        reader.context.on("requestfinished", lambda it: arrived.append(it.url))

        page.evaluate(
            """() => {
              window.refused = new Set();
              const note = (it) => refused.add(it.effectiveDirective);
              addEventListener('securitypolicyviolation', note);
              const attempts = [
                () => { document.body.innerHTML = '<b>'; },
                () => {
                  const it = document.createElement('img');
                  it.src = 'https://example.com/x.png';
                  document.body.append(it);
                },
                () => {
                  const it = document.createElement('link');
                  Object.assign(it, { rel: 'stylesheet', href: 'https://example.com/x.css' });
                  document.head.append(it);
                },
              ];
              for (const it of attempts) { try { it(); } catch { /* refused, and told as such */ } }
              fetch('https://example.com/').catch(() => undefined);
            }"""
        )

        for it in ("require-trusted-types-for", "connect-src", "img-src", "style-src-elem"):
            page.wait_for_function("(it) => refused.has(it)", arg=it)
        assert page.get_by_role("heading", level=1).count() == 1
        assert arrived == []
        # What the browser said of those attempts, and gave up.
        reader.wrong.clear()
        reader.asked_for.clear()


class TestWithoutSight:
    def test_headings_landmarks_and_tables_have_names(self, reader):
        page = reader.opens(FEW)

        for name in (
            "Status of every backend",
            "What needs a person",
            "Controls, account by account",
            "What had drifted, and was repaired",
            "All accounts",
            "Evidence by standard",
            "What this cannot show",
            "How this was made",
        ):
            expect(page.get_by_role("heading", level=2, name=name)).to_be_visible()
            expect(page.get_by_role("region", name=name).first).to_be_visible()
        expect(page.get_by_role("main")).to_be_visible()
        expect(page.get_by_role("search", name="Accounts")).to_be_visible()
        expect(
            page.get_by_role("img", name="2 READY, 1 WAITING, 1 FAILED, 1 IGNORED")
        ).to_be_visible()

    def test_every_control_of_the_page_has_a_name(self, reader):
        page = reader.opens(FEW)

        for it in page.locator("button, a, input").all():
            named = it.get_attribute("aria-label") or it.text_content() or it.get_attribute("id")
            assert named
