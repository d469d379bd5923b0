"""The state bucket: found only where it is ours, made with all that its creation can carry."""

from __future__ import annotations

import pytest

from state_backend.calls import Absent, AwsError, Present, Unknown
from state_backend.errors import OwnedByAnotherAccount, RefusedChange
from state_backend.policies.bucket_policy import bucket_policy
from state_backend.resources.bucket import RESOURCE, manager_of
from tests.unit.account import Account
from tests.unit.given import ACCOUNT, BUCKET, KEY, REGION, backend

PLAIN = {"BucketName": "acme-state"}


def tags(**values):
    return {"TagSet": [{"Key": key.replace("__", ":"), "Value": it} for key, it in values.items()]}


def by_default(algorithm):
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]}


class TestFind:
    def test_where_there_is_none_it_is_absent(self):
        assert RESOURCE.find(backend(), Account()) == Absent()

    def test_the_owner_is_asked_for(self):
        account = Account()

        RESOURCE.find(backend(), account)

        assert account.reads[0].parameters == {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}

    def test_one_that_carries_our_tag_was_made_by_us(self):
        account = Account()
        account.has_bucket(BUCKET, bucket_tagging=tags(StateholdOrigin="created"))

        assert RESOURCE.find(backend(), account) == Present({"origin": "created"})

    @pytest.mark.parametrize(
        "tagging",
        [None, tags(Team="x"), tags(StateholdOrigin="adopted"), tags(StateholdOrigin="?")],
    )
    def test_any_other_one_is_adopted_with_what_its_clients_use(self, tagging):
        account = Account()
        account.has_bucket(BUCKET, bucket_tagging=tagging)

        found = RESOURCE.find(backend(), account)

        assert found == Present({"origin": "adopted", "manager": "", "encryption": ("AES256", "")})

    def test_the_register_counts_and_not_the_tag(self):
        account = Account()
        account.has_bucket(BUCKET, bucket_tagging=tags(StateholdOrigin="created"))

        found = RESOURCE.find(backend(origin="adopted"), account)

        assert found.value["origin"] == "adopted"

    def test_one_that_we_made_on_record_is_not_asked_for_its_tags(self):
        account = Account(refuse={"get_bucket_tagging": "AccessDenied"})
        account.has_bucket(BUCKET)

        assert RESOURCE.find(backend(origin="created"), account) == Present({})

    def test_tags_that_cannot_be_read_leave_it_unknown(self):
        account = Account(refuse={"get_bucket_tagging": "AccessDenied"})
        account.has_bucket(BUCKET)

        assert isinstance(RESOURCE.find(backend(), account), Unknown)

    def test_the_default_key_of_an_adopted_bucket_is_learned(self):
        rule = {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
        }
        account = Account()
        account.has_bucket(BUCKET, bucket_encryption={"Rules": [rule]})

        spec = RESOURCE.learn(backend(), RESOURCE.find(backend(), account).value)

        assert (spec.origin, spec.default_encryption) == ("adopted", ("aws:kms", KEY))

    @pytest.mark.parametrize("algorithm", ["aws:kms", "aws:kms:dsse"])
    def test_a_key_by_default_is_not_enforced_away(self, algorithm):
        account = Account()
        account.has_bucket(BUCKET, bucket_encryption=by_default(algorithm))

        with pytest.raises(RefusedChange, match=f"encrypts with {algorithm} .* would weaken"):
            RESOURCE.find(backend({"Encryption": "AES256", "Adopt": "enforce"}), account)

    @pytest.mark.parametrize(
        ("algorithm", "asked"),
        [
            ("AES256", {"Encryption": "AES256", "Adopt": "enforce"}),
            ("aws:kms", {"Encryption": "aws:kms", "Adopt": "enforce"}),
            ("aws:kms", {"Encryption": "AES256", "Adopt": "observe"}),
        ],
    )
    def test_what_weakens_nothing_or_only_observes_is_no_reason_to_stop(self, algorithm, asked):
        account = Account()
        account.has_bucket(BUCKET, bucket_encryption=by_default(algorithm))

        found = RESOURCE.find(backend(asked), account)

        assert found.value["encryption"] == (algorithm, "")

    def test_a_name_that_somebody_else_has_is_refused(self):
        account = Account()
        account.has_bucket("acme-state", owner="333333333333")

        with pytest.raises(OwnedByAnotherAccount) as refused:
            RESOURCE.find(backend(PLAIN), account)

        assert refused.value.code == "AlreadyExists"
        assert "403 on HeadBucket" in refused.value.message
        assert "BucketName" in refused.value.remedy

    def test_a_403_in_our_own_namespace_means_that_we_may_not_look_yet(self):
        account = Account(refuse={"head_bucket": "403"})

        with pytest.raises(AwsError):
            RESOURCE.find(backend(), account)

    def test_a_bucket_of_another_region_is_refused(self):
        account = Account()
        account.has_bucket("acme-state", region="eu-west-1")

        with pytest.raises(OwnedByAnotherAccount, match="exists in eu-west-1, not in eu-central-1"):
            RESOURCE.find(backend(PLAIN), account)

    def test_no_answer_is_not_absence(self):
        with pytest.raises(AwsError):
            RESOURCE.find(backend(), Account(refuse={"head_bucket": "ConnectionError"}))


class TestCreate:
    def test_it_is_made_in_one_call_and_looked_at(self):
        account = Account()

        assert RESOURCE.create(backend(), account) == {"origin": "created"}

        [create] = account.writes
        assert create.parameters == {
            "Bucket": BUCKET,
            "BucketNamespace": "account-regional",
            "ObjectOwnership": "BucketOwnerEnforced",
            "CreateBucketConfiguration": {
                "LocationConstraint": REGION,
                "Tags": [
                    {"Key": "StateholdBackend", "Value": BUCKET},
                    {"Key": "StateholdOrigin", "Value": "created"},
                    {"Key": "StateholdOwner", "Value": "hub"},
                ],
            },
        }
        assert [str(call) for call in account.reads] == ["s3:head_bucket"]

    def test_us_east_1_is_not_named(self):
        account = Account(region="us-east-1")

        RESOURCE.create(backend(region="us-east-1"), account)

        assert "LocationConstraint" not in account.writes[0].parameters["CreateBucketConfiguration"]

    def test_a_global_name_is_not_claimed_for_the_account(self):
        account = Account()

        RESOURCE.create(backend(PLAIN), account)

        assert "BucketNamespace" not in account.writes[0].parameters

    def test_a_twins_bucket_will_do(self):
        account = Account()
        account.has_bucket(BUCKET)

        assert RESOURCE.create(backend(), account) == {"origin": "created"}

    def test_a_name_taken_in_between_is_refused(self):
        account = Account()
        account.has_bucket("acme-state", owner="333333333333")

        with pytest.raises(OwnedByAnotherAccount, match="belongs to another account"):
            RESOURCE.create(backend(PLAIN), account)

    def test_a_bucket_that_turns_out_to_be_anothers_is_not_taken_for_ours(self):
        """In us-east-1 CreateBucket may answer 200 for a bucket that was there already."""
        account = Account(refuse={"head_bucket": "403"}, region="us-east-1")

        with pytest.raises(AwsError):
            RESOURCE.create(backend(PLAIN, region="us-east-1"), account)


@pytest.mark.parametrize(
    ("given", "manager"),
    [
        ({}, ""),
        ({"aws:cloudformation:stack-id": "arn:stack"}, "arn:stack"),
        ({"ManagedBy": "Terraform"}, "Terraform"),
        ({"managed-by": "cdk"}, "cdk"),
        ({"Managed": "x"}, ""),
    ],
)
def test_tags_name_who_manages_a_bucket(given, manager):
    assert manager_of(given, (), None) == manager


def test_our_own_tags_name_no_other_tool():
    tags = {"ManagedBy": "platform-team"}

    assert manager_of(tags, (("ManagedBy", "platform-team"),), None) == ""
    assert manager_of(tags, (("ManagedBy", "somebody"),), None) == "platform-team"


def test_a_tag_lets_nobody_into_a_bucket_that_is_guarded():
    guarded = bucket_policy(backend(), None)
    stack = {"aws:cloudformation:stack-id": "arn:stack"}

    assert manager_of({"ManagedBy": "Terraform"}, (), guarded) == ""
    assert manager_of({**stack}, (), guarded) == "arn:stack"
