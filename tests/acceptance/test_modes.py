"""
Every property of ``Custom::StateBackend``: its effect on what is really set, what it does not
accept, and its update. One row a property, in the order of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from state_backend.properties import PROPERTIES
from tests.acceptance.account_backend import REGION, Backend, named_log_bucket
from tests.acceptance.peers import seed_b
from tests.aws_double import AwsDouble
from tests.aws_double.testing import refused
from tests.deployment import Deployment

_ACCOUNTS = count(222_222_000_000)
Check = Callable[[Backend], None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One property."""

    name: str
    given: Any
    """Its value, or a function of the backend that makes it and what it names."""
    effect: Check
    bad: tuple[Any, ...]
    """What is not accepted."""
    updated: Any = None
    """Its value in an update, or a function that makes it."""
    after: Check | None = None
    """The effect of the update; None if it is refused."""
    others: Mapping[str, str] | None = None
    """What is stated besides."""
    refused: tuple[str, str] = ("NotUpdatable", "")
    """With which code an update is refused, and in which words; with its name if empty."""

    def properties(self, backend: Backend, value: Any) -> dict[str, Any]:
        made = value(backend) if callable(value) else value
        return {"AccessLogs": "off", **(self.others or {}), self.name: made}


# ---- effects, in the order of the rows ---------------------------------------------------------


def in_region(it: Backend) -> None:
    assert it.aws.world.buckets[it.name].region == REGION


def named(it: Backend) -> None:
    assert it.name == f"acme-state-{it.account}"
    assert it.aws.world.buckets[it.name].namespace == "global"
    assert f'bucket = "acme-state-{it.account}"' in it.block


def in_global_namespace(it: Backend) -> None:
    assert it.name == f"tfstate-{it.account}-{REGION}"
    assert it.aws.world.buckets[it.name].namespace == "global"


def under_aes256(it: Backend) -> None:
    assert it.default["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert it.put()["ServerSideEncryption"] == "AES256"
    assert it.put(ServerSideEncryption="AES256")
    with refused("AccessDenied", "explicit deny"):
        it.put(ServerSideEncryption="aws:kms")
    assert "encrypt = true" in it.block
    assert "kms_key_id" not in it.block


def under_our_key(it: Backend) -> None:
    key = it.client("kms").describe_key(KeyId="alias/statehold")["KeyMetadata"]["Arn"]
    assert it.default["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    assert it.put()["SSEKMSKeyId"] == key
    with refused("AccessDenied", "explicit deny"):
        it.put(ServerSideEncryption="AES256")
    assert f'kms_key_id = "{key}"' in it.block


def own_key(it: Backend) -> str:
    return it.site.make_key("alias/own")


def under_own_key(it: Backend) -> None:
    kms = it.client("kms")
    key = kms.describe_key(KeyId="alias/own")["KeyMetadata"]["Arn"]
    assert it.put()["SSEKMSKeyId"] == key
    assert f'kms_key_id = "{key}"' in it.block
    aliases = {alias["AliasName"] for alias in kms.list_aliases()["Aliases"]}
    assert {name for name in aliases if not name.startswith("alias/aws/")} == {"alias/own"}


def locks_by_table(it: Backend) -> None:
    assert it.tables == [f"{it.name}-lock"]
    assert "use_lockfile" not in it.block
    assert f'dynamodb_table = "{it.name}-lock"' in it.block


def locks_by_file(it: Backend) -> None:
    assert it.tables == [f"{it.name}-lock"], "a table, once made, is kept"
    assert "use_lockfile = true" in it.block
    assert "dynamodb_table" not in it.block


def has_named_table(it: Backend) -> None:
    assert it.tables == ["acme-locks"]
    table = it.client("dynamodb").describe_table(TableName="acme-locks")["Table"]
    assert table["DeletionProtectionEnabled"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    backups = it.client("dynamodb").describe_continuous_backups(TableName="acme-locks")
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert 'dynamodb_table = "acme-locks"' in it.block


def can_be_destroyed(it: Backend) -> None:
    version = it.put()["VersionId"]
    assert it.delete()["DeleteMarker"]
    it.delete(VersionId=version)
    assert not {"Destroy", "DestroyState"} & set(it.statements)
    assert "Reconfigure" in it.statements


def cannot_be_destroyed(it: Backend) -> None:
    version = it.put()["VersionId"]
    with refused("AccessDenied", "explicit deny"):
        it.delete()
    with refused("AccessDenied", "explicit deny"):
        it.delete(VersionId=version)
    with refused("AccessDenied", "explicit deny"):
        it.client("s3").delete_bucket(Bucket=it.name)


def left_by_another(it: Backend) -> str:
    if it.account not in {bucket.account for bucket in it.aws.world.buckets.values()}:
        seed_b(it.site, f"tfstate-old-{it.account}")
    return "observe"


def only_observed(it: Backend) -> None:
    assert "WrongAlgorithm" not in it.statements
    assert it.put(ServerSideEncryption="AES256")


def enforced(it: Backend) -> None:
    with refused("AccessDenied", "explicit deny"):
        it.put(ServerSideEncryption="AES256")


def kept_days(days: int, versions: int = 100) -> Check:
    expected = {"NoncurrentDays": days, "NewerNoncurrentVersions": versions}

    def check(it: Backend) -> None:
        assert it.rule("NoncurrentVersions")["NoncurrentVersionExpiration"] == expected

    return check


def logs_go_to_the_named_bucket(it: Backend) -> None:
    name = f"named-{it.account}"
    assert it.setting("logging")["LoggingEnabled"]["TargetBucket"] == name
    ours = [it.role("StateholdProvisioner"), it.role("AWSControlTowerExecution")]
    touched = {c.operation for c in it.aws.calls if name in str(c) and c.principal in ours}
    assert touched == {"HeadBucket", "GetBucketEncryption"}
    assert it.log_bucket not in it.aws.world.buckets


def logs_go_to_our_bucket(it: Backend) -> None:
    assert it.setting("logging")["LoggingEnabled"]["TargetBucket"] == it.log_bucket


def logs_are_kept(days: int) -> Check:
    def check(it: Backend) -> None:
        assert it.rule("AccessLogs", it.log_bucket)["Expiration"] == {"Days": days}

    return check


def workspaces_below(prefix: str, not_below: str) -> Check:
    def check(it: Backend) -> None:
        it.put(f"{prefix}/stage/a/terraform.tfstate")
        it.put(f"{not_below}/stage/a/terraform.tfstate")
        assert it.delete(f"{prefix}/stage/a/terraform.tfstate")["DeleteMarker"]
        with refused("AccessDenied", "explicit deny"):
            it.delete(f"{not_below}/stage/a/terraform.tfstate")
        assert (f'workspace_key_prefix = "{prefix}"' in it.block) is (prefix != "env:")

    return check


def only(*names: str) -> Callable[[Backend], str]:
    return lambda it: ",".join(it.role(name) for name in names)


def state_is_for(*insiders: str, outsider: str) -> Check:
    def check(it: Backend) -> None:
        for insider in insiders:
            assert it.put(role=insider)
            assert it.get(role=insider)
        with refused("AccessDenied", "explicit deny"):
            it.put(role=outsider)
        with refused("AccessDenied", "explicit deny"):
            it.get(role=outsider)
        with refused("AccessDenied", "explicit deny"):
            it.delete("a/terraform.tfstate.tflock", role=outsider)
        it.get(role="BreakGlass")
        with refused("AccessDenied", "explicit deny"):
            it.put(role="BreakGlass")

    return check


def glass_is_broken_by(who: str, not_by: str) -> Check:
    def check(it: Backend) -> None:
        version = it.put()["VersionId"]
        s3 = it.client("s3", not_by)
        with refused("AccessDenied", "explicit deny"):
            it.delete(role=not_by)
        with refused("AccessDenied", "explicit deny"):
            s3.put_bucket_versioning(
                Bucket=it.name, VersioningConfiguration={"Status": "Suspended"}
            )
        it.delete(role=who, VersionId=version)
        it.client("s3", who).put_bucket_cors(
            Bucket=it.name,
            CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
        )
        key = it.default["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
        document = it.client("kms").get_key_policy(KeyId=key)["Policy"]
        assert it.role(who) in document
        assert it.role(not_by) not in document

    return check


def tagged(**tags: str) -> Check:
    def check(it: Backend) -> None:
        found = it.aws.world.buckets[it.name].tags
        assert tags.items() <= found.items()
        assert found["StateholdOwner"] == "hub"

    return check


ROWS = (
    Row(
        name="Region",
        given=REGION,
        effect=in_region,
        bad=("Europe", "eu-central", "eu-west-1", "eu-central-1 ", ["eu-central-1"]),
        updated="eu-west-1",
    ),
    Row(
        name="BucketName",
        given=lambda it: f"acme-state-{it.account}",
        effect=named,
        bad=(
            "Acme",
            "ab",
            "a" * 64,
            "acme_state",
            "acme..state",
            "192.168.0.1",
            "xn--acme",
            "sthree-acme",
            "amzn-s3-demo-acme",
            "acme-s3alias",
            "acme--ol-s3",
            "acme.mrap",
            "acme--x-s3",
            "acme--table-s3",
            "acme-an",
            "acme-999999999999-eu-central-1-an",
            {"Ref": "x"},
        ),
        updated="another-name",
        refused=("AlreadyExists", "which belongs to the hub"),
    ),
    Row(
        name="BucketNamespace",
        given="global",
        effect=in_global_namespace,
        bad=("regional", "Global", "account", 1),
        updated="account-regional",
    ),
    Row(
        name="Encryption",
        given="AES256",
        effect=under_aes256,
        bad=("kms", "aws:kms:dsse", "aes256", "none", True),
        updated="aws:kms",
        after=under_our_key,
    ),
    Row(
        name="KmsKeyArn",
        given=own_key,
        effect=under_own_key,
        bad=(
            "alias/own",
            "0b7b26d5-3c2f-4d8c-9c0e-3f7a1f4b2c11",
            f"arn:aws:kms:{REGION}:222222222222:alias/own",
            "arn:aws:kms:us-east-1:222222222222:key/0b7b26d5-3c2f-4d8c-9c0e-3f7a1f4b2c11",
            f"arn:aws-cn:kms:{REGION}:222222222222:key/0b7b26d5-3c2f-4d8c-9c0e-3f7a1f4b2c11",
        ),
        updated=lambda it: it.site.make_key("alias/another"),
    ),
    Row(
        name="LockMode",
        given="dynamodb",
        effect=locks_by_table,
        bad=("s3", "table", "Both", "none", """ """),
        updated="s3-lockfile",
        after=locks_by_file,
    ),
    Row(
        name="LockTableName",
        given="acme-locks",
        effect=has_named_table,
        bad=("ab", "a b", "a/b", "a" * 256),
        updated="other-locks",
        others={"LockMode": "both"},
    ),
    Row(
        name="PreventDestroy",
        given="true",
        effect=cannot_be_destroyed,
        bad=("True", "yes", "0", 1),
        updated="false",
        after=can_be_destroyed,
    ),
    Row(
        name="Adopt",
        given=left_by_another,
        effect=only_observed,
        bad=("never", "Enforce", "true"),
        updated="enforce",
        after=enforced,
    ),
    Row(
        name="NoncurrentVersionDays",
        given="90",
        effect=kept_days(90),
        bad=("0", "-1", "1.5", "36501", "many", 36501),
        updated="400",
        after=kept_days(400),
    ),
    Row(
        name="NoncurrentVersionsKept",
        given="7",
        effect=kept_days(365, 7),
        bad=("0", "101", "all"),
        updated="8",
        after=kept_days(365, 8),
    ),
    Row(
        name="AccessLogs",
        given=named_log_bucket,
        effect=logs_go_to_the_named_bucket,
        bad=("Off", "on", "my logs", "xn--logs"),
        updated="create",
        after=logs_go_to_our_bucket,
    ),
    Row(
        name="AccessLogsDays",
        given="30",
        effect=logs_are_kept(30),
        bad=("0", "never"),
        updated="60",
        after=logs_are_kept(60),
        others={"AccessLogs": "create"},
    ),
    Row(
        name="WorkspaceKeyPrefix",
        given="spaces",
        effect=workspaces_below("spaces", not_below="env:"),
        bad=("/env", "env/", "*", "e nv", "a" * 201, "${x}"),
        updated="env:",
        after=workspaces_below("env:", not_below="spaces"),
    ),
    Row(
        name="StateAccessPrincipalArns",
        given=only("Deployer"),
        effect=state_is_for("Deployer", outsider="Reader"),
        bad=(
            "Deployer",
            "arn:aws:iam::999999999999:role/Deployer",
            "arn:aws:sts::222222222222:assumed-role/Deployer/session",
            "arn:aws:iam::222222222222:group/Deployers",
            '["arn:aws:iam::222222222222:role/a"',
            [1],
        ),
        updated=only("Deployer", "Reader"),
        after=state_is_for("Deployer", "Reader", outsider="Stranger"),
    ),
    Row(
        name="BreakGlassPrincipalArns",
        given=only("BreakGlass"),
        effect=glass_is_broken_by("BreakGlass", not_by="Emergency"),
        bad=("BreakGlass", "arn:aws:sts::222222222222:assumed-role/BreakGlass/me", "*"),
        updated=only("Emergency"),
        after=glass_is_broken_by("Emergency", not_by="BreakGlass"),
    ),
    Row(
        name="Tags",
        given="Team=payments,Stage=prod",
        effect=tagged(Team="payments", Stage="prod"),
        bad=(
            "Team",
            "aws:x=y",
            "StateholdOwner=me",
            "a=1,a=2",
            "a=" + "b" * 257,
            [{"Key": "a"}],
            [{"Key": "a", "Value": ["b"]}],
            "a=b\tc",
            ",".join(f"k{n}=v" for n in range(41)),
        ),
        updated=[{"Key": "Team", "Value": "billing"}],
        after=tagged(Team="billing", Stage="prod"),  # what was set once is never taken away
    ),
)

by_name = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@pytest.fixture(scope="module")
def hub() -> Iterator[Deployment]:
    with AwsDouble() as aws:
        yield Deployment(aws, {"BreakGlassPrincipalArns": "arn:aws:iam::*:role/BreakGlass"})


@pytest.fixture
def backend(hub: Deployment) -> Backend:
    account = hub.aws.add_account(str(next(_ACCOUNTS)))
    return Backend(hub=hub, account=account)


def test_every_property_has_a_row() -> None:
    assert [row.name for row in ROWS] == list(PROPERTIES)


@by_name
def test_it_takes_effect_and_so_does_its_update(row: Row, backend: Backend) -> None:
    given = row.properties(backend, row.given)
    if row.name == "Adopt":
        given["BucketName"] = backend.name

    report = backend.ask(given)

    assert report["status"] == ("WAITING" if row.name == "Adopt" else "READY"), report
    row.effect(backend)
    updated = {**given, **row.properties(backend, row.updated)}
    since = len(backend.aws.calls)
    report = backend.ask(updated)
    if row.after is None:
        code, words = row.refused
        assert (report["status"], report["error"]["code"]) == ("FAILED", code), report
        assert (words or row.name) in report["error"]["message"]
        assert backend.writes(since) == []
    else:
        assert report["status"] == "READY", report
        row.after(backend)


@by_name
def test_what_it_does_not_accept_touches_nothing(row: Row, backend: Backend) -> None:
    for value in row.bad:
        since = len(backend.aws.calls)

        report = backend.ask({row.name: value})

        assert (report["status"], report["error"]["code"]) == ("FAILED", "InvalidRequest"), value
        assert row.name in report["error"]["message"]
        assert len(report["error"]["remedy"]) > 20
        assert backend.writes(since) == []


def test_an_empty_text_is_not_given(backend: Backend) -> None:
    report = backend.ask(dict.fromkeys(PROPERTIES, ""), operation="plan")

    assert report["error"]["code"] == "NotReady"
    assert report["bucketName"] == f"tfstate-{backend.account}-{REGION}-an"


def test_an_unknown_property_is_refused_with_those_that_there_are(backend: Backend) -> None:
    since = len(backend.aws.calls)

    report = backend.ask({"Bucket": "acme"})

    assert report["error"]["message"] == "Property Bucket is unknown"
    assert all(name in report["error"]["remedy"] for name in PROPERTIES)
    assert backend.writes(since) == []


def test_lock_modes_move_in_every_direction(backend: Backend) -> None:
    """The block follows at once; a table, once made, is kept."""
    file, table = "use_lockfile = true", "dynamodb_table ="
    expected = {
        "s3-lockfile": (True, False),
        "dynamodb": (False, True),
        "both": (True, True),
    }
    had_table = False
    for mode in (
        "s3-lockfile",
        "dynamodb",
        "both",
        "s3-lockfile",
        "both",
        "dynamodb",
        "s3-lockfile",
    ):
        report = backend.ask({"LockMode": mode, "AccessLogs": "off"})

        assert report["status"] == "READY", report
        assert (file in backend.block, table in backend.block) == expected[mode]
        had_table = had_table or expected[mode][1]
        assert backend.tables == ([f"{backend.name}-lock"] if had_table else [])


def test_a_key_is_not_given_up_again(backend: Backend) -> None:
    backend.ask({"AccessLogs": "off"})
    since = len(backend.aws.calls)

    report = backend.ask({"AccessLogs": "off", "Encryption": "AES256"})

    assert (report["status"], report["error"]["code"]) == ("FAILED", "NotUpdatable")
    assert "would weaken it" in report["error"]["message"]
    assert backend.writes(since) == []


def test_logging_that_is_no_longer_asked_for_is_switched_off(backend: Backend) -> None:
    backend.ask({"AccessLogs": "create"})
    logs_go_to_our_bucket(backend)

    report = backend.ask({"AccessLogs": "off"})

    assert report["status"] == "READY"
    assert "LoggingEnabled" not in backend.setting("logging")
