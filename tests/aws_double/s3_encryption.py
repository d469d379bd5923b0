"""
How an object is encrypted: by the request's headers, else by the bucket's default, and what KMS
says to that. S3 asks KMS as the caller, so the key's policy is judged for the caller too.

Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.aws_double.authorization import demand
from tests.aws_double.call import Call, dns_suffix
from tests.aws_double.errors import Refusal
from tests.aws_double.kms_access import key_demand

if TYPE_CHECKING:
    from moto.kms.models import Key

    from tests.aws_double.bucket import Bucket
    from tests.aws_double.world import World

SSE = "x-amz-server-side-encryption"
KEY_ID = f"{SSE}-aws-kms-key-id"
BUCKET_KEY = f"{SSE}-bucket-key-enabled"
CUSTOMER_ALGORITHM = f"{SSE}-customer-algorithm"
CUSTOMER_MD5 = f"{SSE}-customer-key-md5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """What a new object is encrypted with."""

    algorithm: str
    """``AES256``, ``aws:kms``, ``aws:kms:dsse``, or ``SSE-C``."""
    key: Key | None = None
    bucket_key: bool = False

    @property
    def headers(self) -> dict[str, str | None]:
        """Said explicitly, so that moto needs no default of the bucket."""
        return {
            SSE: None if self.algorithm == "SSE-C" else self.algorithm,
            KEY_ID: self.key.arn if self.key else None,
            BUCKET_KEY: "true" if self.bucket_key else None,
        }


def encryption_of(call: Call, world: World, bucket: Bucket) -> Encryption:
    """
    What the object that *call* writes is encrypted with.

    Raises:
        Refusal: The headers contradict each other, or the key cannot be used.
    """
    default = _default(bucket)
    if call.header(CUSTOMER_ALGORITHM):
        _check_customer_key(call, bucket)
        return Encryption(algorithm="SSE-C")
    algorithm, key_id = call.header(SSE), call.header(KEY_ID)
    asked_bucket_key = call.header(BUCKET_KEY)
    if algorithm is None and key_id is not None:
        raise _invalid_argument(
            "Server Side Encryption with AWS KMS managed key requires HTTP header "
            "x-amz-server-side-encryption : aws:kms"
        )
    if algorithm is None:
        by_default = default["ApplyServerSideEncryptionByDefault"]
        algorithm, key_id = by_default["SSEAlgorithm"], by_default.get("KMSMasterKeyID")
    elif algorithm not in {"AES256", "aws:kms", "aws:kms:dsse"}:
        raise _invalid_argument("The encryption method specified is not supported")
    if algorithm == "AES256":
        if key_id:
            raise _invalid_argument(
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms"
            )
        return Encryption(algorithm="AES256")
    bucket_key = bool(default.get("BucketKeyEnabled"))
    if asked_bucket_key is not None:
        bucket_key = asked_bucket_key.lower() == "true"
    return Encryption(
        algorithm=algorithm, key=_kms_key(call, world, bucket, key_id), bucket_key=bucket_key
    )


def use_key(call: Call, world: World, bucket: Bucket, key: Key, action: str, name: str) -> None:
    """
    KMS's answer to S3, which asks for *action* on *key* as the caller.

    Raises:
        Refusal: The key is disabled, to be deleted, or its policy does not let the caller.
    """
    if key.key_state == "PendingDeletion":
        raise Refusal("KMS.KMSInvalidStateException", f"{key.arn} is pending deletion.", 400)
    if not key.enabled:
        raise Refusal("KMS.DisabledException", f"{key.arn} is disabled.", 400)
    context = {
        "kms:viaservice": [f"s3.{bucket.region}.{dns_suffix(bucket.region)}"],
        "kms:calleraccount": [call.principal.account],
        "kms:encryptioncontextkeys": ["aws:s3:arn"],
        "kms:encryptioncontext:aws:s3:arn": [f"{bucket.arn}/{name}"],
        "aws:viaawsservice": ["true"],
        "aws:securetransport": ["true"],
    }
    demand(call, world, key_demand(key, f"kms:{action}", context))


def check_customer_key(call: Call, bucket: Bucket, stored: str | None) -> None:
    """
    Reading an object takes the very key it was written with.

    Raises:
        Refusal: It was not given, or another was.
    """
    given = call.header(CUSTOMER_MD5)
    if stored is None and given:
        raise _invalid_request(
            "The encryption parameters are not applicable to this object.",
        )
    if stored is not None and not given:
        raise _invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct "
            "parameters must be provided to retrieve the object.",
        )
    if stored is not None and given != stored:
        raise Refusal("AccessDenied", "Access Denied", 403)


def _default(bucket: Bucket) -> dict[str, Any]:
    encryption = bucket.configuration("encryption")
    if not encryption:
        return {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    rule: dict[str, Any] = encryption["Rules"][0]
    return rule


def _check_customer_key(call: Call, bucket: Bucket) -> None:
    blocked = (_default(bucket).get("BlockedEncryptionTypes") or {}).get("EncryptionType") or []
    if "SSE-C" in blocked:
        raise Refusal(
            "AccessDenied",
            f"User: {call.principal.name} is not authorized to perform: s3:PutObject on "
            f'resource: "{bucket.arn}/{call.parameters.get("Key")}" because server-side '
            "encryption with customer-provided keys (SSE-C) is blocked on this bucket",
            403,
        )
    if call.header(SSE):
        raise _invalid_argument(
            "Server Side Encryption with Customer provided key is incompatible with the "
            "encryption method specified"
        )
    if call.http.tls_version is None:
        raise _invalid_request(
            "Requests specifying Server Side Encryption with Customer provided keys must be "
            "made over a secure connection.",
        )


def _kms_key(call: Call, world: World, bucket: Bucket, key_id: str | None) -> Key:
    """The key by its id; without one, the account's ``aws/s3``, whatever the bucket's default."""
    if not key_id:
        return world.managed_key(bucket.account, bucket.region)
    if key_id.startswith("arn:") and key_id.split(":")[3] != bucket.region:
        raise Refusal("KMS.NotFoundException", f"Invalid arn {key_id.split(':')[3]}", 400)
    key = world.key(key_id, call.principal.account, bucket.region)
    if key is None:
        place = f"arn:{call.partition}:kms:{bucket.region}:{call.principal.account}"
        if key_id.startswith("alias/"):
            text = f"Alias {place}:{key_id} is not found."
        elif key_id.startswith("arn:"):
            text = f"Key '{key_id}' does not exist"
        else:
            text = f"Key '{place}:key/{key_id}' does not exist"
        raise Refusal("KMS.NotFoundException", text, 400)
    return key


def _invalid_argument(message: str) -> Refusal:
    return Refusal("InvalidArgument", message, 400)


def _invalid_request(message: str) -> Refusal:
    return Refusal("InvalidRequest", message, 400)
