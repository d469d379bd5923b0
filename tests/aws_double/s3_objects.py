"""
Objects: written under the right key, read by whom KMS lets, deleted one permission at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from tests.aws_double.authorization import verdict_on
from tests.aws_double.bucket import Bucket, Upload
from tests.aws_double.call import Answer, Call, Proceed, partition_of, rule
from tests.aws_double.errors import Refusal
from tests.aws_double.s3_access import bucket_of, copy_source, demand_on, s3_context
from tests.aws_double.s3_encryption import (
    CUSTOMER_ALGORITHM,
    CUSTOMER_MD5,
    SSE,
    Encryption,
    check_customer_key,
    encryption_of,
    use_key,
)
from tests.aws_double.s3_policies import check_acl
from tests.aws_double.s3_suspended import null_version_replaced, versions_known
from tests.aws_double.wire import HttpResponse

if TYPE_CHECKING:
    from tests.aws_double.world import World


@rule("s3", "PutObject", "CopyObject")
def write_object(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    check_acl(bucket, call.parameters.get("ACL"))
    if call.operation == "CopyObject":
        _read_source(call, world)
    encryption = _usable(call, world, bucket)
    response = proceed(call.with_headers(encryption.headers))
    _remember_customer_key(call, bucket, response, encryption)
    return response


@rule("s3", "CreateMultipartUpload")
def create_upload(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    check_acl(bucket, call.parameters.get("ACL"))
    encryption = _usable(call, world, bucket)
    if encryption.algorithm == "SSE-C":
        raise NotImplementedError("multipart uploads under SSE-C")
    before = set(_theirs(bucket).multiparts)
    response = proceed(call.with_headers(encryption.headers))
    for upload_id in set(_theirs(bucket).multiparts) - before:
        headers = call.http.headers.items()
        sent = {name: value for name, value in headers if name.startswith(SSE)}
        bucket.uploads[upload_id] = Upload(sent=sent, bucket_key=encryption.bucket_key)
    response.headers.update({k: v for k, v in encryption.headers.items() if v is not None})
    return response


@rule("s3", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload")
def use_upload(call: Call, world: World, proceed: Proceed) -> Answer:
    """Every part is encrypted and, to be put together, decrypted."""
    bucket = bucket_of(call, world)
    upload = _theirs(bucket).multiparts.get(call.parameters["UploadId"])
    if upload is None:
        raise Refusal(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload "
            "may have been aborted or completed.",
            404,
        )
    if call.operation == "UploadPartCopy":
        _read_source(call, world)
    key = world.key(upload.kms_key_id, bucket.account, bucket.region) if upload.kms_key_id else None
    if key is not None:
        name = call.parameters["Key"]
        for action in ("GenerateDataKey", "Decrypt"):
            use_key(call, world, bucket, key, action, name)
    response = proceed(call)
    if call.operation == "CompleteMultipartUpload" and response.status == 200:
        done = bucket.uploads.pop(call.parameters["UploadId"])
        # moto's uploads do not know it.
        stored = _stored(bucket, call.parameters["Key"], None)
        stored.bucket_key_enabled = "true" if done.bucket_key else None
    return response


@rule("s3", "GetObject", "HeadObject")
def read_object(call: Call, world: World, proceed: Proceed) -> Answer:
    bucket = bucket_of(call, world)
    found = _stored(bucket, call.parameters["Key"], call.parameters.get("VersionId"))
    if found is None:
        _hide_absence(call, world, bucket)
        return proceed(call)
    check_customer_key(call, bucket, bucket.customer_keys.get(_place(found)))
    if call.operation == "GetObject":
        _decrypt(call, world, bucket, found)
    response = proceed(call)
    if call.header(CUSTOMER_ALGORITHM):
        response.headers |= {
            CUSTOMER_ALGORITHM: "AES256",
            CUSTOMER_MD5: call.header(CUSTOMER_MD5) or "",
        }
    return response


@rule("s3", "DeleteObjects")
def delete_objects(call: Call, world: World, proceed: Proceed) -> Answer:
    """Each object for itself: the refused are named in the answer, the others are gone."""
    bucket = bucket_of(call, world)
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for wanted in call.parameters["Delete"]["Objects"]:
        key, version = wanted["Key"], wanted.get("VersionId")
        action = "DeleteObjectVersion" if version else "DeleteObject"
        permission = demand_on(call, bucket, action, s3_context(call), key)
        verdict = verdict_on(call, world, permission)
        if not verdict.allowed:
            message = (
                f"User: {call.principal.name} is not authorized to perform: {permission.action} "
                f'on resource: "{permission.resource}" {verdict.reason}'
            )
            error = {"Key": key, "VersionId": version, "Code": "AccessDenied", "Message": message}
            errors.append({name: value for name, value in error.items() if value is not None})
            continue
        backend = s3_backends[bucket.account][partition_of(bucket.region)]
        with versions_known(bucket) if version else null_version_replaced(bucket, key):
            _, meta = backend.delete_object(bucket.name, key, version_id=version)
        done = {"Key": key, "VersionId": version, "DeleteMarker": None}
        if meta and meta.get("delete-marker") and not version:
            done |= {"DeleteMarker": True, "DeleteMarkerVersionId": meta.get("version-id")}
        deleted.append({name: value for name, value in done.items() if value is not None})
    quiet = call.parameters["Delete"].get("Quiet")
    return {"Deleted": [] if quiet else deleted, "Errors": errors}


def _usable(call: Call, world: World, bucket: Bucket) -> Encryption:
    """What to encrypt with, after KMS has agreed."""
    encryption = encryption_of(call, world, bucket)
    if encryption.key is not None:
        name = call.parameters["Key"]
        use_key(call, world, bucket, encryption.key, "GenerateDataKey", name)
        if call.operation == "CreateMultipartUpload":
            use_key(call, world, bucket, encryption.key, "Decrypt", name)
    return encryption


def _theirs(bucket: Bucket) -> Any:
    """moto's own bucket."""
    return s3_backends[bucket.account][partition_of(bucket.region)].buckets[bucket.name]


def _stored(bucket: Bucket, key: str, version: str | None) -> Any:
    """moto's object; None if there is none or a delete marker stands in its place."""
    backend = s3_backends[bucket.account][partition_of(bucket.region)]
    return backend.get_object(bucket.name, key, version_id=version)


def _place(stored: Any) -> str:
    return f"{stored.name}\n{stored.version_id}"


def _decrypt(call: Call, world: World, bucket: Bucket, stored: Any) -> None:
    if not stored.kms_key_id:
        return
    key = world.key(stored.kms_key_id, bucket.account, bucket.region)
    if key is None:
        raise Refusal("KMS.NotFoundException", f"Key '{stored.kms_key_id}' does not exist", 400)
    use_key(call, world, bucket, key, "Decrypt", stored.name)


def _read_source(call: Call, world: World) -> None:
    """Copying reads: KMS must let the caller decrypt the source."""
    name, key, version = copy_source(call)
    source = world.buckets[name]
    stored = _stored(source, key, version)
    if stored is not None:
        _decrypt(call, world, source, stored)


def _hide_absence(call: Call, world: World, bucket: Bucket) -> None:
    """Who may not list a bucket is not told that an object is not there."""
    wanted = demand_on(call, bucket, "ListBucket")
    if not verdict_on(call, world, wanted).allowed:
        raise Refusal("AccessDenied", "Access Denied", 403)


def _remember_customer_key(
    call: Call, bucket: Bucket, response: HttpResponse, encryption: Encryption
) -> None:
    if response.status != 200 or encryption.algorithm != "SSE-C":
        return
    stored = _stored(bucket, call.parameters["Key"], None)
    md5 = call.header(CUSTOMER_MD5) or ""
    bucket.customer_keys[_place(stored)] = md5
    response.headers |= {CUSTOMER_ALGORITHM: "AES256", CUSTOMER_MD5: md5}
