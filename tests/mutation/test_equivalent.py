"""The list of changes that no test can notice, and how what mutmut shows is read."""

from __future__ import annotations

import pytest

from tools import mutation
from tools.mutation import Mutant

SHOWN = """
--- state_backend/policies/document.py
+++ state_backend/policies/document.py
@@ -1,4 +1,4 @@
 def statements_of(document):
-    found = (document or {}).get(
-        "Statement", [])
+    found = (document or {}).get(None)
     return found
"""


def test_what_mutmut_shows_is_a_line_and_what_it_became():
    made = mutation.mutant_of("state_backend.policies.document.x_statements_of__mutmut_1", SHOWN)

    assert made == Mutant(
        "policies/document.py",
        'found = (document or {}).get( "Statement", [])',
        "found = (document or {}).get(None)",
    )


@pytest.mark.parametrize(
    ("line", "became", "wording"),
    [
        ('"Keep it, or make another",', '"XXKeep it, or make anotherXX",', True),
        ('"Keep it, or make another"', '"KEEP IT, OR MAKE ANOTHER"', True),
        ('"Keep it, or make another",', "None,", False),
        ('"kms:CreateKey",', '"XXkms:CreateKeyXX",', False),
        ('raise Failed("Keep it")', 'raise Failed("keep it")', False),
    ],
)
def test_only_a_sentence_in_other_letters_is_wording(line, became, wording):
    assert mutation.is_wording(Mutant("drift.py", line, became)) is wording


def test_each_entry_is_about_a_line_that_is_there():
    sources = {
        name: " ".join((mutation.ROOT / "functions/state_backend" / name).read_text().split())
        for name in {it.module for it in mutation._listed()}
    }

    assert [it for it in mutation._listed() if it.line not in sources[it.module]] == []


def test_the_table_has_a_line_a_module_and_one_for_all():
    one, two = Mutant("drift.py", "a", "b"), Mutant("drift.py", "c", "d")

    told = mutation.table({"drift.py": 3, "reconcile.py": 1}, [one, two], [one]).splitlines()

    assert told[2:] == [
        "| `drift.py` | 5 | 3 | 1 | 1 |",
        "| `reconcile.py` | 1 | 1 | 0 | 0 |",
        "| in all | 6 | 4 | 1 | 1 |",
    ]
