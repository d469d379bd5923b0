"""What our pages let an administrator of the hub enter, as it stands there, on a deployed hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.organization import sample
from tests.acceptance.page_site import (
    ACCOUNT,
    BUCKET,
    REGION,
    Site,
    answers,
    deployed,
    key_of,
    report_of,
)
from tests.acceptance.pages import runs
from tests.acceptance.terraform import (
    needs_aws_cli,
)
from tests.contract.templates import ROOT
from tests.contract.test_docs import fences

pytestmark = needs_aws_cli

RUNBOOK, ROLL_OUT = "docs/runbook.md", "docs/roll-out.md"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with deployed(tmp_path) as site:
        yield site


@runs((RUNBOOK, "Where an error shows"))
def test_a_plan_by_hand_says_what_would_be_made(site, blocks):
    site.hub.aws.add_account(ACCOUNT)

    report = report_of(site.hubs().does(*blocks))

    assert (report["status"], report["error"]["code"]) == ("WAITING", "NotReady")
    assert report["changes"]
    assert site.hub.aws.writes(account=ACCOUNT) == []


@runs(("docs/drift.md", ""))
def test_a_reconcile_by_hand_makes_it(site, blocks):
    site.hub.aws.add_account(ACCOUNT)

    report = report_of(site.hubs().does(*blocks))

    assert (report["status"], report["bucketName"]) == ("READY", BUCKET)


@runs(("docs/adoption.md", ""))
def test_a_bucket_that_was_there_is_planned_with_its_lock_table(site, blocks):
    site.hub.aws.add_account(ACCOUNT)
    where = {"LocationConstraint": REGION}
    site.client("s3").create_bucket(Bucket="acme-terraform-state", CreateBucketConfiguration=where)
    site.client("dynamodb").create_table(
        TableName="acme-terraform-lock",
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    report = report_of(site.hubs().does(*blocks))

    assert report["bucketName"] == "acme-terraform-state"
    assert {"before", "after", "why"} <= report["changes"][0].keys()
    assert report["notes"]


@runs((RUNBOOK, "A lease that a killed run left"))
def test_a_lease_is_seen_in_the_register(site, blocks):
    site.vend()
    site.hub.aws.client("dynamodb").update_item(
        TableName="StateholdBackendRegister",
        Key={"backend": {"S": f"{ACCOUNT}#{REGION}"}},
        UpdateExpression="SET lease_holder = :who, lease_expires_at = :when",
        ExpressionAttributeValues={":who": {"S": "a-run"}, ":when": {"N": "1800000000"}},
    )

    printed = site.hubs().does(*blocks)

    assert answers(printed) == [["a-run", "1800000000"]]


@runs((RUNBOOK, "Dead letters"))
def test_dead_letters_are_received_sent_again_and_taken_out(site, blocks):
    event = sample("controltower.CreateManagedAccount.succeeded")
    status = event["detail"]["serviceEventDetails"]["createManagedAccountStatus"]
    status["account"]["accountId"] = "payments"
    site.hub.deliver(event)

    site.hubs().does(*blocks)

    [letter] = json.loads((site.folder / "letters.json").read_text())["Messages"]
    assert json.loads(letter["Body"]) == event
    assert letter["MessageAttributes"]["code"]["StringValue"] == "InvalidRequest"
    again = site.hub.deliver_again()
    assert [json.loads(it["Body"]) for it in again.dead] == [event]
    assert len(again.invocations) == 1


@runs(("docs/sweep.md", "Start it by hand"), ("docs/hub-lifecycle.md", "Upgrade"))
def test_a_sweep_is_started_by_hand(site, blocks):
    site.hub.aws.add_account(ACCOUNT)

    printed = site.hubs().does(*blocks)

    assert site.plane.sweeps == ["SUCCEEDED"] * len(answers(printed))
    assert site.plane.sweeps


@runs((ROLL_OUT, ""))
def test_an_organization_is_rolled_out_to(blocks, tmp_path):
    """The whole page in one shell, since later blocks use the variables of earlier ones."""
    with deployed(tmp_path, SettingsParameterName="/statehold/settings") as site:
        organizations = site.hub.aws.client("organizations")
        [root] = organizations.list_roots()["Roots"]
        made = organizations.create_organizational_unit(ParentId=root["Id"], Name="first")
        unit = made["OrganizationalUnit"]["Id"]
        site.hub.aws.add_account(ACCOUNT, parent=unit)
        site.hub.aws.add_account("333333333333")
        page = fences((ROOT / ROLL_OUT).read_text())
        [settings] = [body for language, body in page if language == "json"]
        (tmp_path / "settings.json").write_text(settings.replace("ou-a1b2-c3d4e5f6", unit))

        printed = site.hubs().does(*blocks, 'echo "$ORGANIZATION"')

        assert printed.splitlines()[-1] == site.hub.aws.world.organization_id
        assert site.plane.sweeps == ["SUCCEEDED"] * 3
        assert ACCOUNT in (tmp_path / "report.html").read_text()
        backends = {it for it in site.hub.aws.world.buckets if it.startswith("tfstate-")}
        assert backends == {BUCKET, f"tfstate-logs-{ACCOUNT}-{REGION}-an"}


@runs(("docs/hub.md", "The settings document"))
def test_a_settings_document_is_put_in_place_of_another(site, blocks):
    (site.folder / "settings.json").write_text('{"version": 1}')
    ssm, name = site.hub.aws.client("ssm"), "/statehold/settings"
    ssm.put_parameter(Name=name, Value="{}", Type="String")

    site.hubs().does(*blocks)

    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == '{"version": 1}'


@runs(("docs/hub-lifecycle.md", "Make it again"), ("docs/stacksets.md", "Before you begin"))
def test_the_organization_is_looked_up(site, blocks):
    printed = site.hubs().does(*blocks, 'echo "$ORGANIZATION"')

    [root] = site.hub.aws.client("organizations").list_roots()["Roots"]
    assert printed.split() in ([site.hub.aws.world.organization_id], [root["Id"]])


@runs((RUNBOOK, "Releasing a backend and removing it"))
def test_a_backend_is_released_removed_and_forgotten(site, blocks):
    released, removed, forgotten = blocks
    site.vend(LockMode="both")
    s3 = site.client("s3")
    for _ in range(2):
        s3.put_object(Bucket=BUCKET, Key="a/terraform.tfstate", Body=b"{}")
    s3.put_object(Bucket=BUCKET, Key="a/terraform.tfstate.tflock", Body=b"{}")
    s3.delete_object(Bucket=BUCKET, Key="a/terraform.tfstate.tflock")
    key = key_of(site)
    hubs = site.hubs()

    assert report_of(hubs.does(released))["status"] == "READY"
    site.accounts().does(removed)
    hubs.does(forgotten)

    assert BUCKET not in site.hub.aws.world.buckets
    assert site.client("dynamodb").list_tables()["TableNames"] == []
    state = site.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    assert state == "PendingDeletion"
    register = site.hub.aws.client("dynamodb")
    assert register.scan(TableName="StateholdBackendRegister")["Items"] == []
