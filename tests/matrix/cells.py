"""
The words of the matrix, and all of its cells. Nothing here knows a policy or an ARN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """A backend as its requester described it, and what was found."""

    name: str
    encryption: str = "aws:kms"
    break_glass: bool = False
    """Whether ``Who.BREAK_GLASS`` is named as such."""
    listed: bool = False
    """Whether ``StateAccessPrincipalArns`` names ``Who.LISTED``."""
    prevent_destroy: bool = True
    observed: bool = False
    """An adopted bucket whose clients come first."""
    managed: bool = False
    """An adopted bucket that a stack manages."""
    foreign: bool = False
    """
    Statements of somebody else allow everything: on the bucket to the whole world, on the key to
    whomever the account's IAM lets.
    """

    def __str__(self) -> str:
        return self.name


class Who(Enum):
    """Who asks. IAM allows everybody everything, but the two roles at work everything in S3."""

    PROVISIONER = "the role we act through"
    PREVIOUS = "the role recorded before it"
    BREAK_GLASS = "break-glass"
    ADMINISTRATOR = "an administrator of the account"
    LOOKALIKE = "an administrator whose role has our role's name, under another path"
    LISTED = "a role that is listed for state"
    UNLISTED = "a role that is not"
    ROOT = "the account's root"
    SERVICE = "a service of AWS"
    ANONYMOUS = "nobody in particular"
    OUTSIDER = "an administrator of another account, whose role has our role's name"


class What(Enum):
    """What it is about."""

    BUCKET = "the bucket"
    STATE = "a state"
    LOCK = "a lock file"
    WORKSPACE = "a workspace's state"
    KEY = "the key"
    TABLE = "the lock table"


class Tls(Enum):
    NONE = "plain HTTP"
    OLD = "TLS 1.1"
    CURRENT = "TLS 1.2"


class Encryption(Enum):
    """The encryption that a PutObject asks for."""

    UNSAID = "none said"
    OUR_KEY = "aws:kms, our key's ARN"
    OTHER_KEY = "aws:kms, another key's ARN"
    BARE_ID = "aws:kms, our key's id without its ARN"
    NO_KEY = "aws:kms without a key"
    AES256 = "AES256"
    DSSE = "aws:kms:dsse, our key's ARN"
    CUSTOMER = "a key of the client's own"


class Through(Enum):
    """How a request reaches KMS."""

    DIRECT = "directly"
    S3 = "through S3 of the Region"
    S3_ELSEWHERE = "through S3 of another Region"
    OTHER_SERVICE = "through another service of the Region"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request."""

    who: Who
    action: str
    what: What
    tls: Tls = Tls.CURRENT
    encryption: Encryption = Encryption.UNSAID
    through: Through = Through.DIRECT

    def __str__(self) -> str:
        how = [self.tls, self.encryption] if self.what is not What.KEY else [self.through]
        told = ", ".join(one.value for one in how)
        return f"{self.who.value}: {self.action} on {self.what.value} ({told})"


DEFAULT = Backend(name="default")
FULL = Backend(name="all at once", break_glass=True, listed=True)
GLASS = Backend(name="with break-glass", break_glass=True)
OPEN = Backend(name="opened by others", break_glass=True, foreign=True)
OPEN_FULL = Backend(
    name="all at once, opened by others", break_glass=True, listed=True, foreign=True
)
AES256 = Backend(name="AES256", encryption="AES256", break_glass=True)
UNPROTECTED = Backend(name="not protected", break_glass=True, listed=True, prevent_destroy=False)
BACKENDS = (
    DEFAULT,
    AES256,
    Backend(name="with a list of principals", listed=True),
    GLASS,
    FULL,
    OPEN,
    OPEN_FULL,
    UNPROTECTED,
    Backend(name="observed", observed=True, listed=True),
    Backend(name="managed by a stack", managed=True),
)

OBJECTS = (What.STATE, What.LOCK, What.WORKSPACE)

ON_OBJECTS = (
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectAttributes",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectAnnotation",
    "s3:GetObjectVersionAnnotation",
    "s3:GetObjectVersionAnnotationForReplication",
    "s3:RestoreObject",
    "s3:PutObjectAnnotation",
    "s3:PutObjectVersionAnnotation",
    "s3:DeleteObjectAnnotation",
    "s3:DeleteObjectVersionAnnotation",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:BypassGovernanceRetention",
    "s3:ReplicateObject",
    "s3:ReplicateDelete",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    "s3:UpdateObjectEncryption",
)
"""Besides PutObject, which has headers that matter."""

ON_BUCKET = (
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:GetBucketPolicy",
    "s3:GetEncryptionConfiguration",
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketAcl",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketLogging",
    "s3:PutReplicationConfiguration",
    "s3:PutBucketNotification",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketTagging",
    "s3:TagResource",
    "s3:UntagResource",
    "s3:PutBucketAbac",
    "s3:PutInventoryConfiguration",
    "s3:PutMetricsConfiguration",
    "s3:PutAnalyticsConfiguration",
    "s3:PutIntelligentTieringConfiguration",
    "s3:CreateBucketMetadataTableConfiguration",
    "s3:DeleteBucketMetadataTableConfiguration",
    "s3:UpdateBucketMetadataInventoryTableConfiguration",
    "s3:UpdateBucketMetadataJournalTableConfiguration",
    "s3:UpdateBucketMetadataAnnotationTableConfiguration",
    "s3:PutBucketWebsite",
    "s3:DeleteBucketWebsite",
    "s3:PutBucketCORS",
    "s3:PutAccelerateConfiguration",
    "s3:PutBucketRequestPayment",
)
SOME_ON_BUCKET = (
    "s3:ListBucket",
    "s3:GetBucketPolicy",
    "s3:DeleteBucket",
    "s3:PutBucketPolicy",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketTagging",
)

ON_KEY = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:RetireGrant",
    "kms:RevokeGrant",
    "kms:ListGrants",
    "kms:GetKeyPolicy",
    "kms:PutKeyPolicy",
    "kms:ListKeyPolicies",
    "kms:ScheduleKeyDeletion",
    "kms:CancelKeyDeletion",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:ImportKeyMaterial",
    "kms:DeleteImportedKeyMaterial",
    "kms:EnableKeyRotation",
    "kms:DisableKeyRotation",
    "kms:GetKeyRotationStatus",
    "kms:ListKeyRotations",
    "kms:RotateKeyOnDemand",
    "kms:GetKeyLastUsage",
    "kms:CreateAlias",
    "kms:UpdateAlias",
    "kms:DeleteAlias",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:ListResourceTags",
    "kms:UpdateKeyDescription",
    "kms:ReplicateKey",
    "kms:UpdatePrimaryRegion",
    "kms:Sign",
)
USES = ON_KEY[:7]


def cells(backend: Backend) -> Iterator[Request]:
    """
    Every request that *backend*'s policies are asked about.

    A statement or a key's policy that is the same in several backends is looked at whole in one.
    """
    yield from bucket_cells(
        every_action=backend in {DEFAULT, FULL, OPEN}, over_every_tls=backend in {DEFAULT, OPEN}
    )
    if backend in {DEFAULT, GLASS, OPEN, UNPROTECTED}:
        yield from key_cells()


def bucket_cells(*, every_action: bool = True, over_every_tls: bool = False) -> Iterator[Request]:
    on_bucket = ON_BUCKET if every_action else SOME_ON_BUCKET
    for who in Who:
        for tls in Tls:
            every = over_every_tls or tls is Tls.CURRENT
            for action in on_bucket if every else on_bucket[:1]:
                yield Request(who=who, action=action, what=What.BUCKET, tls=tls)
            for action in ON_OBJECTS if every else ON_OBJECTS[:1]:
                yield Request(who=who, action=action, what=What.STATE, tls=tls)
            for what in (What.LOCK, What.WORKSPACE):
                for action in ON_OBJECTS if tls is Tls.CURRENT else ON_OBJECTS[:1]:
                    yield Request(who=who, action=action, what=what, tls=tls)
        yield from _put_cells(who)


def _put_cells(who: Who) -> Iterator[Request]:
    put = "s3:PutObject"
    for what in OBJECTS:
        for encryption in Encryption:
            yield Request(who=who, action=put, what=what, encryption=encryption)
    for tls in (Tls.NONE, Tls.OLD):
        for encryption in Encryption:
            yield Request(who=who, action=put, what=What.STATE, tls=tls, encryption=encryption)


def key_cells() -> Iterator[Request]:
    for who in Who:
        for action in ON_KEY:
            yield Request(who=who, action=action, what=What.KEY)
        for through in (Through.S3, Through.S3_ELSEWHERE, Through.OTHER_SERVICE):
            for action in (*USES, "kms:CreateGrant"):
                yield Request(who=who, action=action, what=What.KEY, through=through)


# ---- Clients ------------------------------------------------------------------------------------


class Client(Enum):
    """A role that has one of the ready policies for clients, and no other."""

    READER = "reader"
    PLANNER = "planner"
    APPLIER = "applier"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsBackend:
    """A backend as its clients know it."""

    lock_file: bool = True
    lock_table: bool = False
    given_key: bool = False
    """Its key is not of our making, and leaves to IAM who may use it."""

    def __str__(self) -> str:
        locks = [*["file"] * self.lock_file, *["table"] * self.lock_table]
        return f"{' and '.join(locks)}, {'given key' if self.given_key else 'our key'}"


CLIENTS_BACKENDS = tuple(
    ClientsBackend(lock_file=file, lock_table=table, given_key=given)
    for file, table in ((True, False), (False, True), (True, True))
    for given in (False, True)
)

ON_TABLE = (
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:DeleteItem",
    "dynamodb:UpdateItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:DescribeTable",
    "dynamodb:UpdateTable",
    "dynamodb:DeleteTable",
)


def client_cells() -> Iterator[Request]:
    """Every request that a client's role is tried with."""
    for action in ON_BUCKET:
        yield Request(who=Who.LISTED, action=action, what=What.BUCKET)
    for what in OBJECTS:
        for action in ("s3:PutObject", *ON_OBJECTS, "s3:PutObjectAcl", "s3:PutObjectTagging"):
            yield Request(who=Who.LISTED, action=action, what=what, encryption=_said(action))
    for action in ON_TABLE:
        yield Request(who=Who.LISTED, action=action, what=What.TABLE)
    for action in ON_KEY:
        yield Request(who=Who.LISTED, action=action, what=What.KEY)
    for through in (Through.S3, Through.S3_ELSEWHERE, Through.OTHER_SERVICE):
        for action in USES:
            yield Request(who=Who.LISTED, action=action, what=What.KEY, through=through)


def _said(action: str) -> Encryption:
    return Encryption.OUR_KEY if action == "s3:PutObject" else Encryption.UNSAID
