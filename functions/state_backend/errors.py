"""
What can go wrong, in CloudFormation's own words for it.

::

    StateholdError                  code, remedy
    ├ PermanentError                retrying cannot help; a person has to act
    │ ├ InvalidRequest              the request itself is wrong; nothing was touched
    │ ├ AccessDenied                a policy stands in the way; names the action and the policy
    │ ├ OwnedByAnotherAccount       the bucket's name is taken
    │ ├ AlreadyExists               the account and Region have a backend with another owner
    │ ├ RefusedChange               it would weaken what is there, or cannot be changed in place
    │ ├ Contested                   somebody changes it back each time that it is repaired
    │ └ Failed                      AWS refused for a reason of its own
    └ TransientError                the same request may work later
      ├ Throttled
      ├ Conflict                    something else is changing the same thing
      ├ NotReady                    the account is not usable yet, or another run holds its lease
      │ └ NotPermittedYet           a permission is missing that no policy denies
      └ NotStabilized               written, but not yet read back as written

The codes are CloudFormation's handler error codes, plus ``NotReady``. botocore's exceptions end in
``aws/``; here they arrive as ``AwsError`` and ``explain`` says what one means.

Source: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""

from __future__ import annotations

import re

from state_backend.calls import AwsError


class StateholdError(Exception):
    """
    Something a person should read.

    Args:
        message: What it concerns and what happened, as a sentence.
        remedy: What to do next, as a sentence.
    """

    code = "InternalFailure"

    def __init__(self, message: str, remedy: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}".rstrip(" .") + "."


class PermanentError(StateholdError):
    """Retrying cannot help."""


class InvalidRequest(PermanentError):
    code = "InvalidRequest"


class AccessDenied(PermanentError):
    code = "AccessDenied"


class OwnedByAnotherAccount(PermanentError):
    code = "AlreadyExists"


class AlreadyExists(PermanentError):
    code = "AlreadyExists"


class RefusedChange(PermanentError):
    code = "NotUpdatable"


class Contested(PermanentError):
    code = "ResourceConflict"


class Failed(PermanentError):
    code = "GeneralServiceException"


class TransientError(StateholdError):
    """The same request may work later."""

    code = "ServiceInternalError"


class Throttled(TransientError):
    code = "Throttling"


class Conflict(TransientError):
    code = "ResourceConflict"


class NotReady(TransientError):
    code = "NotReady"


class NotPermittedYet(NotReady):
    """A permission is missing that no policy denies: in a new account it may only be late."""


class NotStabilized(TransientError):
    code = "NotStabilized"


_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"}
)
_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "SlowDown",
        "RequestThrottled",
    }
)
_CONFLICT = frozenset(
    {
        "OperationAborted",
        "ConditionalRequestConflict",
        "AlreadyExistsException",
        "BucketAlreadyOwnedByYou",
        "ResourceInUseException",
        "ContinuousBackupsUnavailableException",
        "ConcurrentModificationException",
        "TooManyUpdates",
    }
)
_NOT_READY = frozenset(
    {
        # A new account, or a Region just enabled, answers with these for up to half an hour.
        "OptInRequired",
        "SubscriptionRequiredException",
        "NotSignedUp",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidToken",
        "AuthFailure",
    }
)
_LIMIT = frozenset({"LimitExceededException", "TooManyBuckets", "ParameterLimitExceeded"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_TRANSIENT = frozenset({"ConnectionError", "TruncatedAnswer", "RequestTimeout"})
_TOO_LATE = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_SIGNATURE = frozenset({"InvalidSignatureException", "SignatureDoesNotMatch"})
_POLICY_TYPES = (
    "service control policy",
    "resource control policy",
    "resource-based policy",
    "permissions boundary",
    "session policy",
    "identity-based policy",
    "VPC endpoint policy",
)


def explain(error: AwsError) -> StateholdError:
    """What *error* means for the person who has to act, or for the queue that has to wait."""
    meaning = _meaning(error)
    meaning.__cause__ = error
    return meaning


def _meaning(error: AwsError) -> StateholdError:  # noqa: PLR0911 - a table of cases
    text = f"{error.call} failed with {error.code}: {error.message}"
    if error.code in _DENIED:
        return _denied(error, text)
    if error.code in _THROTTLED:
        return Throttled(text, "AWS asks for patience; it is tried again")
    if error.code in _CONFLICT:
        return Conflict(text, "Something else is changing the same resource; it is tried again")
    if error.code == "RegionDisabledException":
        return NotReady(text, "Enable the Region in this account, or leave it out of Regions")
    if error.code in _NOT_READY:
        return NotReady(text, "A new account can take half an hour to become usable")
    if error.code in _EXPIRED:
        return NotReady(text, "The session has ended; the next run opens a new one")
    if error.code in _LIMIT:
        return Failed(text, "Raise the quota that is named", code="ServiceLimitExceeded")
    if _is_out_of_time(error):
        return TransientError(text, "The clock of the function and AWS's differ; it is tried again")
    if error.code in _TRANSIENT or error.status is None or error.status >= 500:
        return TransientError(text, "No whole answer came from AWS; it is tried again")
    return Failed(text, "Correct what AWS names, then send the request again")


def _is_out_of_time(error: AwsError) -> bool:
    """Whether it was signed too early or too late: by a function that slept meanwhile, say."""
    late = error.message.startswith(("Signature expired", "Signature not yet current"))
    return error.code in _TOO_LATE or (error.code in _SIGNATURE and late)


def is_explicit_deny(error: AwsError) -> bool:
    """Whether a policy names this call in a Deny, so that waiting cannot help."""
    return error.code in _DENIED and "explicit deny" in error.message


def _denied(error: AwsError, text: str) -> StateholdError:
    if not is_explicit_deny(error):
        return NotPermittedYet(text, "Permissions of a new account can take up to an hour to apply")
    policy = next((kind for kind in _POLICY_TYPES if kind in error.message), "policy")
    found = re.search(r"perform: (\S+)", error.message)
    action = found.group(1) if found else str(error.call)
    role = re.search(r"assumed-role/([^/\s]+)/", error.message)
    named = f"role {role.group(1)}" if role else "role"
    return AccessDenied(
        text,
        f"Exempt the {named} from the {policy} that denies {action}, or act through another role",
    )
