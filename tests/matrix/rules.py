"""
What the answer to each request has to be: the contract's sentences, as rules. To be read from top
to bottom.

Written from the words alone. No policy is looked at, no evaluator is asked, and the product is not
imported: where policy and rule differ, one of them is wrong.
"""

from __future__ import annotations

from enum import Enum

from tests.matrix.cells import (
    Backend,
    Client,
    ClientsBackend,
    Encryption,
    Request,
    Through,
    Tls,
    What,
    Who,
)


class Answer(Enum):
    ALLOWED = "allowed"
    REFUSED = "refused by a word of ours"
    NOT_GRANTED = "granted by nobody"


def answer(backend: Backend, request: Request) -> Answer:
    """What *request* must be answered on *backend*."""
    if request.what is What.KEY:
        refused, granted = refused_by_key(backend, request), granted_on_key(backend, request)
    else:
        refused, granted = refused_by_bucket(backend, request), granted_on_bucket(backend, request)
    return Answer.REFUSED if refused else Answer.ALLOWED if granted else Answer.NOT_GRANTED


# ---- The bucket: every statement refuses, none allows -------------------------------------------

IN_THE_ACCOUNT = frozenset(Who) - {Who.SERVICE, Who.ANONYMOUS, Who.OUTSIDER}

POLICY_ITSELF = {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}


def granted_on_bucket(backend: Backend, request: Request) -> bool:
    """IAM lets the account's own; others would need a statement of somebody else's."""
    return request.who in IN_THE_ACCOUNT or backend.foreign


def refused_by_bucket(backend: Backend, request: Request) -> bool:
    # AWS's own rule: the owner's root always reaches the policy, so no policy can lock it out.
    if request.who is Who.ROOT and request.action in POLICY_ITSELF:
        return False
    return (
        in_clear_text(request)
        or over_old_tls(request)
        or (not backend.observed and encrypted_wrongly(backend, request))
        or destroys(backend, request)
        or reconfigures(backend, request)
        or (not backend.observed and reaches_state(backend, request))
    )


def in_clear_text(request: Request) -> bool:
    """DenyInsecureTransport: every request."""
    return request.tls is Tls.NONE


def over_old_tls(request: Request) -> bool:
    """DenyOldTls (below 1.2; AWS services exempt): every request."""
    return request.tls is Tls.OLD and request.who is not Who.SERVICE


def encrypted_wrongly(backend: Backend, request: Request) -> bool:
    """
    On PutObject, a wrong algorithm, a wrong key, KMS without a key, a key of the client's own.

    What says nothing lands under the bucket's default, the right key. With AES256: anything but it.
    """
    right = Encryption.AES256 if backend.encryption == "AES256" else Encryption.OUR_KEY
    return request.action == "s3:PutObject" and request.encryption not in {
        Encryption.UNSAID,
        right,
    }


DESTROYING = {"s3:DeleteBucket", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"}


def destroys(backend: Backend, request: Request) -> bool:
    """
    DenyDestroy: the bucket, versions, governance retention; and DeleteObject on everything but
    lock files and workspace keys, unless the bucket is only observed. All but break-glass, our own
    role not exempt.
    """
    deletes_state = (
        request.action == "s3:DeleteObject" and request.what is What.STATE and not backend.observed
    )
    return (
        backend.prevent_destroy
        and (request.action in DESTROYING or deletes_state)
        and not is_break_glass(backend, request)
    )


RECONFIGURING = {
    # policy, encryption, versioning, public access block, ownership, ACL
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutEncryptionConfiguration",
    "s3:UpdateObjectEncryption",
    "s3:PutBucketVersioning",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketAcl",
    # lifecycle, logging
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketLogging",
    # replication, and what its engine does
    "s3:PutReplicationConfiguration",
    "s3:ReplicateObject",
    "s3:ReplicateDelete",
    # notifications, Object Lock
    "s3:PutBucketNotification",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutObjectRetention",
    "s3:PutObjectLegalHold",
    # tags, and what gives them power
    "s3:PutBucketTagging",
    "s3:TagResource",
    "s3:UntagResource",
    "s3:PutBucketAbac",
    # inventory and its kin, metadata tables
    "s3:PutInventoryConfiguration",
    "s3:PutMetricsConfiguration",
    "s3:PutAnalyticsConfiguration",
    "s3:PutIntelligentTieringConfiguration",
    "s3:CreateBucketMetadataTableConfiguration",
    "s3:DeleteBucketMetadataTableConfiguration",
    "s3:UpdateBucketMetadataInventoryTableConfiguration",
    "s3:UpdateBucketMetadataJournalTableConfiguration",
    "s3:UpdateBucketMetadataAnnotationTableConfiguration",
    # website, CORS and the like
    "s3:PutBucketWebsite",
    "s3:DeleteBucketWebsite",
    "s3:PutBucketCORS",
    "s3:PutAccelerateConfiguration",
    "s3:PutBucketRequestPayment",
}


def reconfigures(backend: Backend, request: Request) -> bool:
    """
    DenyReconfigure: all but the role we act through, the one before it, and break-glass.

    A bucket that another tool manages goes without. While one is only observed, copies of another
    bucket come in.
    """
    ours = request.who in {Who.PROVISIONER, Who.PREVIOUS}
    copies = backend.observed and request.action in {"s3:ReplicateObject", "s3:ReplicateDelete"}
    return (
        not backend.managed
        and not copies
        and request.action in RECONFIGURING
        and not ours
        and not is_break_glass(backend, request)
    )


READING = {
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectAttributes",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectAnnotation",
    "s3:GetObjectVersionAnnotation",
    "s3:GetObjectVersionAnnotationForReplication",
}
WRITING = {
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:RestoreObject",
    # annotations: data of their own, a megabyte each, beside a state
    "s3:PutObjectAnnotation",
    "s3:PutObjectVersionAnnotation",
    "s3:DeleteObjectAnnotation",
    "s3:DeleteObjectVersionAnnotation",
}


HARMLESS = {
    "s3:AbortMultipartUpload": "ends an upload that is nobody's state yet",
    "s3:DeleteObjectTagging": "tags of an object, which no rule of ours looks at",
    "s3:DeleteObjectVersionTagging": "tags of an object, which no rule of ours looks at",
    "s3:InitiateReplication": "needs a replication, which nobody can set up",
    "s3:ObjectOwnerOverrideToBucketOwner": "needs a replication, which nobody can set up",
    "s3:PauseReplication": "needs a replication, which nobody can set up",
    "s3:PutObjectAcl": "S3 refuses access lists: the bucket's owner owns every object",
    "s3:PutObjectTagging": "clients do it: OpenTofu tags states and lock files if told to",
    "s3:PutObjectVersionAcl": "S3 refuses access lists: the bucket's owner owns every object",
    "s3:PutObjectVersionTagging": "tags of an object, which no rule of ours looks at",
    "s3:ReplicateObjectAnnotation": "a note beside a state",
    "s3:ReplicateTags": "tags of an object, which no rule of ours looks at",
}
"""What changes something in a bucket, and is left to IAM."""


def reaches_state(backend: Backend, request: Request) -> bool:
    """DenyStateAccess: with a list, only those on it read and write; break-glass reads."""
    if not backend.listed or request.who is Who.LISTED:
        return False
    reads = request.action in READING and not is_break_glass(backend, request)
    return reads or request.action in WRITING


def is_break_glass(backend: Backend, request: Request) -> bool:
    return backend.break_glass and request.who is Who.BREAK_GLASS


# ---- The key: two statements allow, the others refuse -------------------------------------------

USING = {
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}
NOBODYS = {
    # granting its use, and what would copy it or bring it from outside: no one has a right to it
    "kms:CreateGrant",
    "kms:RetireGrant",
    "kms:ReplicateKey",
    "kms:UpdatePrimaryRegion",
    "kms:ImportKeyMaterial",
    "kms:DeleteImportedKeyMaterial",
    "kms:Sign",
}
ADMINISTRATORS = {
    Who.PROVISIONER,
    Who.PREVIOUS,
    Who.BREAK_GLASS,
    Who.ADMINISTRATOR,
    Who.LOOKALIKE,
    Who.ROOT,
}
"""Root, and to whom IAM gives rights on keys."""


def granted_on_key(backend: Backend, request: Request) -> bool:
    """
    Root administers, and through IAM its administrators; neither has a cryptographic right.

    Principals of the account use it through S3 of the Region alone, where S3's permission suffices.
    """
    if request.who in ADMINISTRATORS and (backend.foreign or request.action not in USING | NOBODYS):
        return True
    through_s3 = request.through is Through.S3 and request.who in IN_THE_ACCOUNT
    return through_s3 and request.action in USING | {"kms:DescribeKey"}


ENDING = {
    "kms:DisableKey",
    "kms:ScheduleKeyDeletion",
    "kms:DeleteAlias",
    "kms:DeleteImportedKeyMaterial",
}
CHANGING = {
    "kms:EnableKeyRotation",
    "kms:DisableKeyRotation",
    "kms:PutKeyPolicy",
    "kms:UpdateAlias",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:ReplicateKey",
    "kms:UpdatePrimaryRegion",
}


def refused_by_key(backend: Backend, request: Request) -> bool:
    """
    Grants to all. Its end to all but root and break-glass, while destruction is prevented. Changes
    to all but root, break-glass and the role that repairs.
    """
    above = request.who is Who.ROOT or is_break_glass(backend, request)
    ours = request.who in {Who.PROVISIONER, Who.PREVIOUS}
    return (
        request.action == "kms:CreateGrant"
        or (request.action in ENDING and backend.prevent_destroy and not above)
        or (request.action in CHANGING and not above and not ours)
    )


# ---- The ready policies for clients -------------------------------------------------------------


def client_answer(
    client: Client, backend: ClientsBackend, request: Request, *, every_key: bool
) -> Answer:
    """
    What a role with *client*'s ready policy is answered on an otherwise default backend.

    Args:
        every_key: The policy is for all states, not for the one module that is asked about.
    """
    vended = Backend(name="clients'")
    match request.what:
        case What.KEY:
            granted = client_uses_key(client, backend, request)
            # A key that is not ours refuses nothing by word.
            refused = not backend.given_key and refused_by_key(vended, request)
        case What.TABLE:
            granted, refused = client_uses_table(client, backend, request), False
        case _:
            granted = client_uses_bucket(client, backend, request, every_key=every_key)
            refused = refused_by_bucket(vended, request)
    return Answer.REFUSED if refused else Answer.ALLOWED if granted else Answer.NOT_GRANTED


def client_uses_bucket(
    client: Client, backend: ClientsBackend, request: Request, *, every_key: bool
) -> bool:
    """
    All list, and read state. Who plans locks as well; who applies writes state and deletes
    workspaces, and nobody deletes another state.
    """
    locks = request.what is What.LOCK and backend.lock_file and client is not Client.READER
    # Among all keys are those of lock files.
    of_state = request.what is not What.LOCK or every_key
    applies = client is Client.APPLIER
    granted = {
        "s3:ListBucket": True,
        "s3:GetObject": of_state or locks,
        "s3:PutObject": (of_state and applies) or locks,
        "s3:DeleteObject": (request.what is What.WORKSPACE and applies) or locks,
    }
    return granted.get(request.action, False)


def client_uses_table(client: Client, backend: ClientsBackend, request: Request) -> bool:
    """Where there is one: all read the state's digest in it, and who locks writes it."""
    writes = {"dynamodb:PutItem", "dynamodb:DeleteItem"}
    locks = client is not Client.READER and request.action in writes
    return backend.lock_table and (locks or request.action == "dynamodb:GetItem")


def client_uses_key(client: Client, backend: ClientsBackend, request: Request) -> bool:
    """
    Our own key lets everybody of the account use it through S3, so clients get no right to it. Of a
    given one they get what they need: to decrypt, and to encrypt if they write anything.
    """
    if request.through is not Through.S3:
        return False
    if not backend.given_key:
        return request.action in USING | {"kms:DescribeKey"}
    writes = client is Client.APPLIER or (client is Client.PLANNER and backend.lock_file)
    return request.action == "kms:Decrypt" or (request.action == "kms:GenerateDataKey" and writes)
