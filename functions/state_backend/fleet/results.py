"""
What became of each place of a sweep: its list, joined with what the state machine has written.

A place without a good answer is a row that FAILED, with the engine's own word for it: it is never
left out and never taken for ready. Step Functions writes one record for each item, in files by
status; what was driven again has records in older files too.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest, StateholdError
from state_backend.fleet.places import Place
from state_backend.fleet.row import Row, row_of
from state_backend.outcomes import FAILED
from state_backend.ownership import HUB

FILES = ("PENDING", "FAILED", "SUCCEEDED")
"""By the status of what is in them; those whose word counts for more after the others."""


def rows(places: Iterable[Place], records: Iterable[Mapping[str, JSON]]) -> list[Row]:
    """
    One row for each of *places*, in their order.

    Args:
        records: Of the items, in the order of ``FILES``: a later one counts for more.
    """
    answers: dict[tuple[str, str], Row] = {}
    for record in records:
        where = _place_of(record)
        if where is not None:
            answers[where] = _row(*where, record)
    return [_with_place(it, answers.get((it.account, it.region))) for it in places]


def _place_of(record: Mapping[str, JSON]) -> tuple[str, str] | None:
    asked = _parsed(record.get("Input"))
    if not isinstance(asked, dict):
        return None
    account, region = asked.get("accountId"), asked.get("region")
    return (account, region) if isinstance(account, str) and isinstance(region, str) else None


def _row(account: str, region: str, record: Mapping[str, JSON]) -> Row:
    status = record.get("Status")
    if status == "PENDING":
        return _failed(account, region, "The sweep ended before this account's turn came")
    if status != "SUCCEEDED":
        return _failed(account, region, f"The run for this account ended with {_ending(record)}")
    try:
        return _answered(account, region, _parsed(record.get("Output")))
    except InvalidRequest as error:
        return _failed(account, region, error.message)


def _answered(account: str, region: str, answers: JSON) -> Row:
    """The row of what the function answered: an array with one object, about this place."""
    if not isinstance(answers, list) or len(answers) != 1 or not isinstance(answers[0], dict):
        raise InvalidRequest("The run's answer is not that of one account and Region")
    answer = answers[0]
    if answer.get("accountId") == "":  # it came to nothing before it came to the account
        answer = {**answer, "accountId": account, "region": region}
    row = row_of(answer)
    if (row.account, row.region) != (account, region):
        raise InvalidRequest(f"The run's answer is about {row.account} in {row.region}")
    return row


def _with_place(place: Place, row: Row | None) -> Row:
    """*row* with what is known of its place besides."""
    if row is None:
        row = _failed(place.account, place.region, "The sweep has no answer about this account")
    owner = place.owner or (HUB if row.controls else "")
    return replace(row, name=place.name, owner=owner)


def _failed(account: str, region: str, message: str) -> Row:
    return Row(
        account=account,
        region=region,
        status=FAILED,
        code=StateholdError.code,
        message=message,
        remedy=f"Look for {account} in the log of AccountVendedFunction, then run the operation "
        "reconcile for it by hand, or wait for the next sweep",
    )


def _ending(record: Mapping[str, JSON]) -> str:
    """How a run ended, in the engine's words and without a stack trace."""
    cause = _parsed(record.get("Cause"))
    said = cause.get("errorMessage") if isinstance(cause, dict) else record.get("Cause")
    words = (record.get("Error") or record.get("Status"), said)
    return ": ".join(str(it)[:300] for it in words if it) or "an error without a name"


def _parsed(text: JSON) -> JSON:
    """The JSON in *text*; None if there is none."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
