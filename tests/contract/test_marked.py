"""What tools write into a page stands between its markers, and nothing else of the page is lost."""

from __future__ import annotations

import pytest

from tools.marked import replaced_between, with_part

BEFORE = "before\n<!-- BEGIN it -->\nold\n<!-- END it -->\nafter\n"


def test_what_stands_between_the_markers_is_replaced_and_all_else_stays():
    assert replaced_between("a[old]b]c", "[", "]", "new") == "a[new]b]c"


def test_a_part_of_a_page_stands_between_its_comments_and_empty_lines():
    after = "before\n<!-- BEGIN it -->\n\nnew\n\n<!-- END it -->\nafter\n"

    assert with_part(BEFORE, "it", "new") == after
    assert with_part(after, "it", "new") == after


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(BEFORE.replace("<!-- END it -->\n", ""), id="no end"),
        pytest.param(BEFORE.replace("<!-- BEGIN it -->\n", ""), id="no beginning"),
        pytest.param("<!-- END it -->\n<!-- BEGIN it -->\nafter\n", id="the end first"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_page_without_both_markers_is_an_error_and_loses_nothing(page):
    with pytest.raises(ValueError, match=r"BEGIN it.*END it"):
        with_part(page, "it", "new")
