"""
docs/policies.md: every policy that we write, statement by statement, in words and as JSON.

The words on the bucket's and the key's statements are the docstrings of the functions that make
them: a paragraph for each statement, and what follows belongs to the last. Their first sentences
are the table's. What no such function makes has its words here.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from state_backend.calls import JSON
from state_backend.policies import bucket_policy, key_policy
from state_backend.policies.document import Document, Statement, statements_of
from state_backend.policies.log_bucket_policy import log_bucket_policy
from state_backend.policies.session_policy import (
    SessionPolicy,
    existence_policy,
    session_policies,
    stack_policy,
)
from state_backend.reconcile import permissions
from state_backend.spec import BackendSpec

Makes = Callable[[BackendSpec], Sequence[Statement]]

LOG_BUCKET: Mapping[str, str] = {
    "StateholdAllowLogDelivery": (
        "S3's log delivery may write what it logs of the state bucket, below that bucket's name. "
        "Logs of any other bucket, or of another account's, are not let in."
    ),
    "StateholdDenyInsecureTransport": (
        "Whatever comes over plain http is refused, to everybody. Logs have the names of states in "
        "them."
    ),
    "StateholdDenyWrites": (
        "Nobody writes an object but a service of AWS: no person and no role, break-glass "
        "included. A log that people could write is no evidence."
    ),
    "StateholdDenyReconfigure": (
        "Settings change only through the role that we act through, and break-glass. Else whoever "
        "has something to hide would first let the logs expire."
    ),
    "StateholdDenyDestroy": (
        "The bucket, and the logs in it, are deleted by break-glass alone. The lifecycle removes "
        "old ones; a release takes this statement out."
    ),
}
"""Sid -> who is stopped or let in, and why."""

SESSIONS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("s3", "s3control"): (
        "S3",
        "Makes the buckets and sets them. It reads no object, writes none and deletes nothing.",
    ),
    ("kms", "resourcegroupstaggingapi", "ssm", "dynamodb"): (
        "key, lock table and parameters",
        "Makes the key and the lock table, sets them, and publishes the block. It uses no key on "
        "data and reads no item.",
    ),
}
"""Services of a session -> its name, and what it may do."""

STACK = "Looks at the events and resources of one stack, to confirm what it asks for."
EXISTENCE = (
    "Looks whether a bucket is the account's, and nothing else. Names of S3 belong to whoever had "
    "them first, so a bucket on record may be another account's by now."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One heading: a statement, or a policy whose statements have no names."""

    policy: str
    name: str
    words: tuple[str, ...]
    """Paragraphs."""
    shown: Mapping[str, JSON]

    @property
    def heading(self) -> str:
        return f"{self.policy}: {self.name}"

    @property
    def sentence(self) -> str:
        """The first of its words."""
        return re.split(r"(?<=\.) (?=[A-Z`])", self.words[0])[0]

    @property
    def row(self) -> str:
        anchor = re.sub(r"[^\w\- ]", "", self.heading).lower().replace(" ", "-")
        return f"| {self.policy} | [{self.name}](#{anchor}) | {self.sentence} |"


def page(spec: BackendSpec) -> str:
    """The whole page, with *spec* as the example."""
    parts = {
        "The state bucket": (
            "Every statement is a Deny: who may use the bucket is IAM's business. *Our role* is "
            "the one that Statehold acts through, *break-glass* those whom you name for an "
            "emergency.",
            _made("State bucket", bucket_policy.STATEMENTS, spec),
        ),
        "The key": (
            "S3 asks KMS in the name of whoever asks S3, so an S3 permission is all that a client "
            "needs. The account's root is never kept from administering it: KMS knows no way back "
            "from a lock-out.",
            _made("Key", key_policy.STATEMENTS, spec),
        ),
        "The log bucket": (
            "It is there unless `AccessLogs` is `off` or names a bucket of yours.",
            _of_log_bucket(log_bucket_policy(spec, None)),
        ),
        "Our own sessions": (
            "A session that acts in an account has one of these, whatever its role may do beyond "
            "it. The role `StateholdProvisioner` may do the same, on all names.",
            list(_of_sessions(spec)),
        ),
    }
    entries = [entry for _, found in parts.values() for entry in found]
    lines = [
        "# Policies",
        "",
        "For whoever approves or audits what Statehold writes: every policy, statement by",
        "statement, with an example. What clients need of IAM is in",
        "[client access](client-access.md). This page is generated from the code (`make generate`)",
        "and checked by the tests.",
        "",
        "| policy | statement | what it does |",
        "| --- | --- | --- |",
        *(it.row for it in entries),
        "",
    ]
    for title, (about, found) in parts.items():
        lines += [f"## {title}", "", about, "", *(line for it in found for line in _section(it))]
    return "\n".join(lines).rstrip() + "\n"


def in_words(makes: Makes, spec: BackendSpec) -> list[tuple[Statement, tuple[str, ...]]]:
    """Each statement that *makes* returns for *spec*, with its paragraphs."""
    paragraphs = [
        " ".join(it.split()).replace("``", "`")
        for it in inspect.cleandoc(makes.__doc__ or "").split("\n\n")
    ]
    statements = makes(spec)
    last = len(statements) - 1
    return [
        (it, tuple(paragraphs[number : None if number == last else number + 1]))
        for number, it in enumerate(statements)
    ]


def _made(policy: str, functions: Sequence[Makes], spec: BackendSpec) -> list[Entry]:
    return [
        Entry(policy=policy, name=str(statement["Sid"]), words=words, shown=statement)
        for makes in functions
        for statement, words in in_words(makes, spec)
    ]


def _of_log_bucket(document: Document) -> list[Entry]:
    return [
        Entry(policy="Log bucket", name=sid, words=(LOG_BUCKET[sid],), shown=statement)
        for statement in statements_of(document)
        for sid in [str(statement["Sid"])]
    ]


def _of_sessions(spec: BackendSpec) -> Iterable[Entry]:
    for policy in session_policies(spec, permissions(spec)):
        yield _session(*SESSIONS[policy.services], policy)
    stack = f"arn:{spec.partition}:cloudformation:{spec.region}:{spec.account}:stack/platform/1a2b"
    yield _session("a stack", STACK, stack_policy(stack))
    yield _session("whose bucket", EXISTENCE, existence_policy(spec.bucket_arn))


def _session(name: str, words: str, policy: SessionPolicy) -> Entry:
    return Entry(policy="Session", name=name, words=(words,), shown=json.loads(policy.text))


def _section(entry: Entry) -> Iterable[str]:
    yield f"### {entry.heading}"
    yield ""
    for paragraph in entry.words:
        yield paragraph
        yield ""
    yield "```json"
    yield json.dumps(entry.shown, indent=2)
    yield "```"
    yield ""
