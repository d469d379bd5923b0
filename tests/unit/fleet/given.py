"""Organizations to report on: as many accounts as asked for, a few of them with something wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from state_backend.calls import JSON
from state_backend.controls import CONTROLS
from state_backend.fleet.report import Sweep, report
from state_backend.fleet.row import Row
from state_backend.resources import RESOURCES

SWEEP = Sweep(
    id="2026-11-24T02-00-00-4711",
    started_at=1_795_485_600.0,  # 24 November 2026, 02:00 UTC
    finished_at=1_795_487_100.0,
    operation="reconcile",
    hub_account="111111111111",
    home_region="eu-central-1",
)
DAY = 86_400.0

_SUPPORTING = {it.id for it in RESOURCES if it.supporting}
REPORTED = (
    *(it.id for it in RESOURCES),
    *(it.id for it in CONTROLS if not _SUPPORTING.issuperset(it.on)),
)
"""What a run tells of, in order."""

ALL_KEPT = {it: "NOT_APPLICABLE" if it == "lock-table" else "KEPT" for it in REPORTED}

HOSTILE = "</script><script>window.taken=1</script><!--<img src=x onerror=window.taken=1>\u2028=1+1"

_TEAMS = ("payments", "search", "identity", "billing", "ledger", "checkout", "fraud", "media")
_STAGES = ("production", "staging", "sandbox", "data")


def row(account: str = "222222222222", region: str = "eu-central-1", **given: JSON) -> Row:
    """A backend that is as it must be, but for what is *given*."""
    usual = {
        "name": "payments-production",
        "bucket_name": f"tfstate-{account}-{region}-an",
        "status": "READY",
        "owner": "hub",
        "controls": ALL_KEPT,
    }
    return Row(account=account, region=region, **{**usual, **given})


def denied(it: Row) -> Row:
    return replace(
        it,
        status="FAILED",
        code="AccessDenied",
        controls={**ALL_KEPT, "bucket-policy": "REFUSED", "parameters": "UNSETTLED"},
        message=f"s3:put_bucket_policy failed with AccessDenied: User: arn:aws:sts::{it.account}:"
        "assumed-role/StateholdProvisioner/statehold is not authorized to perform: "
        f'"s3:PutBucketPolicy" on "arn:aws:s3:::{it.bucket_name}" with an explicit deny in a '
        "service control policy",
        remedy="Exempt the role StateholdProvisioner from the service control policy that denies "
        "s3:PutBucketPolicy, or act through another role",
    )


def not_ready(it: Row) -> Row:
    return replace(
        it,
        status="WAITING",
        code="NotReady",
        controls={},
        bucket_name="",
        owner="",
        message=f"No role of account {it.account} can be assumed yet",
        remedy="A new account can take half an hour to become usable",
    )


def unreadable(it: Row) -> Row:
    return replace(
        it,
        status="WAITING",
        code="NotPermittedYet",
        controls={**ALL_KEPT, "kms-key-rotation": "UNKNOWN", "kms-key-policy": "UNKNOWN"},
        message="kms:get_key_policy failed with AccessDeniedException",
        remedy="Permissions of a new account can take up to an hour to apply",
    )


def repaired(it: Row) -> Row:
    before = {"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Allow"}]}
    ours = {"Sid": "StateholdDenyDestroy", "Effect": "Deny", "Action": "s3:DeleteBucket"}
    after = {**before, "Statement": [*before["Statement"], ours]}
    return replace(
        it,
        controls={**ALL_KEPT, "bucket-versioning": "CHANGED", "bucket-policy": "CHANGED"},
        repaired=(
            {
                "control": "bucket-versioning",
                "before": "Suspended",
                "after": "Enabled",
                "why": "A bad apply, or a deleted state, could not be undone.",
            },
            {
                "control": "bucket-policy",
                "before": before,
                "after": after,
                "why": "Default settings are only defaults.",
            },
        ),
    )


def ignored(it: Row) -> Row:
    return replace(
        it,
        status="IGNORED",
        code="Ignored",
        controls={},
        bucket_name="",
        owner="",
        message=f"account {it.account} opts out by its tag statehold=off",
        remedy="Nothing has to be done",
    )


_WRONG = {3: denied, 7: not_ready, 11: unreadable, 13: repaired, 17: ignored, 19: repaired}


def organization(accounts: int, regions: tuple[str, ...] = ("eu-central-1",)) -> Iterator[Row]:
    """Accounts of which about one in a hundred has something to tell."""
    every = 4 if accounts <= 20 else 60 if accounts <= 1_000 else 400
    for number in range(accounts):
        account = f"{200_000_000_000 + number * 7_919:012}"
        name = f"{_TEAMS[number % 8]}-{_STAGES[number // 8 % 4]}-{number // 32}".removesuffix("-0")
        for region in regions:
            it = row(account, region, name=name)
            kinds = list(_WRONG.values())
            yield kinds[number // every % len(kinds)](it) if number % every == 1 else it


def reported(rows: Iterator[Row] | list[Row], **sweep: JSON) -> dict[str, JSON]:
    """The report on *rows*."""
    return report(replace(SWEEP, **sweep), rows)
