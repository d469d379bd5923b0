"""The page and the table for spreadsheets: whatever is in the rows, it is told and does nothing."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_backend.fleet import grid, page, spreadsheet
from state_backend.model import Outcome
from tests.unit.fleet.given import (
    ALL_KEPT,
    HOSTILE,
    SWEEP,
    denied,
    ignored,
    not_ready,
    organization,
    repaired,
    reported,
    row,
)

SOME = settings(max_examples=40, deadline=None, derandomize=True)

FORMULA = tuple("=+-@|\t\r\n＝＋－＠")
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40)


class Elements(HTMLParser):
    """What a page consists of, as a browser would take it apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag):
        self._open = ""

    def handle_data(self, data):
        self.texts.setdefault(self._open, []).append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def told(html: str) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found.group(1))


class TestHtml:
    def test_it_begins_with_the_number(self):
        html = page.html(reported([row(), row("3" * 12), denied(row("4" * 12))]))

        assert "66.6<small> %" in html
        assert "2 of 3 accounts have every control in place" in html

    def test_it_is_one_file_that_loads_nothing(self):
        found = Elements(page.html(reported(organization(60))))

        for tag, attributes in found.tags:
            for name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
                assert (attributes.get(name) or "#").startswith(("#", "data:,")), tag
            assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        assert not found.of("iframe")
        assert not re.search(r"url\((?!#)|@import|//[a-z]", page.html(reported([row()])))

    def test_the_policy_lets_run_what_is_in_it_and_nothing_else(self):
        html = page.html(reported([row()]))
        found = Elements(html)
        policy = found.of("meta")[1]["content"] or ""

        for tag, directive in (("script", "script-src"), ("style", "style-src")):
            text = found.texts[tag][-1]
            known = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            assert f"{directive} 'sha256-{known}'" in policy
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        # It stands before whatever it is about.
        assert html.index("Content-Security-Policy") < html.index("<style")

    def test_hostile_names_are_text(self):
        change = {
            "control": HOSTILE,
            "before": HOSTILE,
            "after": {HOSTILE: HOSTILE},
            "why": HOSTILE,
        }
        hostile = denied(
            row(name=HOSTILE, owner=HOSTILE, region=HOSTILE, notes=(HOSTILE,), repaired=(change,))
        )
        hostile = replace(
            hostile,
            code=HOSTILE,
            message=HOSTILE,
            remedy=HOSTILE,
            controls={**ALL_KEPT, HOSTILE: "FAILED"},
        )
        plain = Elements(page.html(reported([denied(row(repaired=(change,)))])))

        html = page.html(reported([hostile], id=HOSTILE, hub_account=HOSTILE, home_region=HOSTILE))
        found = Elements(html)

        assert len(found.of("script")) == 2
        assert not found.of("img")
        assert {tag for tag, _ in found.tags} <= {tag for tag, _ in plain.tags}
        assert told(html)["rows"][0][2] == HOSTILE

    @SOME
    @given(name=texts)
    def test_every_name_arrives_as_it_is(self, name):
        html = page.html(reported([row(name=name)]))

        assert told(html)["rows"][0][2] == name
        assert len(Elements(html).of("script")) == 2

    def test_the_data_break_no_script(self):
        html = page.html(reported([row(name=HOSTILE)]))
        data = html.partition('id="data">')[2].partition("</script>")[0]

        assert data.isascii()
        assert not set("<>&") & set(data)

    def test_what_needs_a_person_comes_with_its_remedy(self):
        html = page.html(reported([denied(row()), not_ready(row("3" * 12))]))
        section = html.partition('<h2 id="attention">')[2].partition("</section>")[0]

        assert section.index("AccessDenied") < section.index("Looked at again by itself")
        assert "Exempt the role StateholdProvisioner" in section
        assert 'data-filter="222222222222/eu-central-1"' in section

    def test_many_accounts_are_named_in_part_and_the_rest_is_a_link(self):
        rows = [denied(row(str(200_000_000_000 + it))) for it in range(100)]

        html = page.html(reported(rows))

        assert 'data-filter="AccessDenied">and 70 more' in html

    def test_repairs_show_what_was_there_and_what_is(self):
        html = page.html(reported([repaired(row())]))

        assert "<del>− Suspended</del>" in html
        assert "<ins>+ Enabled</ins>" in html
        assert "StateholdDenyDestroy" in html

    def test_a_plan_says_that_nothing_was_written(self):
        change = {"control": "bucket", "before": None, "after": "the-bucket", "why": "because"}
        it = row(status="WAITING", controls={"bucket": "WOULD_CHANGE"}, changes=(change,))

        html = page.html(reported([it], operation="plan"))

        assert "This was a plan: nothing was written." in html
        assert "What would change" in html
        assert told(html)["rows"][0][11] == [["bucket", "not set", "the-bucket"]]
        assert "This was a plan" not in page.html(reported([it]))

    def test_long_values_of_new_accounts_are_cut(self):
        change = {
            "control": "bucket-policy",
            "before": None,
            "after": "x" * 9_000,
            "why": "because",
        }
        it = row(status="WAITING", controls={"bucket": "WOULD_CHANGE"}, changes=(change,))

        html = page.html(reported([it] * 200, operation="plan"))

        after = told(html)["rows"][0][11][0][2]
        assert after.endswith("xxx… (the JSON file has all)")
        assert len(after) < 100

    def test_it_says_what_it_cannot_show(self):
        html = page.html(reported([row()]))
        section = html.partition('<h2 id="limits">')[2]

        for words in ("Who read or wrote a state", "Security Hub S3.22", "MFA delete", "SC-28(2)"):
            assert words in section

    def test_nothing_at_all_is_a_page_too(self):
        html = page.html(reported([]))

        assert "No account is in scope." in html
        assert "No backend was looked at." in html

    def test_every_heading_is_one_level_below_the_last(self):
        levels = [
            int(tag[1])
            for tag, _ in Elements(page.html(reported(organization(60)))).tags
            if re.fullmatch(r"h[1-6]", tag)
        ]

        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(next_one - it <= 1 for it, next_one in pairwise(levels))

    def test_a_bar_s_parts_fill_it_and_each_can_be_seen(self):
        rows = [row(str(200_000_000_000 + it)) for it in range(5_000)]
        rows[0] = denied(rows[0])
        html = page.html(reported(rows))
        bar = html.partition('<svg class="bar"')[2].partition("</svg>")[0]

        widths = [float(it) for it in re.findall(r'width="([0-9.]+)%"', bar)]

        assert sum(widths) == pytest.approx(100, abs=0.01)
        assert min(it for it in widths if it) > 0.5


class TestGrid:
    def test_each_control_has_a_line_with_its_figures(self):
        html = grid.grid(reported([row(), denied(row("3" * 12))])["rows"])
        line = html.partition("<code>bucket-policy</code>")[2].partition("</tr>")[0]

        assert (
            'aria-label="bucket-policy: 1 as it must be, 0 need not be there, 1 exceptions"' in line
        )
        assert 'data-filter="bucket-policy="' in line
        assert "REFUSED" in line

    def test_every_outcome_is_drawn(self):
        assert {it.outcome for it in grid.WORDS.values()} == {*Outcome, "MISSING"}

    def test_what_is_fine_and_what_is_not_differ_in_form_even_without_glyph_and_colour(self):
        fine, wrong = (
            {(it.top, it.height) for letter, it in grid.WORDS.items() if (letter in "kcn") == well}
            for well in (True, False)
        )

        assert not fine & wrong

    @pytest.mark.parametrize("accounts", [1, 3, 33, 34, 300, 5_000])
    def test_the_columns_fill_the_line_and_do_not_overlap(self, accounts):
        html = grid.grid(reported(organization(accounts))["rows"])
        line = html.partition("<tbody>")[2].partition("</svg>")[0]

        cells = [
            (float(x), float(width))
            for x, width in re.findall(
                r'<rect class="[^"]*" x="([0-9.]+)%" width="([0-9.]+)%"', line
            )
        ]

        for (x, width), (following, _) in pairwise(cells):
            assert x + width == pytest.approx(following, abs=0.01)
        end = sum(cells[-1])
        assert end == pytest.approx(100, abs=0.1) if accounts > 33 else end <= 100

    @pytest.mark.parametrize("bad", [1, 13, 399, 401, 4_999, 5_000])
    def test_however_many_are_wrong_the_picture_stays_small_and_shows_it(self, bad):
        rows = [row(str(200_000_000_000 + it)) for it in range(5_000)]
        rows[:bad] = map(denied, rows[:bad])

        html = grid.grid(reported(rows)["rows"])

        assert html.count("<rect") < 15_000
        widths = re.findall(r'<rect class="r[^"]*" x="[0-9.]+%" width="([0-9.]+)%"', html)
        assert sum(map(float, widths)) > 0.5

    def test_few_backends_are_named(self):
        html = grid.grid(reported([row(), row("3" * 12, name="search")])["rows"])

        assert "<li>search 333333333333 eu-central-1</li>" in html

    def test_what_is_ignored_is_not_in_it(self):
        html = grid.grid(reported([row(), ignored(row("3" * 12, name="search"))])["rows"])

        assert "search" not in html


class TestCsv:
    def read(self, rows):
        text = spreadsheet.csv(reported(rows))
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))

    def test_it_has_one_row_an_account_and_region_with_every_control(self):
        first, second = self.read([row(), denied(row("3" * 12))])

        assert first["account"] == "222222222222"
        assert first["bucket-policy"] == "KEPT"
        assert (second["status"], second["code"]) == ("FAILED", "AccessDenied")
        assert second["bucket-policy"] == "REFUSED"
        assert second["unready_since"] == "2026-11-24T02:00:00Z"

    def test_lines_end_as_the_rfc_says(self):
        text = spreadsheet.csv(reported([row(name='a "quoted", name\nof two lines')]))

        assert text.endswith("\r\n")
        assert '"a ""quoted"", name\nof two lines"' in text

    @pytest.mark.parametrize(
        "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "|cmd", "＝1", "\n=1", "\0=1"]
    )
    def test_no_name_is_a_formula(self, name):
        (found,) = self.read([row(name=name)])

        assert found["name"] == f"'{name}"

    @SOME
    @given(texts)
    def test_no_cell_begins_as_a_formula_and_the_rest_is_as_it_was(self, text):
        (found,) = self.read([row(name=text, message=text, notes=(text,), controls={text: "KEPT"})])

        assert found["name"] in {text, f"'{text}"}
        for key, value in found.items():
            assert not key.lstrip("\0 \v\f").startswith(FORMULA)
            assert not value.lstrip("\0 \v\f").startswith(FORMULA)

    def test_what_was_repaired_is_named(self):
        assert self.read([repaired(row())])[0]["repaired"] == "bucket-versioning bucket-policy"


def test_both_are_the_same_for_the_same_report():
    told = reported(organization(60), id=SWEEP.id)

    assert page.html(told) == page.html(told)
    assert spreadsheet.csv(told) == spreadsheet.csv(told)
