"""
``BackendSpec``: what we want for one account and Region, every default resolved and every name
checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from state_backend.calls import JSON
from state_backend.errors import InvalidRequest
from state_backend.ids import is_account
from state_backend.properties import PROPERTIES, parse
from state_backend.regions import (
    WITHOUT_ACCOUNT_REGIONAL_NAMESPACE,
    is_region,
    partition_of,
)
from state_backend.settings import BUCKET_NAME_PREFIX

KEY_ALIAS = "alias/statehold"
BACKEND_PARAMETER = "/statehold/backend"
"""The SSM parameter with what a client is to set, as JSON."""
HCL_PARAMETER = "/statehold/backend.hcl"
"""The same as a block."""
VERSION_LIMITS = frozenset({"NoncurrentVersionDays", "NoncurrentVersionsKept"})
"""What lets old versions expire; on an adopted bucket only where one of them is stated."""

TO_BE_CREATED = "<to be created>"
"""Stands in a plan for what is known only after creation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSpec:
    """
    What we want for one account and Region.

    Fields without a docstring are properties of ``Custom::StateBackend``.
    """

    account: str
    region: str
    bucket_name: str
    bucket_namespace: str
    encryption: str
    kms_key_arn: str
    """The requester's own key; empty where we make one."""
    lock_mode: str
    lock_table_name: str
    prevent_destroy: bool
    adopt: str
    noncurrent_version_days: int
    noncurrent_versions_kept: int
    access_logs: str
    access_logs_days: int
    workspace_key_prefix: str
    state_access_principal_arns: tuple[str, ...]
    break_glass_principal_arns: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    log_bucket_name: str
    """The bucket that takes the access logs: ours or a named one; empty if there are none."""
    stated: frozenset[str] = frozenset()
    """The properties that the requester gave."""

    # Learned on the way: from the register, from the session, from what is found or created.
    owner: str = "hub"
    """Who may change this backend: ``hub``, or the ARN of a stack; empty if nobody, for now."""
    key_arn: str = ""
    """The key that encrypts; empty until it is known. With AES256 it is always empty."""
    acting_role_arns: tuple[str, ...] = ()
    """The role we act through, then the one recorded before it: the policies let them repair."""
    origin: str = ""
    """``created`` by us or ``adopted``; empty while unknown."""
    manager: str = ""
    """The other tool that manages an adopted bucket: a stack's ARN, if its tags name one."""
    bootstrapped: bool = False
    """Whether Terragrunt made an adopted bucket; it compares it at every run, and corrects it."""
    lock_table_found: bool = False
    """Whether a lock table exists; an adopted bucket's clients may be using it."""
    default_encryption: tuple[str, str] = ("", "")
    """The algorithm and key of an adopted bucket's default, which its clients use today."""
    refuses_plain_writes: bool = False
    """Whether an adopted bucket's own policy refuses writes that ask for no encryption."""
    contradicted_by: tuple[str, ...] = ()
    """The statements of an adopted bucket's own policy that refuse every write as it will be."""
    acls_enabled: bool = False
    """Whether objects of an adopted bucket can have ACLs; enforcing turns them off."""

    @property
    def partition(self) -> str:
        return partition_of(self.region)

    @property
    def bucket_arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.bucket_name}"

    @property
    def log_bucket_arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.log_bucket_name}"

    @property
    def lock_table_arn(self) -> str:
        here = f"{self.region}:{self.account}"
        return f"arn:{self.partition}:dynamodb:{here}:table/{self.lock_table_name}"

    @property
    def makes_key(self) -> bool:
        return self.encryption == "aws:kms" and not self.kms_key_arn

    @property
    def limits_versions(self) -> bool:
        """Whether old versions may expire, where nothing but the word of the requester counts."""
        return bool(self.stated & VERSION_LIMITS)

    @property
    def makes_log_bucket(self) -> bool:
        return self.access_logs == "create"

    @property
    def observes(self) -> bool:
        """Whether the clients of an adopted bucket come first: they must notice nothing."""
        return self.origin == "adopted" and self.adopt == "observe"

    @property
    def lock_mode_for_clients(self) -> str:
        """The lock mode to publish: one that excludes the clients that an adopted bucket has."""
        return "both" if self.observes and self.lock_table_found else self.lock_mode

    @property
    def key_for_clients(self) -> str:
        """The ARN of the key to publish; empty where clients name none."""
        if not self.observes:
            return self.key_arn
        key = self.default_encryption[1]
        return key if ":key/" in key else ""

    @property
    def clients_encrypt(self) -> bool:
        """
        Whether clients are to ask for encryption.

        They do, with the key; without one they would ask for AES256. So where an adopted bucket's
        default is a key that has no ARN there, or is AES256 and to become a key, they leave it to
        that default, and notice nothing when it changes.
        """
        if not self.observes or self.key_for_clients:
            return True
        is_plain = self.default_encryption[0] in {"", "AES256"}
        return is_plain and (self.encryption == "AES256" or self.refuses_plain_writes)

    @property
    def managed_tags(self) -> dict[str, str]:
        """The tags that mirror the register, then the requester's own."""
        ours = {
            "StateholdBackend": self.bucket_name,
            "StateholdOrigin": self.origin or "created",
        }
        # Of what waits for its next owner the tag goes on naming the last one.
        owner = {"StateholdOwner": self.owner} if self.owner else {}
        return ours | owner | dict(self.tags)


@dataclass(frozen=True, slots=True)
class Defaults:
    """The hub's own defaults: raw values by property name, and what default names begin with."""

    bucket_name_prefix: str = BUCKET_NAME_PREFIX
    properties: Mapping[str, str] = field(default_factory=dict)


def resolve(
    account: str, region: str, given: Mapping[str, JSON], defaults: Defaults
) -> BackendSpec:
    """
    The spec for *given*, with the hub's *defaults*, then the contract's, for what is not given.

    Args:
        region: Where, unless *given* has a ``Region``.

    Raises:
        InvalidRequest: Something in it is not accepted, or does not fit the account and Region.
    """
    stated = parse(given)
    values = _contract_defaults() | parse(defaults.properties) | stated
    region = values.get("Region", region)
    _check_place(account, region)
    if "BucketName" in stated or region in WITHOUT_ACCOUNT_REGIONAL_NAMESPACE:
        # The hub's namespace is for the names that it makes, where the Region knows it.
        values |= {"BucketNamespace": stated.get("BucketNamespace")}
    name, namespace = _bucket(account, region, values, defaults.bucket_name_prefix)
    log_bucket = _log_bucket(account, region, values["AccessLogs"], defaults.bucket_name_prefix)
    spec = BackendSpec(
        account=account,
        region=region,
        bucket_name=name,
        bucket_namespace=namespace,
        encryption=values["Encryption"],
        kms_key_arn=values.get("KmsKeyArn", ""),
        key_arn=values.get("KmsKeyArn", ""),
        lock_mode=values["LockMode"],
        lock_table_name=values.get("LockTableName", f"{name}-lock"),
        prevent_destroy=values["PreventDestroy"],
        adopt=values["Adopt"],
        noncurrent_version_days=values["NoncurrentVersionDays"],
        noncurrent_versions_kept=values["NoncurrentVersionsKept"],
        access_logs=values["AccessLogs"],
        access_logs_days=values["AccessLogsDays"],
        workspace_key_prefix=values["WorkspaceKeyPrefix"],
        state_access_principal_arns=_of_account(account, values["StateAccessPrincipalArns"]),
        break_glass_principal_arns=_of_account(account, values["BreakGlassPrincipalArns"]),
        tags=values["Tags"],
        log_bucket_name=log_bucket,
        stated=frozenset(stated),
    )
    _check_log_bucket(spec)
    _check_key(spec)
    _check_principals(spec)
    return spec


def _contract_defaults() -> dict[str, JSON]:
    return {
        row.name: row.form.parse(row.default)
        for row in PROPERTIES.values()
        if row.default is not None
    }


def _check_place(account: str, region: str) -> None:
    if not is_account(account):
        raise InvalidRequest(
            f"The account id is {str(account)[:40]!r}", "It must be text of twelve digits"
        )
    if not isinstance(region, str) or not is_region(region):
        raise InvalidRequest(
            f"The Region is {str(region)[:40]!r}",
            "It must be a Region's name, such as eu-central-1",
        )


def own_namespace(account: str, region: str) -> str:
    """How the names of the account's own namespace end, which nobody else can take."""
    return f"-{account}-{region}-an"


def _bucket(account: str, region: str, values: Mapping[str, JSON], prefix: str) -> tuple[str, str]:
    suffix = own_namespace(account, region)
    regional = region not in WITHOUT_ACCOUNT_REGIONAL_NAMESPACE
    namespace = values.get("BucketNamespace")
    name = values.get("BucketName") or _default_name(prefix, account, region, namespace)
    implied = "account-regional" if name.endswith(suffix) else "global"
    if name.endswith("-an") and implied == "global":
        raise InvalidRequest(
            f"Property BucketName is {name}",
            f"Names that end in '-an' belong to one account and Region; here only {suffix} will do",
        )
    if implied == "account-regional" and not regional:
        raise InvalidRequest(
            f"Property BucketName is {name}",
            f"{region} has no account-regional namespace; choose a name that does not end in '-an'",
        )
    if namespace is not None and namespace != implied:
        raise InvalidRequest(
            f"Property BucketNamespace is {namespace}, but {name} is a name of the {implied} one",
            f"Account-regional names end in {suffix}, global names do not"
            + ("" if regional else f"; {region} has only the global namespace"),
        )
    return name, implied


def _default_name(prefix: str, account: str, region: str, namespace: str | None = None) -> str:
    if region in WITHOUT_ACCOUNT_REGIONAL_NAMESPACE or namespace == "global":
        name = f"{prefix}-{account}-{region}"
    else:
        name = prefix + own_namespace(account, region)
    try:
        parse({"BucketName": name})
    except InvalidRequest as error:
        raise InvalidRequest(
            f"The default bucket name {name[:80]} is not possible",
            "Choose a shorter or simpler BucketNamePrefix, or state BucketName. " + error.remedy,
        ) from error
    return name


def _log_bucket(account: str, region: str, access_logs: str, prefix: str) -> str:
    if access_logs == "off":
        return ""
    if access_logs == "create":
        return _default_name(f"{prefix}-logs", account, region)
    return access_logs


def _of_account(account: str, arns: tuple[str, ...]) -> tuple[str, ...]:
    """One list serves every account: ``arn:aws:iam::*:role/x`` is the role of this one."""
    return tuple(arn.replace(":iam::*:", f":iam::{account}:", 1) for arn in arns)


def _check_log_bucket(spec: BackendSpec) -> None:
    if spec.log_bucket_name == spec.bucket_name:
        raise InvalidRequest(
            f"Property AccessLogs names the state bucket {spec.bucket_name} itself",
            "Name another bucket: one that logs to itself grows without end",
        )


def _check_key(spec: BackendSpec) -> None:
    if not spec.kms_key_arn:
        return
    if spec.encryption != "aws:kms":
        raise InvalidRequest(
            "Property KmsKeyArn is given, but Encryption is AES256",
            "Leave out one of the two",
        )
    _, partition, _, region, *_ = spec.kms_key_arn.split(":")
    if (partition, region) == (spec.partition, spec.region):
        return
    if "KmsKeyArn" not in spec.stated:
        # A backend keeps its key for ever, so a key of its own would be no way out.
        raise InvalidRequest(
            f"The hub's settings name shared keys for account {spec.account}, but none in "
            f"{spec.region}",
            f"Add the ARN of a key in {spec.region} to KmsKeyArn of the settings document, or "
            "leave the Region out of Regions",
        )
    raise InvalidRequest(
        f"Property KmsKeyArn is {spec.kms_key_arn}",
        f"S3 needs a key of the bucket's own Region, {spec.region} ({spec.partition})",
    )


def _check_principals(spec: BackendSpec) -> None:
    expected = f"arn:{spec.partition}:iam::{spec.account}:"
    for arn in spec.state_access_principal_arns:
        if not arn.startswith(expected):
            raise InvalidRequest(
                f"Property StateAccessPrincipalArns names {arn}",
                f"Only principals of account {spec.account} ({expected}…) can be listed; let those "
                "of another account assume a role there",
            )
