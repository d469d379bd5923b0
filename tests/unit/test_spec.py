"""From properties to a spec: every default resolved, every name checked."""

from __future__ import annotations

import pytest

from state_backend.errors import InvalidRequest
from state_backend.spec import Defaults, resolve
from tests.unit.given import ACCOUNT, BUCKET, LOG_BUCKET, REGION, backend

OTHER = "333333333333"


def refusal(properties, account=ACCOUNT, region=REGION, hub=None):
    with pytest.raises(InvalidRequest) as refused:
        resolve(account, region, properties, hub or Defaults())
    assert refused.value.remedy
    return str(refused.value)


class TestDefaults:
    def test_nothing_given_means_the_contract(self):
        spec = backend()

        assert (spec.bucket_name, spec.bucket_namespace) == (BUCKET, "account-regional")
        assert spec.log_bucket_name == LOG_BUCKET
        assert spec.lock_table_name == f"{BUCKET}-lock"
        assert (spec.encryption, spec.kms_key_arn, spec.makes_key) == ("aws:kms", "", True)
        assert (spec.lock_mode, spec.adopt, spec.prevent_destroy) == (
            "s3-lockfile",
            "observe",
            True,
        )
        assert (spec.noncurrent_version_days, spec.noncurrent_versions_kept) == (365, 100)
        assert (spec.access_logs, spec.access_logs_days) == ("create", 365)
        assert spec.workspace_key_prefix == "env:"
        assert spec.state_access_principal_arns == spec.break_glass_principal_arns == ()
        assert spec.stated == frozenset()

    def test_the_hubs_come_before_the_contracts_and_the_requesters_before_both(self):
        hub = Defaults("acme", {"LockMode": "both", "Encryption": "AES256"})

        spec = backend({"LockMode": "dynamodb"}, hub=hub)

        assert spec.bucket_name == f"acme-{ACCOUNT}-{REGION}-an"
        assert spec.log_bucket_name == f"acme-logs-{ACCOUNT}-{REGION}-an"
        assert (spec.lock_mode, spec.encryption) == ("dynamodb", "AES256")

    def test_only_what_the_requester_gave_is_stated(self):
        spec = backend({"LockMode": "both", "Tags": ""}, hub=Defaults("x", {"Adopt": "enforce"}))

        assert spec.stated == {"LockMode"}

    def test_the_table_is_named_after_a_named_bucket(self):
        assert backend({"BucketName": "acme-state"}).lock_table_name == "acme-state-lock"

    def test_the_property_region_counts(self):
        spec = backend({"Region": "eu-west-1"})

        assert spec.bucket_name == f"tfstate-{ACCOUNT}-eu-west-1-an"

    def test_a_wrong_default_of_the_hub_is_refused(self):
        assert "LockMode" in refusal({}, hub=Defaults("tfstate", {"LockMode": "none"}))


class TestNames:
    @pytest.mark.parametrize("region", ["me-south-1", "me-central-1"])
    def test_a_region_without_the_namespace_gets_a_global_name(self, region):
        spec = backend(region=region)

        assert spec.bucket_name == f"tfstate-{ACCOUNT}-{region}"
        assert spec.log_bucket_name == f"tfstate-logs-{ACCOUNT}-{region}"
        assert spec.bucket_namespace == "global"

    @pytest.mark.parametrize(
        ("name", "namespace"),
        [
            (f"x-{ACCOUNT}-{REGION}-an", "account-regional"),
            ("acme-state", "global"),
            (f"x-{ACCOUNT}-{REGION}", "global"),
        ],
    )
    def test_a_name_implies_its_namespace(self, name, namespace):
        assert backend({"BucketName": name}).bucket_namespace == namespace
        assert backend({"BucketName": name, "BucketNamespace": namespace}).bucket_name == name

    def test_a_stated_global_namespace_gives_a_default_name_without_the_suffix(self):
        spec = backend({"BucketNamespace": "global"})

        assert spec.bucket_name == f"tfstate-{ACCOUNT}-{REGION}"

    @pytest.mark.parametrize(
        "properties",
        [
            {"BucketName": f"x-{OTHER}-{REGION}-an"},
            {"BucketName": f"x-{ACCOUNT}-eu-west-1-an"},
            {"BucketName": "plain-an"},
            {"BucketName": "acme-state", "BucketNamespace": "account-regional"},
            {"BucketName": BUCKET, "BucketNamespace": "global"},
        ],
    )
    def test_a_name_of_another_namespace_is_refused(self, properties):
        assert f"-{ACCOUNT}-{REGION}-an" in refusal(properties)

    def test_a_region_without_the_namespace_refuses_its_names(self):
        name = f"x-{ACCOUNT}-me-south-1-an"

        assert "has no account-regional namespace" in refusal(
            {"BucketName": name}, region="me-south-1"
        )

    def test_a_prefix_that_is_too_long_is_refused_and_not_cut(self):
        assert "BucketNamePrefix" in refusal({}, hub=Defaults("p" * 40))

    @pytest.mark.parametrize("prefix", ["xn--a", "sthree-a", "amzn-s3-demo-a"])
    def test_a_prefix_that_s3_reserves_is_refused(self, prefix):
        assert "BucketNamePrefix" in refusal({}, hub=Defaults(prefix))

    def test_the_state_bucket_is_not_its_own_log_bucket(self):
        assert "AccessLogs" in refusal({"BucketName": "acme-state", "AccessLogs": "acme-state"})

    def test_a_backend_without_logs_has_no_log_bucket(self):
        assert backend({"AccessLogs": "off"}).log_bucket_name == ""

    def test_a_named_log_bucket_is_not_ours_to_make(self):
        spec = backend({"AccessLogs": "acme-logs"})

        assert (spec.log_bucket_name, spec.makes_log_bucket) == ("acme-logs", False)


class TestPlace:
    @pytest.mark.parametrize(
        "account", ["", "1", "22222222222", "2222222222222", "²" * 12, 7, None]
    )
    def test_an_account_is_twelve_digits(self, account):
        assert "account" in refusal({}, account=account)

    @pytest.mark.parametrize("region", ["", "nowhere", None, 7, "eu-central-1/../x"])
    def test_a_region_is_a_regions_name(self, region):
        assert "Region" in refusal({}, region=region)

    @pytest.mark.parametrize(
        ("region", "partition"),
        [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
    )
    def test_arns_are_of_the_regions_partition(self, region, partition):
        assert backend(region=region).bucket_arn.startswith(f"arn:{partition}:s3:::tfstate-")


class TestKey:
    def key(self, partition="aws", region=REGION, account=ACCOUNT):
        return f"arn:{partition}:kms:{region}:{account}:key/11111111-2222-3333-4444-555555555555"

    def test_a_key_of_another_account_may_be_used(self):
        spec = backend({"KmsKeyArn": self.key(account=OTHER)})

        assert spec.key_arn == spec.kms_key_arn == self.key(account=OTHER)
        assert not spec.makes_key

    @pytest.mark.parametrize("place", [{"region": "eu-west-1"}, {"partition": "aws-cn"}])
    def test_a_key_of_another_region_is_refused(self, place):
        assert REGION in refusal({"KmsKeyArn": self.key(**place)})

    def test_a_key_without_kms_is_refused(self):
        assert "AES256" in refusal({"KmsKeyArn": self.key(), "Encryption": "AES256"})

    def test_aes256_makes_no_key(self):
        assert not backend({"Encryption": "AES256"}).makes_key


class TestPrincipals:
    def test_a_role_of_every_account_is_that_of_this_one(self):
        spec = backend({"StateAccessPrincipalArns": "arn:aws:iam::*:role/Deployer"})

        assert spec.state_access_principal_arns == (f"arn:aws:iam::{ACCOUNT}:role/Deployer",)

    def test_so_it_is_for_break_glass(self):
        hub = Defaults("tfstate", {"BreakGlassPrincipalArns": "arn:aws:iam::*:role/Emergency"})

        spec = backend(hub=hub)

        assert spec.break_glass_principal_arns == (f"arn:aws:iam::{ACCOUNT}:role/Emergency",)

    @pytest.mark.parametrize(
        "arn", [f"arn:aws:iam::{OTHER}:role/Deployer", f"arn:aws-cn:iam::{ACCOUNT}:role/Deployer"]
    )
    def test_principals_of_another_account_are_refused(self, arn):
        assert f"of account {ACCOUNT}" in refusal({"StateAccessPrincipalArns": arn})


class TestForClients:
    def test_an_observed_bucket_publishes_what_its_clients_use_today(self):
        key = TestKey().key()
        spec = backend(
            origin="adopted",
            lock_table_found=True,
            default_encryption=("aws:kms", key),
            key_arn="x",
        )

        assert (spec.lock_mode_for_clients, spec.key_for_clients) == ("both", key)
        assert spec.clients_encrypt

    def test_a_default_key_without_an_arn_leaves_encryption_to_the_bucket(self):
        spec = backend(origin="adopted", default_encryption=("aws:kms", "alias/x"))

        assert (spec.key_for_clients, spec.clients_encrypt) == ("", False)

    @pytest.mark.parametrize("change", [{"adopt": "enforce"}, {"origin": "created"}])
    def test_any_other_bucket_publishes_what_is_wanted(self, change):
        spec = backend(**{"origin": "adopted", "lock_table_found": True, "key_arn": "k", **change})

        assert not spec.observes
        assert (spec.lock_mode_for_clients, spec.key_for_clients) == ("s3-lockfile", "k")

    def test_tags_mirror_the_register(self):
        spec = backend({"Tags": "Team=payments"}, owner="hub", origin="adopted")

        assert spec.managed_tags == {
            "StateholdBackend": BUCKET,
            "StateholdOrigin": "adopted",
            "StateholdOwner": "hub",
            "Team": "payments",
        }

    def test_what_waits_for_its_next_owner_keeps_the_tag_of_the_last(self):
        assert "StateholdOwner" not in backend(owner="").managed_tags
