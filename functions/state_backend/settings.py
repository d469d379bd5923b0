"""
The hub's settings, read from the function's environment: template parameters in upper snake case.

Nothing is read at import, so a wrong setting becomes an answer instead of a function that cannot
start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from state_backend.errors import InvalidRequest
from state_backend.regions import partition_of

HUB_DEFAULTS = {
    "ACCESS_LOGS": "AccessLogs",
    "ACCESS_LOGS_DAYS": "AccessLogsDays",
    "ADOPT": "Adopt",
    "BREAK_GLASS_PRINCIPAL_ARNS": "BreakGlassPrincipalArns",
    "BUCKET_NAMESPACE": "BucketNamespace",
    "ENCRYPTION": "Encryption",
    "LOCK_MODE": "LockMode",
    "NONCURRENT_VERSION_DAYS": "NoncurrentVersionDays",
    "NONCURRENT_VERSIONS_KEPT": "NoncurrentVersionsKept",
    "PREVENT_DESTROY": "PreventDestroy",
    "STATE_ACCESS_PRINCIPAL_ARNS": "StateAccessPrincipalArns",
    "TAGS": "Tags",
    "WORKSPACE_KEY_PREFIX": "WorkspaceKeyPrefix",
}
"""Environment name -> property of Custom::StateBackend whose default it is."""

BUCKET_NAME_PREFIX = "tfstate"
EXECUTION_ROLE_NAMES = (
    "StateholdProvisioner",
    "AWSControlTowerExecution",
    "OrganizationAccountAccessRole",
)
SWEEP_CONCURRENCY = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One deployment's settings."""

    region: str
    """The function's own Region."""

    home_region: str
    """Where the register lives."""

    bucket_name_prefix: str = BUCKET_NAME_PREFIX
    """What default bucket names begin with."""

    execution_role_names: tuple[str, ...] = EXECUTION_ROLE_NAMES
    """Roles to act through in an account, best first: ours has least privilege."""

    regions: tuple[str, ...] = ()
    """Where each vended account gets a backend; the function's own Region if none is named."""

    plan_only: bool = False
    """``Mode: plan`` stops every write at once, whatever a request asks."""

    backend_register: str = ""
    """Name of the register table. Empty means none: for single local runs."""

    settings_parameter_name: str = ""
    """SSM parameter of the home Region with the settings document. Empty means none."""

    dead_letter_queue_url: str = ""
    """Where a message goes that a person has to look at. Empty: it is reported as failed."""

    report_bucket: str = ""
    """Where sweeps write their lists and reports."""

    sweep_concurrency: int = SWEEP_CONCURRENCY
    """How many accounts a sweep works on at a time."""

    sam_local: bool = False
    """Whether ``sam local invoke`` runs us: then no stack exists that could confirm a request."""

    property_defaults: Mapping[str, str] = field(default_factory=dict)
    """Raw values of the hub's own defaults, by property name; an empty one is not given."""

    def role_arns(self, account: str) -> tuple[str, ...]:
        """The roles to act through in *account*, best first."""
        start = f"arn:{partition_of(self.region)}:iam::{account}:role"
        return tuple(f"{start}/{name}" for name in self.execution_role_names)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """
    The settings in *environment*.

    Raises:
        InvalidRequest: ``MODE`` is neither ``reconcile`` nor ``plan``, or a number is none.
    """
    region = environment.get("AWS_REGION", "") or environment.get("AWS_DEFAULT_REGION", "")
    mode = environment.get("MODE", "") or "reconcile"
    if mode not in {"reconcile", "plan"}:
        raise InvalidRequest(
            f"the function's setting MODE is '{mode}'", "Set it to 'reconcile' or 'plan'"
        )
    concurrency = environment.get("SWEEP_CONCURRENCY", "") or str(SWEEP_CONCURRENCY)
    if not (concurrency.isascii() and concurrency.isdigit()):
        raise InvalidRequest(
            f"the function's setting SWEEP_CONCURRENCY is '{concurrency}'", "Set it to a number"
        )
    names = listed(environment.get("EXECUTION_ROLE_NAMES", ""))
    return Settings(
        region=region,
        home_region=environment.get("HOME_REGION", "") or region,
        bucket_name_prefix=environment.get("BUCKET_NAME_PREFIX", "") or BUCKET_NAME_PREFIX,
        execution_role_names=names or EXECUTION_ROLE_NAMES,
        regions=listed(environment.get("REGIONS", "")),
        plan_only=mode == "plan",
        backend_register=environment.get("BACKEND_REGISTER", ""),
        settings_parameter_name=environment.get("SETTINGS_PARAMETER_NAME", ""),
        dead_letter_queue_url=environment.get("DEAD_LETTER_QUEUE_URL", ""),
        report_bucket=environment.get("REPORT_BUCKET", ""),
        sweep_concurrency=int(concurrency),
        sam_local=environment.get("AWS_SAM_LOCAL") == "true",
        property_defaults={
            name: environment[variable]
            for variable, name in HUB_DEFAULTS.items()
            if environment.get(variable)
        },
    )


def listed(value: str) -> tuple[str, ...]:
    """The parts of a comma-separated text."""
    return tuple(part.strip() for part in value.split(",") if part.strip())
