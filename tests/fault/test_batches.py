"""
A batch of ten messages of which some are bad: only what may work later comes back.

What nobody can make sense of goes to people, and what is good is done once, in whatever company.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.organization import about_account
from tests.aws_double import Fault
from tests.fault.ground import REGION, Ground, Site
from tests.fault.test_every_call import FOR_GOOD

SIZE = 10
VENDED = "controltower.CreateManagedAccount.succeeded"


@pytest.fixture(scope="module")
def site(deployed: Ground) -> Site:
    site = deployed.site()
    assert site.ask()["status"] == "READY"
    return site


def record(number: int, body: str, at: float) -> dict[str, Any]:
    return {
        "messageId": f"message-{number}",
        "receiptHandle": f"receipt-{number}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "ApproximateFirstReceiveTimestamp": str(int(at * 1000)),
            "SentTimestamp": str(int(at * 1000)),
            "SenderId": "x",
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:111111111111:StateholdAccountVended",
        "awsRegion": REGION,
    }


@pytest.mark.parametrize("bad", range(SIZE + 1))
def test_only_what_may_work_later_comes_back(bad, site, ground):
    """The bad ones are by turns an account that AWS does not speak of today, and nonsense."""
    unspoken = ground.site().account
    ground.faults.add(
        Fault(
            kind="503",
            operation="DescribeAccount",
            times=FOR_GOOD,
            match=lambda it: it.parameters.get("AccountId") == unspoken,
        )
    )
    late, poison = range(0, bad, 2), range(1, bad, 2)
    bodies = [json.dumps(about_account(VENDED, site.account))] * SIZE
    for number in late:
        bodies[number] = json.dumps(about_account(VENDED, unspoken))
    for number in poison:
        bodies[number] = '{"not": "an event'
    now, since = ground.time.now(), len(ground.aws.calls)
    records = [record(number, body, now) for number, body in enumerate(bodies)]

    run = ground.hub.invoke("AccountVendedFunction", {"Records": records}, clock=ground.time.clock)

    assert run.answer == {
        "batchItemFailures": [{"itemIdentifier": f"message-{number}"} for number in late]
    }
    sent = [it for it in ground.aws.calls[since:] if it.operation == "SendMessage"]
    assert [it.parameters["MessageBody"] for it in sent] == ['{"not": "an event'] * len(poison)
    done = [it["message"] for it in run.logs if it.get("account_id") == site.account]
    assert done == ["account and Region are READY"] * (SIZE - bad)
