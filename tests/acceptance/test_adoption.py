"""
Buckets that others made: planned first, observed without anybody noticing, then enforced.

Each peer's bucket is adopted once, step by step; the tests look at what every step left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from tests.acceptance.account_backend import NO_POLICY, Backend, named_log_bucket
from tests.acceptance.peers import PEERS, STATE, Left, cdk, cdk_stack, cloudposse, seed_a, seed_b
from tests.aws_double import AwsDouble, Fault
from tests.aws_double.testing import refused
from tests.deployment import Deployment

REGION = "us-east-1"
_ACCOUNTS = count(222_222_200_000)
HARDENED = {"bucket-tags", "bucket-lifecycle", "bucket-policy"}
"""What is changed on every one of them while it is only observed, besides the parameters."""
FOR_CLIENTS = {"WrongAlgorithm", "WrongKey", "KmsWithoutKey", "SseC", "DestroyState"}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is said of a peer's bucket, and published for its clients."""

    changed: frozenset[str] = frozenset()
    """What observing changes besides ``HARDENED``."""
    told: tuple[str, ...] = ()
    """What its clients and managers have to change, a part of each sentence."""
    block: tuple[str, ...] = ()
    """Lines of the block that is published while it is observed."""
    stays: bool = False
    """Whether that block is the one that is published once it is enforced."""
    manager: bool = False
    """Whether another tool is known to manage it."""


TABLE_KEPT = "which locks both ways, in every client before one of them locks with files alone"
NO_TABLE = "if its clients lock with another one, name it in LockTableName"
WAS_AES256 = "its default encryption is AES256: once enforced, a client with encrypt = true and no"
EXPECTED = {
    "seed-a": Expected(
        told=("must also set kms_key_id to that key's ARN", NO_TABLE),
        block=("encrypt = true", "kms_key_id = ", "use_lockfile = true"),
        stays=True,
    ),
    "seed-b": Expected(
        changed=frozenset({"lock-table"}),
        told=(WAS_AES256, "the lock table naxslabs-tf-state-lock exists"),
        block=(
            "encrypt = false",
            "use_lockfile = true",
            'dynamodb_table = "naxslabs-tf-state-lock"',
        ),
    ),
    "terragrunt": Expected(
        changed=frozenset({"lock-table"}),
        told=(
            "its default encryption is aws:kms: once enforced",
            "a client that sets acl must drop it",
            "the lock table acme-locks exists",
            "set disable_bucket_update = true",
        ),
        block=("encrypt = false", "use_lockfile = true", 'dynamodb_table = "acme-locks"'),
    ),
    "cloudposse": Expected(
        changed=frozenset({"lock-table"}),
        told=(
            "its own policy refuses writes without encrypt = true",
            TABLE_KEPT,
            "it is managed by Terraform",
        ),
        block=("encrypt = true", "use_lockfile = true", "dynamodb_table = "),
        manager=True,
    ),
    "cdk": Expected(
        told=("must also set kms_key_id to that key's ARN", NO_TABLE, "stack/CDKToolkit/"),
        block=("encrypt = true", "kms_key_id = ", "use_lockfile = true"),
        stays=True,
        manager=True,
    ),
}


@dataclass(kw_only=True)
class Foreign:
    """All in a bucket that is not ours, as it stands."""

    statements: list[str]
    policy_id: str | None
    tags: dict[str, str]
    rules: list[str]
    smallest_to_move: str | None
    state: str
    versions: int

    @classmethod
    def of(cls, backend: Backend, name: str) -> Foreign:
        bucket = backend.aws.world.buckets[name]
        document = json.loads(bucket.policy or NO_POLICY)
        lifecycle = bucket.configuration("lifecycle") or {"Rules": []}
        s3 = backend.site.client("s3")
        return cls(
            statements=[
                json.dumps(it)
                for it in document["Statement"]
                if not it.get("Sid", "").startswith("Statehold")
            ],
            policy_id=document.get("Id"),
            tags={k: v for k, v in bucket.tags.items() if not k.startswith("Statehold")},
            rules=[
                json.dumps(it, sort_keys=True)
                for it in lifecycle["Rules"]
                if not it["ID"].startswith("Statehold")
            ],
            smallest_to_move=lifecycle.get("TransitionDefaultMinimumObjectSize")
            or "all_storage_classes_128K",
            state=s3.get_object(Bucket=name, Key=STATE)["Body"].read().decode(),
            versions=len(s3.list_object_versions(Bucket=name)["Versions"]),
        )


@dataclass(kw_only=True)
class Step:
    """One request, and what it left."""

    report: Any
    writes: list[str]
    foreign: Foreign
    default: Any
    statements: dict[str, Any]
    block: str


@dataclass(kw_only=True)
class Story:
    """One bucket's adoption."""

    expected: Expected
    backend: Backend
    left: Left
    before: Foreign
    default_before: Any
    steps: dict[str, Step] = field(default_factory=dict)

    def take(self, name: str, operation: str = "reconcile", **more: str) -> Any:
        it = self.backend
        since = len(it.aws.calls)
        asked = {"BucketName": self.left.bucket, "AccessLogs": "off", **self.left.properties}
        report = it.ask({**asked, **more}, operation)
        writes = it.writes(since)
        published = report["controls"]["parameters"] in {"KEPT", "CHANGED"}
        self.steps[name] = Step(
            report=report,
            writes=writes,
            foreign=Foreign.of(it, self.left.bucket),
            default=it.default,
            statements=it.statements,
            block=it.block if published else "",
        )
        return report


@pytest.fixture(scope="module")
def hub() -> Iterator[Deployment]:
    with AwsDouble(region=REGION) as aws:
        yield Deployment(aws)


@pytest.fixture
def backend(hub: Deployment) -> Backend:
    return new_backend(hub)


def new_backend(hub: Deployment) -> Backend:
    account = hub.aws.add_account(str(next(_ACCOUNTS)))
    return Backend(hub=hub, account=account, region=REGION)


def in_use(backend: Backend, left: Left) -> None:
    """A state with one older version, as its clients wrote it."""
    default = backend.default["ApplyServerSideEncryptionByDefault"]
    headers = {"ServerSideEncryption": default["SSEAlgorithm"]}
    if default.get("KMSMasterKeyID"):
        headers["SSEKMSKeyId"] = default["KMSMasterKeyID"]
    for serial in (1, 2):
        body = json.dumps({"serial": serial}).encode()
        backend.site.client("s3").put_object(Bucket=left.bucket, Key=STATE, Body=body, **headers)


@pytest.fixture(scope="module", params=list(PEERS))
def story(request: pytest.FixtureRequest, hub: Deployment) -> Story:
    backend = new_backend(hub)
    left = PEERS[request.param](backend.site)
    in_use(backend, left)
    told = Story(
        expected=EXPECTED[request.param],
        backend=backend,
        left=left,
        before=Foreign.of(backend, left.bucket),
        default_before=backend.default,
    )
    told.take("planned", "plan")
    told.take("observed")
    told.take("observed again")
    told.take("enforcement planned", "plan", Adopt="enforce")
    told.take("enforced", Adopt="enforce")
    told.take("enforced again", Adopt="enforce")
    return told


def test_a_plan_says_what_would_change_and_why_and_changes_nothing(story: Story) -> None:
    plan = story.steps["planned"]

    changes = plan.report["changes"]

    assert plan.writes == []
    assert {it["control"] for it in changes} == {
        *HARDENED,
        *story.expected.changed,
        "parameters",
    }
    assert all(it["why"].endswith(".") for it in changes)
    assert plan.report["error"]["code"] == "NotReady"


@pytest.mark.parametrize("step", ["planned", "observed", "enforcement planned"])
def test_it_says_what_clients_must_change_and_who_else_manages_it(story: Story, step: str) -> None:
    notes = story.steps[step].report["notes"]

    assert len(notes) >= len(story.expected.told)
    for part in story.expected.told:
        assert any(part in note for note in notes), (part, notes)
    assert any("managed by" in note for note in notes) is story.expected.manager
    assert any("below WorkspaceKeyPrefix (env:)" in note for note in notes)


def test_observed_it_waits_and_its_clients_notice_nothing(story: Story) -> None:
    step = story.steps["observed"]

    assert (step.report["status"], step.report["error"]["code"]) == ("WAITING", "NotReady")
    assert step.report["error"]["remedy"].endswith("then set Adopt to enforce")
    assert step.default == story.default_before
    assert {"InsecureTransport", "OldTls", "Destroy"} <= set(step.statements)
    assert not FOR_CLIENTS & set(step.statements)
    changed = {name for name, it in step.report["controls"].items() if it == "CHANGED"}
    assert changed == {*HARDENED, *story.expected.changed, "parameters"}


def test_observed_it_publishes_a_block_that_its_present_clients_can_use(story: Story) -> None:
    for line in story.expected.block:
        assert line in story.steps["observed"].block
    before, after = (story.steps[name].block for name in ("observed", "enforced"))
    assert (before == after) is story.expected.stays


def test_a_plan_to_enforce_names_the_encryption_of_the_future(story: Story) -> None:
    plan = story.steps["enforcement planned"]

    [encryption] = [it for it in plan.report["changes"] if it["control"] == "bucket-encryption"]

    assert plan.writes == []
    assert encryption["after"]["algorithm"] == "aws:kms"
    assert encryption["after"]["key"] == story.left.properties.get(
        "KmsKeyArn",
        f"arn:aws:kms:{REGION}:{story.backend.account}:key/<to be created>",
    )


def test_enforced_it_is_ready_and_refuses_what_any_backend_refuses(story: Story) -> None:
    step = story.steps["enforced"]

    assert step.report["status"] == "READY", step.report
    assert set(step.statements) >= FOR_CLIENTS
    assert ("Reconfigure" in step.statements) is not story.expected.manager
    assert any("DenyReconfigure" in it for it in step.report.get("notes", ())) is (
        story.expected.manager
    )
    with refused("AccessDenied", "explicit deny"):
        story.backend.put(ServerSideEncryption="AES256")


def test_the_block_of_the_end_can_be_written_with(story: Story) -> None:
    key = story.backend.default["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]

    assert f'kms_key_id = "{key}"' in story.steps["enforced"].block
    put = story.backend.put(ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert put["SSEKMSKeyId"] == key


@pytest.mark.parametrize("step", ["observed again", "enforced again"])
def test_a_second_pass_writes_nothing(story: Story, step: str) -> None:
    assert story.steps[step].writes == []


def test_what_is_foreign_survives_every_step_byte_for_byte(story: Story) -> None:
    for step in story.steps.values():
        assert step.foreign == story.before


def test_no_retention_is_shortened(story: Story) -> None:
    rules = story.backend.setting("lifecycle")["Rules"]

    ours = [it for it in rules if it["ID"].startswith("Statehold")]

    assert [it["ID"] for it in ours] == ["StateholdLeftovers"]
    assert ours[0]["Expiration"] == {"ExpiredObjectDeleteMarker": True}


# ---- what cannot be read -----------------------------------------------------------------------

PARTS = {
    "GetPublicAccessBlock": ("bucket-public-access-block", "PutPublicAccessBlock"),
    "GetBucketOwnershipControls": ("bucket-ownership", "PutBucketOwnershipControls"),
    "GetBucketVersioning": ("bucket-versioning", "PutBucketVersioning"),
    "GetBucketLifecycleConfiguration": ("bucket-lifecycle", "PutBucketLifecycleConfiguration"),
    "GetBucketEncryption": ("bucket-encryption", "PutBucketEncryption"),
    "GetBucketLogging": ("bucket-logging", "PutBucketLogging"),
    "GetBucketPolicy": ("bucket-policy", "PutBucketPolicy"),
    "GetBucketTagging": ("bucket-tags", "TagResource"),
    "DescribeTable": ("lock-table", "UpdateTable"),
    "GetParameters": ("parameters", "PutParameter"),
}


@pytest.mark.parametrize("read", PARTS)
def test_a_part_that_cannot_be_read_is_not_written_and_never_ready(
    read: str, backend: Backend
) -> None:
    control, write = PARTS[read]
    left = seed_b(backend.site, f"tfstate-old-{backend.account}")
    since = len(backend.aws.calls)
    backend.aws.faults.add(
        Fault(
            kind="access_denied",
            operation=read,
            account=backend.account,
            times=1000,
            match=lambda call: "-logs-" not in call.bucket,
        )
    )

    report = backend.ask({"BucketName": left.bucket, "Adopt": "enforce"})

    backend.aws.faults.clear()
    assert report["status"] in {"WAITING", "FAILED"}
    assert report["controls"][control] == "UNKNOWN", report
    assert any(it in report["error"]["message"] for it in ("Denied", "could not be looked at"))
    written = [it for it in backend.writes(since) if "-logs-" not in it]
    assert not [it for it in written if f":{write} " in it]
    assert not [it for it in written if ":PutParameter " in it]


# ---- policies that stand in the way ------------------------------------------------------------


def test_a_policy_that_insists_on_another_key_is_told_and_stops_enforcement(
    backend: Backend,
) -> None:
    """Together with ours it would refuse every write."""
    left = seed_a(backend.site, f"tfstate-old-{backend.account}")
    asked = {"BucketName": left.bucket}

    planned = backend.ask(asked, "plan")
    observed = backend.ask(asked)
    since = len(backend.aws.calls)
    enforced = backend.ask({**asked, "Adopt": "enforce"})

    for report in (planned, observed):
        assert any("its own policy (DenyWrongKmsKey)" in note for note in report["notes"])
    assert f'kms_key_id = "{left.properties["KmsKeyArn"]}"' in backend.block
    assert (enforced["status"], enforced["error"]["code"]) == ("FAILED", "ResourceConflict")
    assert "DenyWrongKmsKey" in enforced["error"]["message"]
    assert "KmsKeyArn" in enforced["error"]["remedy"]
    assert backend.writes(since) == []


def test_a_policy_that_insists_on_aes256_stops_enforcement_under_a_key(backend: Backend) -> None:
    left = seed_b(backend.site, f"tfstate-old-{backend.account}")
    sse = "s3:x-amz-server-side-encryption"
    backend.site.allow(
        left.bucket,
        {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:Put*",
            "Resource": f"arn:aws:s3:::{left.bucket}/*",
            "Condition": {"StringNotEqualsIfExists": {sse: "AES256"}},
        },
    )
    asked = {"BucketName": left.bucket, "Adopt": "enforce"}

    under_a_key = backend.ask(asked)
    under_aes256 = backend.ask({**asked, "Encryption": "AES256"})

    assert under_a_key["error"]["code"] == "ResourceConflict"
    assert "(statement 1)" in under_a_key["error"]["message"]
    assert under_aes256["status"] == "READY"


def test_variables_of_an_older_policy_language_stay_plain_text(backend: Backend) -> None:
    """In the language of 2008 ``${…}`` is no variable; a later one would give it a meaning."""
    left = seed_b(backend.site, f"tfstate-old-{backend.account}")
    statement = {
        "Sid": "Home",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{left.bucket}/${{aws:username}}/*",
    }
    document = {"Version": "2008-10-17", "Statement": [statement]}
    s3 = backend.site.client("s3")
    s3.put_bucket_policy(Bucket=left.bucket, Policy=json.dumps(document))

    report = backend.ask({"BucketName": left.bucket, "Adopt": "enforce"})

    assert report["status"] == "READY"
    found = json.loads(backend.aws.world.buckets[left.bucket].policy or "")
    assert found["Version"] == "2008-10-17"
    assert statement in found["Statement"]


def test_foreign_statements_that_leave_no_room_are_refused_with_their_size(
    backend: Backend,
) -> None:
    left = seed_b(backend.site, f"tfstate-old-{backend.account}")
    statements = [
        {
            "Sid": f"Team{number}",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{left.bucket}/{'x' * 400}/{number}",
            "Condition": {"StringNotEquals": {"aws:PrincipalTag/team": str(number)}},
        }
        for number in range(32)
    ]
    backend.site.allow(left.bucket, *statements)
    policy = backend.aws.world.buckets[left.bucket].policy

    report = backend.ask({"BucketName": left.bucket, "Adopt": "enforce"})

    assert (report["status"], report["controls"]["bucket-policy"]) == ("FAILED", "REFUSED")
    assert "32 foreign statements among them" in report["error"]["message"]
    assert "and AWS takes 20480" in report["error"]["message"]
    assert backend.aws.world.buckets[left.bucket].policy == policy
    assert report["controls"]["parameters"] != "CHANGED"


# ---- who else manages it -----------------------------------------------------------------------


def test_its_manager_can_go_on_reconfiguring_it(backend: Backend) -> None:
    left = cdk(backend.site)

    asked = {"BucketName": left.bucket, **left.properties, "Adopt": "enforce"}

    report = backend.ask(asked)

    assert report["status"] == "READY"
    s3 = backend.client("s3", "cdk-hnb659fds-cfn-exec-role")
    s3.put_bucket_versioning(Bucket=left.bucket, VersioningConfiguration={"Status": "Enabled"})
    planned = backend.ask(asked, "plan")
    assert any(cdk_stack(backend.site) in note for note in planned["notes"])


def test_a_manager_among_break_glass_is_the_only_one_beside_us(backend: Backend) -> None:
    left = cloudposse(backend.site, f"tfstate-old-{backend.account}")
    asked = {
        "BucketName": left.bucket,
        "BreakGlassPrincipalArns": backend.role("Terraform"),
        "Adopt": "enforce",
    }

    report = backend.ask(asked)

    assert report["status"] == "READY"
    enabled = {"Bucket": left.bucket, "VersioningConfiguration": {"Status": "Enabled"}}
    backend.client("s3", "Terraform").put_bucket_versioning(**enabled)
    with refused("AccessDenied", "explicit deny"):
        backend.client("s3", "Administrator").put_bucket_versioning(**enabled)


# ---- logs, versions, encryption ----------------------------------------------------------------


def test_it_is_logged_where_it_was_logged_before_and_else_in_our_log_bucket(
    backend: Backend,
) -> None:
    left = seed_b(backend.site, f"tfstate-old-{backend.account}")
    asked = {"BucketName": left.bucket}

    assert backend.ask(asked)["controls"]["bucket-logging"] == "CHANGED"
    assert backend.setting("logging")["LoggingEnabled"]["TargetBucket"] == backend.log_bucket
    theirs = named_log_bucket(backend)
    logging = {"LoggingEnabled": {"TargetBucket": theirs, "TargetPrefix": "state/"}}
    backend.client("s3", "StateholdProvisioner").put_bucket_logging(
        Bucket=left.bucket, BucketLoggingStatus=logging
    )
    assert backend.ask(asked)["controls"]["bucket-logging"] == "KEPT"
    assert backend.setting("logging") == logging


SEVEN_DAYS = {
    "ID": "theirs",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
}


@pytest.mark.parametrize(("theirs", "ours"), [((), True), ((SEVEN_DAYS,), False)])
def test_versions_are_limited_where_stated_and_nobody_else_does(
    theirs: tuple[Any, ...], ours: bool, backend: Backend
) -> None:
    left = seed_b(backend.site, f"tfstate-old-{backend.account}")
    if theirs:
        backend.site.client("s3").put_bucket_lifecycle_configuration(
            Bucket=left.bucket, LifecycleConfiguration={"Rules": list(theirs)}
        )

    backend.ask({"BucketName": left.bucket, "NoncurrentVersionDays": "90"})

    assert bool(backend.rule("NoncurrentVersions")) is ours
    found = [it for it in backend.setting("lifecycle")["Rules"] if it["ID"] == "theirs"]
    assert found == list(theirs)


def test_a_key_by_default_does_not_become_aes256(backend: Backend) -> None:
    left = seed_a(backend.site, f"tfstate-old-{backend.account}")
    before = backend.default

    report = backend.ask({"BucketName": left.bucket, "Encryption": "AES256", "Adopt": "enforce"})

    assert report["status"] == "FAILED"
    assert backend.default == before


def test_two_layers_of_encryption_stay_two(backend: Backend) -> None:
    left = seed_b(backend.site, f"tfstate-old-{backend.account}")
    key = backend.site.make_key("alias/theirs")
    backend.site.encrypt(left.bucket, "aws:kms:dsse", key)

    report = backend.ask({"BucketName": left.bucket, "KmsKeyArn": key, "Adopt": "enforce"})

    assert report["status"] == "READY"
    default = backend.default["ApplyServerSideEncryptionByDefault"]
    assert default == {"SSEAlgorithm": "aws:kms:dsse", "KMSMasterKeyID": key}
