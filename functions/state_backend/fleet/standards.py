"""
What auditors ask for: the standards, what each requirement is about, and what no report can show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STANDARDS: Mapping[str, str] = {
    "NIST 800-53": "NIST SP 800-53, revision 5",
    "FSBP": "AWS Security Hub, by the ids of its checks",
    "CIS AWS": "CIS AWS Foundations Benchmark, versions 3.0.0 and 5.0.0",
}
"""How a requirement in ``satisfies`` begins -> the standard's name."""

TITLES: Mapping[str, str] = {
    "NIST 800-53 AC-3": "Access enforcement",
    "NIST 800-53 AU-2": "Event logging",
    "NIST 800-53 AU-9": "Protection of audit information",
    "NIST 800-53 AU-12": "Audit record generation",
    "NIST 800-53 CM-5": "Access restrictions for change",
    "NIST 800-53 CM-6": "Configuration settings",
    "NIST 800-53 CP-9": "System backup",
    "NIST 800-53 SC-8": "Transmission confidentiality and integrity",
    "NIST 800-53 SC-12": "Cryptographic key establishment and management",
    "NIST 800-53 SC-13": "Cryptographic protection",
    "NIST 800-53 SC-28": "Protection of information at rest",
    "NIST 800-53 SI-12": "Information management and retention",
    "FSBP S3.2": "No public read access",
    "FSBP S3.3": "No public write access",
    "FSBP S3.5": "Requests over TLS alone",
    "FSBP S3.8": "Public access blocked on the bucket",
    "FSBP S3.9": "Server access logging",
    "FSBP S3.10": "Lifecycle rules on a bucket with versions",
    "FSBP S3.12": "No access by ACLs",
    "FSBP S3.13": "Lifecycle rules",
    "FSBP S3.14": "Versioning",
    "FSBP S3.17": "Encryption under a KMS key",
    "FSBP KMS.4": "Key rotation",
    "FSBP KMS.5": "Keys not open to the public",
    "FSBP DynamoDB.2": "Point-in-time recovery of tables",
    "FSBP DynamoDB.6": "Deletion protection of tables",
    "CIS AWS 2.1.1": "The bucket's policy denies HTTP",
    "CIS AWS 2.1.4": "Public access blocked",
    "CIS AWS 3.6": "Rotation of customer managed keys",
}
"""What each requirement is about, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Something that an auditor may ask for and that this cannot show."""

    subject: str
    requirements: tuple[str, ...]
    why: str
    instead: str


LIMITS: tuple[Limit, ...] = (
    Limit(
        subject="Who read or wrote a state",
        requirements=("FSBP S3.22", "FSBP S3.23", "CIS AWS 3.8", "CIS AWS 3.9"),
        why="A row says that access logs are on, not what is in them, nor that one arrived: S3 "
        "delivers them as best it can.",
        instead="CloudTrail data events of the organization's trail; the log buckets themselves",
    ),
    Limit(
        subject="What happened between two sweeps",
        requirements=("NIST 800-53 CM-3", "NIST 800-53 CM-6"),
        why="A row is one look. What was changed and changed back before it was not seen.",
        instead="CloudTrail management events, or AWS Config's history",
    ),
    Limit(
        subject="What others have added to a policy",
        requirements=("FSBP S3.6", "FSBP KMS.5", "NIST 800-53 AC-3", "NIST 800-53 CM-5"),
        why="Our statements are read; those of others stay as they are and are not judged. On a "
        "bucket that another tool manages, the one that reserves changes to our role is left out.",
        instead="IAM Access Analyzer for the bucket and the key",
    ),
    Limit(
        subject="Who may use a state by the account's own IAM",
        requirements=("FSBP KMS.1", "FSBP KMS.2", "NIST 800-53 AC-6"),
        why="Only the bucket's and the key's policy are read.",
        instead="IAM Access Analyzer; the account's own review of its roles",
    ),
    Limit(
        subject="The states that are there already",
        requirements=("NIST 800-53 SC-28",),
        why="The bucket's default and its policy are read, never an object. What was written "
        "before a bucket was adopted keeps the key it was written under.",
        instead="S3 Inventory with its encryption status",
    ),
    Limit(
        subject="Public access block of the whole account",
        requirements=("FSBP S3.1",),
        why="It is set for each account, not for a bucket, and is not read.",
        instead="Security Hub, or the tool that sets it",
    ),
    Limit(
        subject="MFA delete",
        requirements=("FSBP S3.20", "CIS AWS 2.1.2"),
        why="It takes the account's root user, and S3 allows no lifecycle rules beside it. The "
        "bucket's policy denies the deletion of versions instead.",
        instead="A documented exception",
    ),
    Limit(
        subject="A copy somewhere else",
        requirements=("FSBP S3.7", "NIST 800-53 CP-6", "NIST 800-53 SC-28(2)"),
        why="There is no replication and no copy that is offline; old versions are in the same "
        "bucket.",
        instead="A replica or backup of your own",
    ),
    Limit(
        subject="That a state can be restored",
        requirements=("NIST 800-53 CP-9(1)", "NIST 800-53 CP-10"),
        why="Versioning is read; nothing is restored for the sake of it.",
        instead="The record of a restore that was practised",
    ),
    Limit(
        subject="The bucket with the access logs",
        requirements=("FSBP S3.17", "FSBP S3.9"),
        why="It is under SSE-S3, since S3 delivers no logs under a customer's key, and keeps no "
        "logs of itself: a scanner reports both. Of one that AccessLogs names, only "
        "its existence and its encryption are read, though its row looks the same.",
        instead="A documented exception; the settings of the named bucket",
    ),
    Limit(
        subject="Expiry of old versions in an adopted bucket",
        requirements=("NIST 800-53 SI-12", "FSBP S3.10"),
        why="It is set only where the backend's properties say so; leftovers are removed in any "
        "case, and that is what the row then means.",
        instead="The bucket's lifecycle rules",
    ),
    Limit(
        subject="What is not set at all",
        requirements=("FSBP S3.11", "FSBP S3.15", "FSBP DynamoDB.4", "CIS AWS 2.1.3"),
        why="Event notifications, Object Lock, backup plans and Macie are no part of a backend.",
        instead="The tools that you use for them",
    ),
    Limit(
        subject="Findings of Security Hub",
        requirements=(),
        why="The ids say what a check asks for, not what it found. S3.10, S3.14, S3.17 and KMS.4 "
        "belong to its NIST 800-53 standard, not to its Foundational Security Best Practices.",
        instead="Security Hub's own findings",
    ),
)
