"""Objects in the double are written, encrypted, read and locked as in S3."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from typing import Any

import pytest
import urllib3

from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, deny, policy, refused

MEMBER = "222222222222"
OTHER = "333333333333"
OWNER = f"arn:aws:iam::{MEMBER}:role/Owner"
BUCKET = "some-bucket"
ARN = f"arn:aws:s3:::{BUCKET}"
MIB = 1024 * 1024


@pytest.fixture
def aws() -> Iterator[AwsDouble]:
    with AwsDouble() as double:
        double.add_account(MEMBER)
        double.add_account(OTHER)
        client = double.client("s3", principal=OWNER)
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield double


@pytest.fixture
def s3(aws: AwsDouble) -> Any:
    return aws.client("s3", principal=OWNER)


@pytest.fixture
def kms(aws: AwsDouble) -> Any:
    return aws.client("kms", principal=OWNER)


@pytest.fixture
def key(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["Arn"])


def encrypt_by_default(s3: Any, key: str, **parts: Any) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True, **parts}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})


class TestWithoutKms:
    def test_an_object_without_headers_is_encrypted_by_s3(self, s3: Any) -> None:
        assert s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")["ServerSideEncryption"] == "AES256"
        assert s3.get_object(Bucket=BUCKET, Key="k")["ServerSideEncryption"] == "AES256"

    @pytest.mark.parametrize("key", ["a b/c+d", "env:/dev/x.tfstate", "ü/%2F", "a//b"])
    def test_any_key_comes_back_as_it_went(self, s3: Any, key: str) -> None:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", Metadata={"my_name": "value"})

        got = s3.get_object(Bucket=BUCKET, Key=key)
        assert got["Body"].read() == b"x"
        assert got["Metadata"] == {"my_name": "value"}
        assert [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == [key]

    def test_a_body_streamed_in_chunks_under_tls_arrives_whole(self, aws: AwsDouble) -> None:
        s3 = aws.client("s3", principal=OWNER, tls=True)
        body = bytes(range(256)) * 1024

        s3.put_object(Bucket=BUCKET, Key="k", Body=body, ChecksumAlgorithm="SHA256")

        got = s3.get_object(Bucket=BUCKET, Key="k", ChecksumMode="ENABLED")
        assert got["Body"].read() == body


class TestConditionalWrites:
    def test_a_write_that_wants_nothing_there_is_refused_if_something_is(self, s3: Any) -> None:
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"1", IfNoneMatch="*")
        with refused("PreconditionFailed"):
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"2", IfNoneMatch="*")

        s3.delete_object(Bucket=BUCKET, Key="k")
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"3", IfNoneMatch="*")

    def test_of_many_writers_at_once_one_wins(self, aws: AwsDouble, s3: Any) -> None:
        def write(number: int) -> int:
            try:
                s3.put_object(Bucket=BUCKET, Key=f"k{number // 16}", Body=b"", IfNoneMatch="*")
            except s3.exceptions.ClientError:
                return 0
            return 1

        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(write, range(160)))

        assert [sum(won[start : start + 16]) for start in range(0, 160, 16)] == [1] * 10

    def test_a_write_that_wants_the_same_version_also_needs_to_read(self, aws: AwsDouble) -> None:
        writer = aws.client("s3", principal=OWNER, policy=policy(allow("s3:PutObject")))
        etag = writer.put_object(Bucket=BUCKET, Key="k", Body=b"1")["ETag"]

        with refused("AccessDenied", "s3:GetObject"):
            writer.put_object(Bucket=BUCKET, Key="k", Body=b"2", IfMatch=etag)

    def test_whether_a_lock_is_new_is_a_condition_key(self, aws: AwsDouble, s3: Any) -> None:
        overwriting = deny(
            "s3:PutObject",
            f"{ARN}/*.tflock",
            Principal="*",
            Condition={
                "Null": {"s3:if-none-match": "true"},
                "Bool": {"s3:ObjectCreationOperation": "true"},
            },
        )
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(overwriting))

        s3.put_object(Bucket=BUCKET, Key="a.tflock", Body=b"", IfNoneMatch="*")
        with refused("AccessDenied"):
            s3.put_object(Bucket=BUCKET, Key="a.tflock", Body=b"")


class TestKms:
    def test_the_default_key_is_used_and_named(self, s3: Any, key: str) -> None:
        encrypt_by_default(s3, key)

        put = s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")

        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
        assert put["BucketKeyEnabled"]
        assert s3.head_object(Bucket=BUCKET, Key="k")["SSEKMSKeyId"] == key

    def test_headers_beat_the_default(self, s3: Any, kms: Any, key: str) -> None:
        other = kms.create_key()["KeyMetadata"]
        encrypt_by_default(s3, key)

        plain = s3.put_object(Bucket=BUCKET, Key="k", Body=b"", ServerSideEncryption="AES256")
        keyed = s3.put_object(
            Bucket=BUCKET,
            Key="k",
            Body=b"",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=other["KeyId"],
        )

        assert "SSEKMSKeyId" not in plain
        assert keyed["SSEKMSKeyId"] == other["Arn"]

    def test_kms_without_a_key_means_the_managed_one_not_the_default(
        self, s3: Any, kms: Any, key: str
    ) -> None:
        encrypt_by_default(s3, key)

        put = s3.put_object(Bucket=BUCKET, Key="k", Body=b"x", ServerSideEncryption="aws:kms")

        managed = kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]
        assert put["SSEKMSKeyId"] == managed["Arn"]
        assert managed["KeyManager"] == "AWS"
        assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"
        with refused("AccessDeniedException"):
            kms.generate_data_key(KeyId="alias/aws/s3", KeySpec="AES_256")

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ({"SSEKMSKeyId": "alias/none"}, "InvalidArgument"),
            ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/none"}, "InvalidArgument"),
            ({"ServerSideEncryption": "rot13"}, "InvalidArgument"),
            (
                {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/none"},
                "KMS.NotFoundException",
            ),
            (
                {
                    "ServerSideEncryption": "aws:kms",
                    "SSEKMSKeyId": f"arn:aws:kms:eu-west-1:{MEMBER}:key/1",
                },
                "KMS.NotFoundException",
            ),
        ],
    )
    def test_headers_that_make_no_sense_are_refused(
        self, s3: Any, arguments: dict[str, str], code: str
    ) -> None:
        with refused(code):
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"", **arguments)

    @pytest.mark.parametrize(
        ("state", "code"),
        [
            ("disable_key", "KMS.DisabledException"),
            ("schedule_key_deletion", "KMS.KMSInvalidStateException"),
        ],
    )
    def test_a_key_out_of_use_neither_encrypts_nor_decrypts(
        self, s3: Any, kms: Any, key: str, state: str, code: str
    ) -> None:
        encrypt_by_default(s3, key)
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")

        getattr(kms, state)(KeyId=key)

        with refused(code):
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"y")
        with refused(code):
            s3.get_object(Bucket=BUCKET, Key="k")
        s3.head_object(Bucket=BUCKET, Key="k")

    def test_the_key_policy_is_asked_for_the_caller_through_s3(
        self, aws: AwsDouble, s3: Any, kms: Any
    ) -> None:
        administering = allow(
            ["kms:PutKeyPolicy", "kms:DescribeKey"],
            Principal={"AWS": f"arn:aws:iam::{MEMBER}:root"},
        )
        through_s3 = allow(
            ["kms:GenerateDataKey", "kms:Decrypt"],
            Principal={"AWS": "*"},
            Condition={
                "StringEquals": {
                    "kms:ViaService": "s3.us-east-1.amazonaws.com",
                    "kms:CallerAccount": MEMBER,
                }
            },
        )
        made = kms.create_key(Policy=policy(administering, through_s3))["KeyMetadata"]["Arn"]
        encrypt_by_default(s3, made)
        only_s3 = aws.client("s3", principal=OWNER, policy=policy(allow("s3:*")))

        only_s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
        only_s3.get_object(Bucket=BUCKET, Key="k")
        with refused("AccessDeniedException", "no resource-based policy allows the kms:Decrypt"):
            kms.decrypt(KeyId=made, CiphertextBlob=b"x" * 200)
        kms.put_key_policy(KeyId=made, PolicyName="default", Policy=policy(administering))
        with refused("AccessDenied", "kms:GenerateDataKey on resource: " + made):
            only_s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
        with refused("AccessDenied", "kms:Decrypt on resource: " + made):
            only_s3.get_object(Bucket=BUCKET, Key="k")

    def test_a_root_policy_leaves_the_key_to_iam(self, aws: AwsDouble, s3: Any, key: str) -> None:
        encrypt_by_default(s3, key)
        only_s3 = aws.client("s3", principal=OWNER, policy=policy(allow("s3:*")))

        with refused("AccessDenied", "no identity-based policy allows the kms:GenerateDataKey"):
            only_s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")

    def test_a_reader_in_another_account_needs_the_key_too(
        self, aws: AwsDouble, s3: Any, key: str
    ) -> None:
        encrypt_by_default(s3, key)
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
        outside = {"AWS": f"arn:aws:iam::{OTHER}:root"}
        s3.put_bucket_policy(
            Bucket=BUCKET, Policy=policy(allow("s3:GetObject", f"{ARN}/*", Principal=outside))
        )
        reader = aws.client("s3", principal=f"arn:aws:iam::{OTHER}:role/Reader")

        with refused("AccessDenied", "no resource-based policy allows the kms:Decrypt action"):
            reader.get_object(Bucket=BUCKET, Key="k")


CUSTOMER_KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}


class TestCustomerKeys:
    def test_an_object_opens_only_with_its_own_key(self, aws: AwsDouble) -> None:
        s3 = aws.client("s3", principal=OWNER, tls=True)
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"x", **CUSTOMER_KEY)

        assert s3.get_object(Bucket=BUCKET, Key="k", **CUSTOMER_KEY)["Body"].read() == b"x"
        with refused("InvalidRequest"):
            s3.get_object(Bucket=BUCKET, Key="k")
        with refused("AccessDenied"):
            s3.get_object(
                Bucket=BUCKET, Key="k", SSECustomerAlgorithm="AES256", SSECustomerKey=b"z" * 32
            )

    def test_are_refused_where_the_bucket_blocks_them(self, aws: AwsDouble, key: str) -> None:
        s3 = aws.client("s3", principal=OWNER, tls=True)
        encrypt_by_default(s3, key, BlockedEncryptionTypes={"EncryptionType": ["SSE-C"]})

        with refused("AccessDenied", "SSE-C"):
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"x", **CUSTOMER_KEY)

    def test_do_not_travel_over_plain_http(self, s3: Any) -> None:
        headers = {
            "x-amz-server-side-encryption-customer-algorithm": "AES256",
            "x-amz-server-side-encryption-customer-key": base64.b64encode(b"k" * 32).decode(),
            "x-amz-server-side-encryption-customer-key-md5": base64.b64encode(
                md5(b"k" * 32).digest()
            ).decode(),
        }

        def send_in_the_clear(request: Any, **_: Any) -> None:
            for name, value in headers.items():
                request.headers[name] = value

        s3.meta.events.register("before-sign.s3.PutObject", send_in_the_clear)

        with refused("InvalidRequest", "secure connection"):
            s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")


class TestMultipart:
    def upload(self, s3: Any, **encryption: str) -> Any:
        part = {"Bucket": BUCKET, "Key": "k"}
        upload = s3.create_multipart_upload(**part, **encryption)["UploadId"]
        etags = [
            s3.upload_part(**part, UploadId=upload, PartNumber=n, Body=b"x" * 5 * MIB)["ETag"]
            for n in (1, 2)
        ]
        parts = [{"PartNumber": n + 1, "ETag": etag} for n, etag in enumerate(etags)]
        return s3.complete_multipart_upload(
            **part, UploadId=upload, MultipartUpload={"Parts": parts}
        )

    def test_parts_become_one_object_under_the_uploads_key(self, s3: Any, key: str) -> None:
        self.upload(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

        head = s3.head_object(Bucket=BUCKET, Key="k")
        assert (head["ContentLength"], head["SSEKMSKeyId"]) == (10 * MIB, key)

    def test_the_default_key_holds_for_uploads_without_headers(self, s3: Any, key: str) -> None:
        encrypt_by_default(s3, key)
        self.upload(s3)

        head = s3.head_object(Bucket=BUCKET, Key="k")
        assert head["SSEKMSKeyId"] == key
        assert head["BucketKeyEnabled"]

    def test_a_deny_that_hits_parts_without_headers_hits_the_upload(
        self, s3: Any, key: str
    ) -> None:
        sse = "s3:x-amz-server-side-encryption"
        strict = deny(
            "s3:PutObject",
            f"{ARN}/*",
            Principal="*",
            Condition={"StringNotEquals": {sse: "aws:kms"}},
        )
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(strict))

        with refused("AccessDenied"):
            self.upload(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

    def test_a_deny_that_spares_missing_headers_spares_parts(self, s3: Any, key: str) -> None:
        sse = "s3:x-amz-server-side-encryption"
        careful = deny(
            "s3:PutObject",
            f"{ARN}/*",
            Principal="*",
            Condition={"Null": {sse: "false"}, "StringNotEquals": {sse: "aws:kms"}},
        )
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(careful))

        self.upload(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

    def test_a_part_of_no_upload_is_refused(self, s3: Any) -> None:
        with refused("NoSuchUpload"):
            s3.upload_part(Bucket=BUCKET, Key="k", UploadId="none", PartNumber=1, Body=b"")


def test_copying_reads_the_source_and_writes_the_target(aws: AwsDouble, s3: Any, key: str) -> None:
    encrypt_by_default(s3, key)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    blind = aws.client("s3", principal=OWNER, policy=policy(allow("*"), deny("s3:GetObject")))

    with refused("AccessDenied", "s3:GetObject"):
        blind.copy_object(Bucket=BUCKET, Key="l", CopySource=f"{BUCKET}/k")
    copied = s3.copy_object(Bucket=BUCKET, Key="l", CopySource=f"{BUCKET}/k")

    assert copied["SSEKMSKeyId"] == key
    assert s3.get_object(Bucket=BUCKET, Key="l")["Body"].read() == b"x"


def test_suspended_versioning_replaces_the_null_version_alone(s3: Any) -> None:
    first = s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")["VersionId"]
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})

    for body in (b"2", b"3"):
        assert s3.put_object(Bucket=BUCKET, Key="k", Body=body)["VersionId"] == "null"

    versions = s3.list_object_versions(Bucket=BUCKET)["Versions"]
    assert {version["VersionId"] for version in versions} == {first, "null"}
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"3"
    assert s3.get_object(Bucket=BUCKET, Key="k", VersionId=first)["Body"].read() == b"1"
    assert s3.delete_object(Bucket=BUCKET, Key="k")["VersionId"] == "null"
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 1
    s3.delete_object(Bucket=BUCKET, Key="k", VersionId="null")
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"1"


def test_a_presigned_url_is_as_good_as_its_signer(aws: AwsDouble, s3: Any) -> None:
    reader = aws.client("s3", principal=OWNER, policy=policy(allow("s3:GetObject")))
    target = {"Bucket": BUCKET, "Key": "k"}

    with urllib3.PoolManager() as pool:
        refused_put = pool.request("PUT", reader.generate_presigned_url("put_object", target))
        put = pool.request("PUT", s3.generate_presigned_url("put_object", target), body=b"hello")
        got = pool.request("GET", reader.generate_presigned_url("get_object", target))

    assert (refused_put.status, put.status, got.status, got.data) == (403, 200, 200, b"hello")
