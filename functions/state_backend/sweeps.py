"""
The first and the last task of a sweep: the list of its places, and the report on them.

In between a Distributed Map runs ``AccountVendedFunction`` for each place of the list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from state_backend.aws import accounts
from state_backend.aws.reports import ReportBucket
from state_backend.calls import JSON
from state_backend.errors import InvalidRequest, StateholdError
from state_backend.event_sources.operation import OPERATIONS
from state_backend.fleet import results
from state_backend.fleet.coverage import Coverage, coverage
from state_backend.fleet.page import html
from state_backend.fleet.places import place_of, places
from state_backend.fleet.report import Sweep, report
from state_backend.fleet.spreadsheet import csv
from state_backend.hub import Hub
from state_backend.outcomes import FAILED, WAITING
from state_backend.telemetry import measure

LATEST = "latest/"
"""Where the newest report is found again, under a name that does not change."""


def report_bucket(hub: Hub, function_arn: str) -> ReportBucket:
    """The hub's report bucket, which belongs to the account of the function itself."""
    account = function_arn.split(":")[4]
    return ReportBucket(name=hub.settings.report_bucket, account=account, invoke=hub.invoke)


def begin(event: JSON, hub: Hub, bucket: ReportBucket) -> dict[str, JSON]:
    """
    Writes the list of all places and says where it is, and how the sweep is to go on.

    Raises:
        InvalidRequest: The sweep's input is not understood.
        AwsError: Not all places are known. A sweep of some of them would pass for one of all.
    """
    operation = _operation(event["input"], hub)
    started_at = hub.clock.now()
    regions = hub.settings.regions or (hub.settings.region,)
    found = list(places(accounts.everyone(hub.at_home), hub.register.backends(), regions))
    day = datetime.fromtimestamp(started_at, UTC).date().isoformat()
    prefix = f"sweeps/{day}/{event['id']}/"
    items = json.dumps([it.to_json() for it in found], ensure_ascii=False)
    bucket.write(f"{prefix}places.json", items, "application/json")
    return {
        "id": event["id"],
        "operation": operation,
        "startedAt": started_at,
        "concurrency": hub.settings.sweep_concurrency,
        "prefix": prefix,
        "list": f"{prefix}places.json",
        "results": f"{prefix}results",
        "places": len(found),
        "accounts": len({it.account for it in found}),
    }


def _operation(asked: JSON, hub: Hub) -> str:
    if not isinstance(asked, dict) or not set(asked) <= {"operation"}:
        raise InvalidRequest(
            "The sweep's input has other parts than operation",
            'Start it with {} or {"operation": "plan"}',
        )
    operation = asked.get("operation", "reconcile")
    if operation not in OPERATIONS:
        raise InvalidRequest(
            f"The sweep's operation is {str(operation)[:60]!r}",
            f"It must be {' or '.join(OPERATIONS)}",
        )
    return "plan" if hub.settings.plan_only else str(operation)


def finish(event: Mapping[str, JSON], hub: Hub, bucket: ReportBucket) -> dict[str, JSON]:
    """
    Writes the report on the sweep that *event* describes, and answers its number.

    Raises:
        AwsError: The list, the results or the report before could not be read whole.
    """
    listed = [place_of(it) for it in bucket.items(event["list"])]
    rows = results.rows(listed, _records(event, bucket))
    sweep = Sweep(
        id=event["id"],
        started_at=event["startedAt"],
        finished_at=hub.clock.now(),
        operation=event["operation"],
        hub_account=bucket.account,
        home_region=hub.settings.home_region,
    )
    told = report(sweep, rows, bucket.read(f"{LATEST}report.json"))
    forms = {
        "report.json": (json.dumps(told, ensure_ascii=False, indent=1), "application/json"),
        "report.csv": (csv(told), "text/csv"),
        "report.html": (html(told), "text/html"),
    }
    # The sweep's own first: what is called the latest is there under its date as well.
    for prefix in (event["prefix"], LATEST):
        for name, (text, content_type) in forms.items():
            bucket.write(f"{prefix}{name}", text, content_type)
    number = coverage(rows)
    _count(number, told["coverage"]["oldestUnready"], sweep)
    return {
        "sentence": number.sentence,
        "percent": number.percent,
        "rows": len(rows),
        "byStatus": dict(number.by_status),
        "report": f"s3://{bucket.name}/{event['prefix']}report.html",
    }


def _records(event: Mapping[str, JSON], bucket: ReportBucket) -> Iterator[Mapping[str, JSON]]:
    """What the Distributed Map has written of its items, file by file."""
    written = event["map"]["ResultWriterDetails"]
    manifest = bucket.read(written["Key"])
    if manifest is None:
        raise StateholdError(
            f"The sweep's results {written['Key']} are not there", "Start the sweep again"
        )
    for status in results.FILES:
        for file in manifest["ResultFiles"][status]:
            yield from bucket.items(file["Key"])


def _count(number: Coverage, oldest: Mapping[str, str] | None, sweep: Sweep) -> None:
    now = sweep.finished_at
    since = datetime.fromisoformat(oldest["since"]).timestamp() if oldest else now
    measure("FleetCoverage", number.percent)
    measure("FleetAccounts", number.accounts_in_scope)
    measure("FleetFailed", number.by_status[FAILED])
    measure("FleetWaiting", number.by_status[WAITING])
    measure("FleetRepaired", number.repaired)
    measure("FleetOldestUnready", (now - since) / 3600)
