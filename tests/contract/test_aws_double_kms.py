"""KMS keys and aliases in the double obey KMS's rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, deny, policy, refused

MEMBER = "222222222222"
OTHER = "333333333333"
OWNER = f"arn:aws:iam::{MEMBER}:role/Owner"
ROOT = {"AWS": f"arn:aws:iam::{MEMBER}:root"}


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(MEMBER)
        double.add_account(OTHER)
        yield double


@pytest.fixture
def kms(aws: AwsDouble) -> Any:
    return aws.client("kms", principal=OWNER)


@pytest.fixture
def key(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["Arn"])


def test_a_key_keeps_its_policy_and_tags(kms: Any) -> None:
    text = policy(allow("kms:*", Principal=ROOT))
    tags = [{"TagKey": "statehold:account", "TagValue": MEMBER}]

    made = kms.create_key(Policy=text, Tags=tags, Description="State")["KeyMetadata"]

    assert kms.get_key_policy(KeyId=made["KeyId"])["Policy"] == text
    assert kms.list_resource_tags(KeyId=made["Arn"])["Tags"] == tags
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"]["Description"] == "State"


def test_tagging_at_creation_takes_its_own_permission(aws: AwsDouble) -> None:
    kms = aws.client("kms", principal=OWNER, policy=policy(allow("kms:CreateKey")))

    kms.create_key()
    with refused("AccessDeniedException", "kms:TagResource"):
        kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])


def test_nothing_makes_creation_idempotent(kms: Any) -> None:
    assert kms.create_key()["KeyMetadata"]["Arn"] != kms.create_key()["KeyMetadata"]["Arn"]
    assert len(kms.list_keys()["Keys"]) == 2


MALFORMED = {
    "no JSON": "{",
    "nobody": policy(allow("kms:*")),
    "another service's action": policy(allow("s3:GetObject", Principal=ROOT)),
    "a role that is not there": policy(
        allow("kms:*", Principal=ROOT),
        allow("kms:Decrypt", Principal={"AWS": f"arn:aws:iam::{MEMBER}:role/Gone"}),
    ),
    "more than 32 KB": policy(allow("kms:*", Principal=ROOT, Sid="A" * 32_769)),
    "a lock-out by silence": policy(allow("kms:Decrypt", Principal=ROOT)),
    "a lock-out by another account": policy(
        allow("kms:*", Principal={"AWS": f"arn:aws:iam::{OTHER}:root"})
    ),
    "a lock-out by denial": policy(
        allow("kms:*", Principal=ROOT), deny("kms:PutKeyPolicy", Principal="*")
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_policy_with_a_mistake_is_refused(kms: Any, key: str, what: str) -> None:
    with refused("MalformedPolicyDocumentException"):
        kms.create_key(Policy=MALFORMED[what])
    with refused("MalformedPolicyDocumentException"):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=MALFORMED[what])
    assert len(kms.list_keys()["Keys"]) == 1


def test_the_lock_out_check_can_be_bypassed_and_is_then_final(aws: AwsDouble, kms: Any) -> None:
    locking = policy(
        allow("kms:*", Principal=ROOT), deny(["kms:PutKeyPolicy", "kms:DisableKey"], Principal="*")
    )
    made = kms.create_key(Policy=locking, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    root = aws.client("kms", principal=f"arn:aws:iam::{MEMBER}:root")

    with refused("AccessDeniedException", "explicit deny in a resource-based policy"):
        kms.disable_key(KeyId=made)
    with refused("AccessDeniedException"):
        root.put_key_policy(
            KeyId=made, PolicyName="default", Policy=policy(allow("kms:*", Principal=ROOT))
        )


def test_without_the_key_policy_iam_is_worth_nothing(aws: AwsDouble, kms: Any) -> None:
    only_admin = policy(
        allow(["kms:PutKeyPolicy", "kms:DescribeKey"], Principal=ROOT),
    )
    made = kms.create_key(Policy=only_admin)["KeyMetadata"]["Arn"]

    kms.describe_key(KeyId=made)
    with refused(
        "AccessDeniedException", "because no resource-based policy allows the kms:Encrypt"
    ):
        kms.encrypt(KeyId=made, Plaintext=b"x")


def test_a_key_policy_that_names_the_principal_needs_no_iam(aws: AwsDouble, kms: Any) -> None:
    aws.add_role(MEMBER, "Bare", policy(allow("ssm:*")))
    bare = f"arn:aws:iam::{MEMBER}:role/Bare"
    text = policy(allow("kms:*", Principal=ROOT), allow("kms:DescribeKey", Principal={"AWS": bare}))
    made = kms.create_key(Policy=text)["KeyMetadata"]["Arn"]
    client = aws.client("kms", principal=bare)

    client.describe_key(KeyId=made)
    with refused("AccessDeniedException", "because no identity-based policy allows"):
        client.get_key_policy(KeyId=made)


def test_a_key_of_another_account_takes_both_its_policy_and_iam(aws: AwsDouble, kms: Any) -> None:
    outside = allow("kms:DescribeKey", Principal={"AWS": f"arn:aws:iam::{OTHER}:root"})
    shared = kms.create_key(Policy=policy(allow("kms:*", Principal=ROOT), outside))
    arn = shared["KeyMetadata"]["Arn"]
    visitor = f"arn:aws:iam::{OTHER}:role/Visitor"
    powerless = aws.client("kms", principal=visitor, policy=policy(allow("s3:*")))

    assert aws.client("kms", principal=visitor).describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == arn
    assert aws.calls[-1].account == MEMBER
    with refused("AccessDeniedException", "identity-based"):
        powerless.describe_key(KeyId=arn)
    with refused("NotFoundException"):
        aws.client("kms", principal=visitor).describe_key(KeyId=arn.rpartition("/")[2])


def test_a_rotation_period_is_kept_and_bounded(aws: AwsDouble, kms: Any, key: str) -> None:
    off = kms.get_key_rotation_status(KeyId=key)
    assert (off["KeyRotationEnabled"], "RotationPeriodInDays" in off) == (False, False)

    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=400)
    kms.enable_key_rotation(KeyId=key)

    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 400)
    assert "NextRotationDate" in status
    unchecked = aws.client("kms", principal=OWNER, config=Config(parameter_validation=False))
    for days in (89, 2561):
        with refused("ValidationException"):
            unchecked.enable_key_rotation(KeyId=key, RotationPeriodInDays=days)


def test_aliases_are_unique_reserved_and_found_by_name_or_arn(kms: Any, key: str) -> None:
    kms.create_alias(AliasName="alias/statehold", TargetKeyId=key)

    for name in ("alias/statehold", f"arn:aws:kms:us-east-1:{MEMBER}:alias/statehold"):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == key
    with refused("AlreadyExistsException"):
        kms.create_alias(AliasName="alias/statehold", TargetKeyId=key)
    with refused("NotAuthorizedException"):
        kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=key)
    with refused("NotFoundException", "alias/none is not found"):
        kms.describe_key(KeyId="alias/none")
    with refused("NotFoundException"):
        kms.get_key_policy(KeyId="alias/statehold")
    with refused("NotFoundException"):
        kms.get_key_rotation_status(KeyId="alias/statehold")


def test_an_alias_moves_to_another_key(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/statehold", TargetKeyId=key)

    kms.update_alias(AliasName="alias/statehold", TargetKeyId=other)

    assert kms.describe_key(KeyId="alias/statehold")["KeyMetadata"]["Arn"] == other
    listed = kms.list_aliases(KeyId=other)["Aliases"]
    assert [entry["AliasName"] for entry in listed] == ["alias/statehold"]
    with refused("NotFoundException"):
        kms.update_alias(AliasName="alias/none", TargetKeyId=other)


def test_an_alias_takes_permission_on_itself_and_on_the_key(aws: AwsDouble, key: str) -> None:
    alias = f"arn:aws:kms:us-east-1:{MEMBER}:alias/statehold"

    for resources in ([alias], [key]):
        client = aws.client(
            "kms", principal=OWNER, policy=policy(allow("kms:CreateAlias", resources))
        )
        with refused("AccessDeniedException", "kms:CreateAlias"):
            client.create_alias(AliasName="alias/statehold", TargetKeyId=key)
    both = aws.client("kms", principal=OWNER, policy=policy(allow("kms:CreateAlias", [alias, key])))
    both.create_alias(AliasName="alias/statehold", TargetKeyId=key)


def test_a_key_policy_can_keep_an_alias_in_place(kms: Any, key: str) -> None:
    kms.create_alias(AliasName="alias/statehold", TargetKeyId=key)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    guarded = policy(
        allow("kms:*", Principal=ROOT), deny(["kms:UpdateAlias", "kms:DeleteAlias"], Principal="*")
    )
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=guarded)

    with refused("AccessDeniedException"):
        kms.update_alias(AliasName="alias/statehold", TargetKeyId=other)
    with refused("AccessDeniedException"):
        kms.delete_alias(AliasName="alias/statehold")


def test_a_key_is_switched_off_and_on_by_arn_or_id(kms: Any, key: str) -> None:
    kms.disable_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    with refused("DisabledException"):
        kms.encrypt(KeyId=key, Plaintext=b"x")

    kms.enable_key(KeyId=key.rpartition("/")[2])

    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed, KeyId=key)["Plaintext"] == b"x"


def test_a_key_is_deleted_after_7_to_30_days_and_comes_back_disabled(kms: Any, key: str) -> None:
    for days in (6, 31):
        with refused("ValidationException"):
            kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)

    answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)

    assert (answer["KeyId"], answer["KeyState"]) == (key, "PendingDeletion")
    assert "DeletionDate" in kms.describe_key(KeyId=key)["KeyMetadata"]
    with refused("KMSInvalidStateException"):
        kms.enable_key_rotation(KeyId=key)
    with refused("KMSInvalidStateException"):
        kms.create_alias(AliasName="alias/late", TargetKeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"


def test_a_key_is_found_in_its_own_region_only(aws: AwsDouble, key: str) -> None:
    ireland = aws.client("kms", principal=OWNER, region="eu-west-1")

    with refused("NotFoundException", "Invalid arn us-east-1"):
        ireland.describe_key(KeyId=key)
    with refused("NotFoundException"):
        ireland.describe_key(KeyId=key.rpartition("/")[2])


def test_a_key_of_one_region_has_no_replicas(kms: Any, key: str) -> None:
    with refused("UnsupportedOperationException", "not a multi-Region key"):
        kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    with refused("UnsupportedOperationException", "not a multi-Region key"):
        kms.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")


def test_only_material_that_was_imported_can_be_deleted(kms: Any, key: str) -> None:
    with refused("UnsupportedOperationException", "origin is AWS_KMS"):
        kms.delete_imported_key_material(KeyId=key)


def test_conditions_see_rotation_period_window_and_tags(aws: AwsDouble, kms: Any, key: str) -> None:
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "Owner", "TagValue": "statehold"}])
    tagged = {"StringEquals": {"aws:ResourceTag/Owner": "statehold"}}
    short = {"NumericLessThan": {"kms:RotationPeriodInDays": "365"}}
    client = aws.client(
        "kms",
        principal=OWNER,
        policy=policy(
            allow("kms:EnableKeyRotation", Condition=tagged),
            deny("kms:EnableKeyRotation", Condition=short),
        ),
    )

    client.enable_key_rotation(KeyId=key, RotationPeriodInDays=365)
    with refused("AccessDeniedException", "explicit deny in an identity-based policy"):
        client.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    kms.untag_resource(KeyId=key, TagKeys=["Owner"])
    with refused("AccessDeniedException"):
        client.enable_key_rotation(KeyId=key, RotationPeriodInDays=365)


def test_symmetric_keys_cost_no_rsa_key_each(kms: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("an RSA key was made")

    kms.create_key()
    monkeypatch.setattr(
        "cryptography.hazmat.primitives.asymmetric.rsa.generate_private_key", refuse
    )

    assert kms.create_key()["KeyMetadata"]["KeySpec"] == "SYMMETRIC_DEFAULT"
