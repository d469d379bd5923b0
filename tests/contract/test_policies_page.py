"""docs/policies.md leads to every statement that we write, and says of each what it does."""

from __future__ import annotations

import json
import re

import pytest

from state_backend.policies.bucket_policy import bucket_policy
from state_backend.policies.document import statements_of
from state_backend.policies.key_policy import key_policy
from state_backend.policies.log_bucket_policy import log_bucket_policy
from tests.contract.templates import ROOT
from tests.contract.test_docs import cells, fences
from tools.generate import EXAMPLE
from tools.policies import LOG_BUCKET

PAGE = (ROOT / "docs/policies.md").read_text()
SECTIONS = {
    heading: body
    for heading, _, body in (
        part.partition("\n") for part in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    )
}
ROWS = [cells(line) for line in PAGE.splitlines() if line.startswith("| ")][2:]
WRITTEN = {
    f"{name}: {statement['Sid']}": statement
    for name, policy in (
        ("State bucket", bucket_policy),
        ("Key", key_policy),
        ("Log bucket", log_bucket_policy),
    )
    for statement in statements_of(policy(EXAMPLE, None))
}


@pytest.mark.parametrize("heading", WRITTEN)
def test_a_statement_has_a_heading_its_words_and_itself(heading):
    words, fence, _ = SECTIONS[heading].partition("```json")

    assert re.search(r"[.]", words)
    assert fence
    [(_, shown)] = fences(SECTIONS[heading].partition("\n## ")[0])
    assert json.loads(shown) == WRITTEN[heading]


def test_the_table_has_a_row_for_each_heading_in_their_order():
    assert [f"{policy}: {link[1 : link.index(']')]}" for policy, link, _ in ROWS] == list(SECTIONS)


def test_a_row_says_in_a_sentence_what_its_section_says_first():
    for (*_, sentence), section in zip(ROWS, SECTIONS.values(), strict=True):
        assert sentence.endswith(".")
        assert section.strip().startswith(sentence)


def test_no_two_statements_are_told_alike():
    told = [section.partition("```")[0] for section in SECTIONS.values()]

    assert len(set(told)) == len(told)


def test_the_log_buckets_words_are_about_statements_that_there_are():
    assert [f"Log bucket: {it}" for it in LOG_BUCKET] == [
        it for it in WRITTEN if it.startswith("Log bucket")
    ]
