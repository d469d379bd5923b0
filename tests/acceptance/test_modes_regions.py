"""Every partition, and the Regions that have no namespace of the account's own."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from state_backend.policies.key_policy import key_policy
from tests.acceptance.account_backend import Backend
from tests.aws_double import AwsDouble
from tests.aws_double.testing import refused
from tests.deployment import Deployment
from tests.unit.given import backend as spec_of

ACCOUNT = "222222222222"


@dataclass(frozen=True, kw_only=True)
class Place:
    home: str
    region: str
    partition: str
    bucket: str
    hosts: tuple[str, ...]
    """S3 as KMS hears it."""


PLACES = (
    Place(
        home="us-east-1",
        region="me-south-1",
        partition="aws",
        bucket=f"tfstate-{ACCOUNT}-me-south-1",
        hosts=("s3.me-south-1.amazonaws.com",),
    ),
    Place(
        home="us-east-1",
        region="me-central-1",
        partition="aws",
        bucket=f"tfstate-{ACCOUNT}-me-central-1",
        hosts=("s3.me-central-1.amazonaws.com",),
    ),
    Place(
        home="cn-north-1",
        region="cn-northwest-1",
        partition="aws-cn",
        bucket=f"tfstate-{ACCOUNT}-cn-northwest-1-an",
        hosts=("s3.cn-northwest-1.amazonaws.com.cn", "s3.cn-northwest-1.amazonaws.com"),
    ),
    Place(
        home="us-gov-west-1",
        region="us-gov-east-1",
        partition="aws-us-gov",
        bucket=f"tfstate-{ACCOUNT}-us-gov-east-1-an",
        hosts=("s3.us-gov-east-1.amazonaws.com",),
    ),
)


@pytest.mark.parametrize("place", PLACES[1:], ids=lambda place: place.region)
def test_a_backend_there_is_whole_and_speaks_that_partitions_language(place: Place) -> None:
    role = f"arn:{place.partition}:iam::{ACCOUNT}:role/"
    with AwsDouble(region=place.home) as aws:
        aws.add_account(ACCOUNT)
        hub = Deployment(aws, {"BreakGlassPrincipalArns": f"{role}BreakGlass"})
        backend = _There(hub=hub, account=ACCOUNT, region=place.region)
        asked = {
            "LockMode": "both",
            "StateAccessPrincipalArns": f"{role}Deployer,{role}StateholdProvisioner",
        }

        first, second = backend.ask(asked), backend.ask(asked)

        assert first["status"] == second["status"] == "READY", first
        assert "CHANGED" not in second["controls"].values()
        assert first["bucketName"] == backend.name == place.bucket
        namespace = "account-regional" if place.bucket.endswith("-an") else "global"
        assert aws.world.buckets[place.bucket].namespace == namespace
        texts = [aws.world.buckets[name].policy for name in (place.bucket, first_log(backend))]
        key = backend.default["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
        texts.append(backend.client("kms").get_key_policy(KeyId=key)["Policy"])
        for text in map(str, texts):
            assert f'"arn:{place.partition}:' in text
            assert {part.split(":")[0] for part in text.split('"arn:')[1:]} == {place.partition}
        assert key.startswith(f"arn:{place.partition}:kms:{place.region}:{ACCOUNT}:key/")
        assert backend.put()["SSEKMSKeyId"] == key
        assert backend.get()["ServerSideEncryption"] == "aws:kms"
        with refused("AccessDenied", "explicit deny"):
            backend.put(role="Stranger")
        with refused("AccessDenied", "explicit deny"):
            backend.put(ServerSideEncryption="AES256")
        assert f'region = "{place.region}"' in backend.block


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.region)
def test_the_key_is_used_through_s3_under_the_name_it_has_there(place: Place) -> None:
    document = key_policy(spec_of(region=place.region, key_arn="k"), None)

    [use] = [it for it in document["Statement"] if it["Sid"] == "StateholdAllowUseThroughS3"]
    hosts = use["Condition"]["StringEquals"]["kms:ViaService"]

    assert set([hosts] if isinstance(hosts, str) else hosts) == set(place.hosts)


@pytest.mark.parametrize("region", ["me-south-1", "me-central-1"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"BucketNamespace": "account-regional"}, "has only the global namespace"),
        ({"BucketName": "acme-222222222222-{region}-an"}, "has no account-regional namespace"),
    ],
)
def test_what_a_region_does_not_have_is_refused_there(
    region: str, given: dict[str, str], words: str
) -> None:
    with AwsDouble() as aws:
        aws.add_account(ACCOUNT)
        backend = Backend(hub=Deployment(aws), account=ACCOUNT, region=region)
        since = len(aws.calls)

        report = backend.ask({name: value.format(region=region) for name, value in given.items()})

        assert report["error"]["code"] == "InvalidRequest"
        assert words in json.dumps(report["error"])
        assert backend.writes(since) == []


def first_log(backend: Backend) -> str:
    return next(name for name in backend.aws.world.buckets if "-logs-" in name)


class _There(Backend):
    """A backend in the partition of its hub."""

    def role(self, name: str) -> str:
        return f"arn:{self.aws.world.partition}:iam::{self.account}:role/{name}"
