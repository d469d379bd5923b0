"""What our pages let an administrator of the hub enter, as it stands there, on a deployed hub."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.organization import about_account
from tests.acceptance.page_site import (
    ACCOUNT,
    BUCKET,
    MANAGEMENT,
    REGION,
    Site,
    answers,
    deployed,
    key_of,
    report_of,
)
from tests.acceptance.pages import runs, taken
from tests.acceptance.terraform import (
    needs_aws_cli,
)
from tests.contract.templates import BREAK_GLASS, ROOT, sample
from tests.contract.test_docs import fences
from tests.deployment.template import Template, load

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


BUS, VENDED = "statehold", "controltower.CreateManagedAccount.succeeded"


def told(site: Site) -> list[str]:
    """What a sweep, a vending and a change that was seen end in for the account."""
    site.hub.execute("FleetSweep", {}, name=f"sweep-{uuid4()}")
    deliveries = (
        site.hub.deliver(about_account(VENDED, ACCOUNT)),
        site.hub.deliver({**sample("cloudtrail.DeleteParameter"), "region": REGION}, bus=BUS),
    )
    lines = [line for it in deliveries for one in it.invocations for line in one.logs]
    said = [it["message"].rpartition(" ")[2] for it in lines if it.get("account_id") == ACCOUNT]
    return [row_of(site, ACCOUNT)["status"], *said]


def row_of(site: Site, account: str) -> Any:
    """The account's row in the latest report."""
    s3 = site.hub.aws.client("s3", principal=f"arn:aws:iam::{MANAGEMENT}:role/Auditor", tls=True)
    bucket = report_bucket(site)
    report = json.load(s3.get_object(Bucket=bucket, Key="latest/report.json")["Body"])
    [row] = [it for it in report["rows"] if it["account"] == account]
    return row


def report_bucket(site: Site) -> str:
    return str(site.hub.template.filled_in({"Ref": "ReportBucket"}))


def shipped_role() -> Any:
    """The policy of the break-glass role that we have a template for."""
    file = Template(
        document=load(BREAK_GLASS),
        parameters={"TrustedPrincipalArn": "arn:aws:iam::444444444444:user/emergency"},
        pseudo={"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT},
    )
    [policy] = file.filled_in(file.resources()["BreakGlass"]["Properties"]["Policies"])
    return policy["PolicyDocument"]


def write_settings(folder: Path, *excluded: str) -> None:
    scope = {"exclude": {"accounts": excluded}}
    (folder / "settings.json").write_text(json.dumps({"version": 1, "scope": scope}))


def published(site: Site) -> list[str]:
    return [it["Name"] for it in site.client("ssm").describe_parameters()["Parameters"]]


@pytest.mark.parametrize("who", ["Administrator", "BreakGlass"])
@runs((RUNBOOK, "Releasing a backend and removing it"))
def test_a_backend_is_released_removed_and_forgotten(blocks, tmp_path, who):
    """Or by our break-glass role, under the service control policy; a few versions at a time."""
    release, exclude, remove, forget = blocks
    with deployed(tmp_path, SettingsParameterName="/statehold/settings") as site:
        hubs = site.hubs()
        write_settings(tmp_path, MANAGEMENT)
        hubs.does(exclude)
        site.vend(LockMode="both")
        s3 = site.client("s3")
        for _ in range(4):
            s3.put_object(Bucket=BUCKET, Key="a/terraform.tfstate", Body=b"{}")
        s3.put_object(Bucket=BUCKET, Key="a/terraform.tfstate.tflock", Body=b"{}")
        s3.delete_object(Bucket=BUCKET, Key="a/terraform.tfstate.tflock")
        key = key_of(site)
        if who == "BreakGlass":
            site.hub.aws.add_role(ACCOUNT, who, shipped_role())
            policy = json.loads((ROOT / "stacksets/scp-protect-statehold.json").read_text())
            site.hub.aws.service_control_policies[ACCOUNT] = [policy]

        assert report_of(hubs.does(release))["status"] == "READY"
        site.client("ssm", f"role/{who}").delete_parameters(Names=["/statehold/backend"])
        assert "READY" in told(site)
        assert "/statehold/backend" in published(site)  # which is why the account is excluded
        write_settings(tmp_path, MANAGEMENT, ACCOUNT)
        hubs.does(exclude)
        few = remove.text.replace("--max-keys 500", "--max-keys 2")
        site.accounts(f"role/{who}").does(remove.entered_as(few))
        assert told(site) == ["IGNORED"] * 3
        hubs.does(forget)

        assert told(site) == ["IGNORED"] * 3
        assert not [it for it in site.hub.aws.world.buckets if it.startswith("tfstate-")]
        assert site.client("dynamodb").list_tables()["TableNames"] == []
        assert published(site) == []
        state = site.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
        assert state == "PendingDeletion"
        register = site.hub.aws.client("dynamodb")
        assert register.scan(TableName="StateholdBackendRegister")["Items"] == []


def test_emptying_a_bucket_that_is_still_protected_ends_at_the_first_refusal(site):
    """The command that deletes objects succeeds though each of them is refused."""
    _, _, remove, _ = taken(RUNBOOK, "Releasing a backend and removing it")
    site.vend()
    site.client("s3").put_object(Bucket=BUCKET, Key="a/terraform.tfstate", Body=b"{}")

    with pytest.raises(AssertionError, match="explicit deny"):
        site.accounts().does(remove)

    assert BUCKET in site.hub.aws.world.buckets


@runs(("docs/hub-lifecycle.md", "Remove for good"))
def test_what_the_hub_leaves_behind_is_removed(blocks, tmp_path):
    """But for stacks and stack sets, which the double does not make."""
    _, _, removal, _ = taken(RUNBOOK, "Releasing a backend and removing it")
    [empty] = re.findall(r"^empty\(\) \{.*?^\}", removal.text, re.MULTILINE | re.DOTALL)
    detach, *others = blocks
    with deployed(tmp_path, SettingsParameterName="/statehold/settings") as site:
        aws = site.hub.aws
        ssm, organizations = aws.client("ssm"), aws.client("organizations")
        ssm.put_parameter(Name="/statehold/settings", Value='{"version": 1}', Type="String")
        [root] = organizations.list_roots()["Roots"]
        kind = "SERVICE_CONTROL_POLICY"
        made = organizations.create_policy(Name="p", Description="", Type=kind, Content="{}")
        ids = {"p-a1b2c3d4": made["Policy"]["PolicySummary"]["Id"], "ou-a1b2-c3d4e5f6": root["Id"]}
        organizations.attach_policy(PolicyId=ids["p-a1b2c3d4"], TargetId=root["Id"])
        site.hub.execute("FleetSweep", {"operation": "plan"})
        filled_in = re.sub("|".join(ids), lambda it: ids[it[0]], detach.text)

        site.hubs().does(empty, detach.entered_as(filled_in), *others)

        left = organizations.list_targets_for_policy(PolicyId=ids["p-a1b2c3d4"])["Targets"]
        assert left == []
        assert aws.client("dynamodb").list_tables()["TableNames"] == []
        assert report_bucket(site) not in aws.world.buckets
        assert ssm.describe_parameters()["Parameters"] == []
