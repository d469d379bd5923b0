"""The rows of a report as a table for spreadsheets."""

from __future__ import annotations

import csv as csv_format
import io
import re
from collections.abc import Iterator, Mapping, Sequence

from state_backend.calls import JSON
from state_backend.fleet import grid

_COLUMNS = (
    "account",
    "region",
    "name",
    "bucket",
    "status",
    "owner",
    "unready_since",
    "code",
    "message",
    "remedy",
    "repaired",
    "would_change",
    "notes",
)


def csv(report: Mapping[str, JSON]) -> str:
    """
    The rows of *report* by RFC 4180, one an account and Region, each control a column.

    No cell begins as a formula does: where one would, an apostrophe stands before it.
    """
    names = grid.columns(report["rows"])
    file = io.StringIO(newline="")
    writer = csv_format.writer(file, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, *(_cell(it) for it in names)])
    for row in report["rows"]:
        writer.writerow([_cell(it) for it in _cells(row, names)])
    return file.getvalue()


def _cells(row: Mapping[str, JSON], names: Sequence[str]) -> Iterator[str]:
    yield row["account"]
    yield row["region"]
    yield row["name"]
    yield row["bucketName"]
    yield row["status"]
    yield row["owner"]
    yield row["unreadySince"]
    yield row["code"]
    yield row["message"]
    yield row["remedy"]
    yield " ".join(it["control"] for it in row["repaired"])
    yield " ".join(it["control"] for it in row["changes"])
    yield " ".join(row["notes"])
    for name in names:
        yield row["controls"].get(name, "")


# Spreadsheets skip what is blank before a formula, and take its full-width signs for the same.
_FORMULA = re.compile(r"[\s\0]*[=+\-@|＝＋－＠]|[\t\r\n]")


def _cell(text: str) -> str:
    """*text* such that no spreadsheet takes it for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text
