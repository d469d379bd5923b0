"""
Whose backend it is, and what a request may change about it.

The register's record is the truth about what is wanted and protected; a request is held against
it before anything is touched. Pure: who reads the register is ``aws/``, who writes it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace

from state_backend.calls import JSON
from state_backend.drift import Repairs
from state_backend.errors import AlreadyExists, InvalidRequest, RefusedChange, StateholdError
from state_backend.spec import VERSION_LIMITS, BackendSpec, Defaults, resolve

HUB = "hub"
LIVE = "LIVE"
RELEASED = "RELEASED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the register knows of one account and Region."""

    account: str
    region: str
    owner: str = ""
    """``hub`` or the ARN of the stack that may change it; empty where it waits for the next."""
    previous_owner: str = ""
    """Whose it was before; its again if the stack that took it over rolls back."""
    bucket_name: str = ""
    state: str = ""
    """``LIVE`` once a reconcile was complete, ``RELEASED`` after a released Delete; else empty."""
    given: Mapping[str, JSON] = field(default_factory=dict)
    """The properties that the owner gave."""
    defaults: Defaults = field(default_factory=Defaults)
    """The hub's defaults of the day it was made: a changed default is for new backends."""
    role_arn: str = ""
    """The role that the last run acted through."""
    previous_role_arn: str = ""
    key_arn: str = ""
    origin: str = ""
    key_intent_at: float = 0.0
    """When a run last set out to create the key, and did not yet say how it went. Epoch seconds."""
    wanted: Mapping[str, str] = field(default_factory=dict)
    """Digests of what the last run wanted: where today's is another, a change is no drift."""
    repairs: Mapping[str, Repairs] = field(default_factory=dict)
    """By the id of a control: when it drifted and was set right within the last day."""

    @property
    def complete(self) -> bool:
        return self.state in {LIVE, RELEASED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A request that was held against the record: what to reconcile, and how to record it."""

    spec: BackendSpec
    given: Mapping[str, JSON]
    defaults: Defaults
    owner: str
    """Whose the backend is; not always the requester's, and empty if it waits for the next."""
    left_alone: Mapping[str, StateholdError] = field(default_factory=dict)
    """What is looked at but not changed, by the id of its control, and why."""


def claim(
    record: Record,
    requester: str,
    properties: Mapping[str, JSON] | None,
    defaults: Defaults,
    *,
    rolling_back: bool = False,
    creating: bool = False,
) -> Claim:
    """
    What *requester*, asking with *properties*, gets.

    Args:
        properties: None asks for what is recorded: an event, the sweep, a repair.
        defaults: The hub's of today, for a backend that is new.
        rolling_back: Whether the stack goes back to earlier properties: what was tightened since
            then stays, without a refusal.
        creating: Whether a stack's new resource asks, so that another name means a second backend.

    Raises:
        InvalidRequest: The properties themselves are wrong.
        AlreadyExists: It would be a second backend, or change somebody else's.
        RefusedChange: It would weaken the backend, or cannot be changed in place.
    """
    if not record.complete or (record.state == RELEASED and properties is not None):
        kept = record.given if record.owner == requester else {}
        return _new(record, requester, kept if properties is None else properties, defaults)
    if not record.owner and properties is not None:
        _check_same_name(record, properties)
        record = replace(record, owner=requester)
    recorded = on_record(record)
    if properties is None:
        spec, given = recorded, record.given
    elif requester == record.owner:
        if creating or requester == HUB:
            _check_no_second(recorded, _resolved(record, properties))
        kept = _not_loosened(
            recorded, _resolved(record, properties), rolling_back=rolling_back, creating=creating
        )
        spec, given = _changed(record, recorded, {**properties, **kept})
    else:
        spec, given = _tightened(record, recorded, properties, rolling_back=rolling_back)
    return Claim(spec=spec, given=given, defaults=record.defaults, owner=record.owner)


def on_record(record: Record) -> BackendSpec:
    """The spec that *record* says is wanted."""
    return _resolved(record, record.given)


def _new(
    record: Record, requester: str, properties: Mapping[str, JSON], defaults: Defaults
) -> Claim:
    spec = resolve(record.account, record.region, properties, defaults)
    if spec.region != record.region:
        raise InvalidRequest(
            f"Property Region is {spec.region}, but the request is for {record.region}",
            "Name one Region in both",
        )
    if spec.bucket_name == record.bucket_name:
        spec = _with_record(spec, record)
        if record.complete:
            _check_not_weakened(on_record(record), spec)
    spec = replace(spec, owner=requester)
    return Claim(spec=spec, given=properties, defaults=defaults, owner=requester)


def _check_same_name(record: Record, properties: Mapping[str, JSON]) -> None:
    """That whoever takes over what nobody owns takes it under its name."""
    wanted = resolve(record.account, record.region, properties, record.defaults)
    if "BucketName" in wanted.stated and wanted.bucket_name != record.bucket_name:
        raise AlreadyExists(
            f"Account {record.account} already has the backend {record.bucket_name} in "
            f"{record.region}, which belongs to nobody now",
            "There is one backend per account and Region: leave BucketName out, or name "
            f"{record.bucket_name}, to take it over",
        )


def _check_no_second(recorded: BackendSpec, wanted: BackendSpec) -> None:
    if "BucketName" in wanted.stated and wanted.bucket_name != recorded.bucket_name:
        raise _already_there(recorded)


def _already_there(recorded: BackendSpec) -> AlreadyExists:
    return AlreadyExists(
        f"Account {recorded.account} already has the backend {recorded.bucket_name} in "
        f"{recorded.region}, which belongs to {_named(recorded.owner)}",
        "There is one backend per account and Region: use that one, or change it through its owner",
    )


def _resolved(record: Record, given: Mapping[str, JSON]) -> BackendSpec:
    return _with_record(resolve(record.account, record.region, given, record.defaults), record)


def _with_record(spec: BackendSpec, record: Record) -> BackendSpec:
    return replace(
        spec,
        owner=record.owner,
        key_arn=spec.key_arn or (record.key_arn if spec.makes_key else ""),
        origin=record.origin,
    )


def _changed(
    record: Record, recorded: BackendSpec, properties: Mapping[str, JSON]
) -> tuple[BackendSpec, Mapping[str, JSON]]:
    wanted = _resolved(record, properties)
    still_open = _OPEN_WHILE_OBSERVED if recorded.observes else frozenset()
    _check_place(recorded, wanted, FIXED.keys() - still_open)
    _check_not_weakened(recorded, wanted)
    return wanted, properties


def _check_place(recorded: BackendSpec, wanted: BackendSpec, fixed: Set[str]) -> None:
    differing = [
        name
        for name, attribute in FIXED.items()
        if name in fixed and getattr(recorded, attribute) != getattr(wanted, attribute)
    ]
    if not differing:
        return
    # One often brings others with it: what was written down is what can be corrected.
    stated = recorded.stated | wanted.stated
    name = next((it for it in differing if it in stated), differing[0])
    before, after = getattr(recorded, FIXED[name]), getattr(wanted, FIXED[name])
    raise RefusedChange(
        f"Property {name} is {before or 'not given'} and cannot become "
        f"{after or 'not given'}: a backend keeps its place, name and key",
        f"Keep {name}, or make a new backend elsewhere and migrate the states to it",
    )


def _check_not_weakened(recorded: BackendSpec, wanted: BackendSpec) -> None:
    if (recorded.encryption, wanted.encryption) == ("aws:kms", "AES256"):
        raise RefusedChange(
            "Property Encryption is aws:kms and cannot become AES256: that would weaken it",
            "Keep Encryption at aws:kms",
        )


def _not_loosened(
    recorded: BackendSpec, wanted: BackendSpec, *, rolling_back: bool, creating: bool
) -> dict[str, str]:
    """The properties that keep their value without a word, since the other one would loosen it."""
    kept = {}
    # Dropping the property lifts nothing, and a new resource may be taken back: an update lifts.
    lifts = "PreventDestroy" in wanted.stated and not creating
    if recorded.prevent_destroy and not wanted.prevent_destroy and not lifts:
        kept["PreventDestroy"] = "true"
    if recorded.origin == "adopted" and (recorded.adopt, wanted.adopt) == ("enforce", "observe"):
        kept["Adopt"] = "enforce"  # what is enforced is never taken back
    if rolling_back:  # one that is refused would wedge the stack
        if (recorded.encryption, wanted.encryption) == ("aws:kms", "AES256"):
            kept["Encryption"] = "aws:kms"
        # Both could change while the bucket was only observed, which it is no more.
        for name in frozenset() if recorded.observes else _OPEN_WHILE_OBSERVED:
            before, after = (getattr(it, FIXED[name]) for it in (recorded, wanted))
            if before != after:
                kept[name] = before
    return kept


_OPEN_WHILE_OBSERVED = frozenset({"KmsKeyArn", "LockTableName"})
"""What nothing rests on yet while an adopted bucket is only observed."""

FIXED = {
    "Region": "region",
    "BucketName": "bucket_name",
    "BucketNamespace": "bucket_namespace",
    "LockTableName": "lock_table_name",
    "KmsKeyArn": "kms_key_arn",
}
"""What a backend keeps for good: property -> attribute of the spec."""


def _tightened(
    record: Record, recorded: BackendSpec, properties: Mapping[str, JSON], *, rolling_back: bool
) -> tuple[BackendSpec, Mapping[str, JSON]]:
    wanted = resolve(record.account, record.region, properties, record.defaults)
    if record.owner != HUB:
        raise _already_there(recorded)
    _check_no_second(recorded, wanted)
    given = dict(record.given)
    for name in sorted(wanted.stated):
        if name in _TIGHTER:
            if not _is_as_tight(name, recorded, wanted):
                if rolling_back:
                    continue  # what was tightened stays so: a refusal would wedge the stack
                raise AlreadyExists(
                    f"Property {name} would loosen or change the backend {recorded.bucket_name}, "
                    f"which belongs to {_named(record.owner)}",
                    f"Leave {name} out, or change it through its owner",
                )
            given[name] = properties[name]
    return _resolved(record, given), given


def _is_as_tight(name: str, recorded: BackendSpec, wanted: BackendSpec) -> bool:
    """Whether what is *wanted* of the property *name* is as recorded, or tighter."""
    if recorded.origin == "adopted" and name in VERSION_LIMITS and not recorded.limits_versions:
        return False  # nothing expires there as long as neither is stated
    attribute, tighter = _TIGHTER[name]
    before, after = getattr(recorded, attribute), getattr(wanted, attribute)
    return before == after or tighter(before, after)


def _named(owner: str) -> str:
    return "the hub" if owner == HUB else f"the stack {owner}"


def _unchanged(before: JSON, after: JSON) -> bool:
    return False


def _fewer_readers(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    return bool(after) and (not before or set(after) <= set(before))


def _more(before: JSON, after: JSON) -> bool:
    return bool(after > before)


_TIGHTER: dict[str, tuple[str, Callable[[JSON, JSON], bool]]] = {
    "BucketNamespace": ("bucket_namespace", _unchanged),
    "Encryption": ("encryption", lambda *change: change == ("AES256", "aws:kms")),
    "KmsKeyArn": ("kms_key_arn", _unchanged),
    "LockMode": ("lock_mode", _unchanged),
    "LockTableName": ("lock_table_name", _unchanged),
    "PreventDestroy": ("prevent_destroy", _more),
    "Adopt": ("adopt", lambda *change: change == ("observe", "enforce")),
    "NoncurrentVersionDays": ("noncurrent_version_days", _more),
    "NoncurrentVersionsKept": ("noncurrent_versions_kept", _more),
    "AccessLogs": ("access_logs", lambda *change: change == ("off", "create")),
    "AccessLogsDays": ("access_logs_days", _more),
    "WorkspaceKeyPrefix": ("workspace_key_prefix", _unchanged),
    "StateAccessPrincipalArns": ("state_access_principal_arns", _fewer_readers),
    "BreakGlassPrincipalArns": ("break_glass_principal_arns", _unchanged),
    "Tags": ("tags", lambda before, after: set(before) <= set(after)),
}
"""What a reader of the hub's backend may state: the same, or the tighter of the two."""
