"""What an answer of AWS means for the person who has to act, or for the queue that has to wait."""

from __future__ import annotations

import pytest

from state_backend.calls import Absent, AwsError, Call, Present, Unknown, look
from state_backend.errors import (
    AccessDenied,
    Conflict,
    Failed,
    NotPermittedYet,
    NotReady,
    PermanentError,
    StateholdError,
    Throttled,
    TransientError,
    explain,
    is_explicit_deny,
)

CALL = Call("s3", "put_bucket_policy", {})
SCP = (
    "User: arn:aws:sts::222222222222:assumed-role/R/statehold is not authorized to perform: "
    "s3:PutBucketPolicy on resource: x with an explicit deny in a service control policy"
)


@pytest.mark.parametrize(
    ("code", "status", "kind", "reported"),
    [
        ("AccessDenied", 403, NotPermittedYet, "NotReady"),
        ("403", 403, NotPermittedYet, "NotReady"),
        ("AccessDeniedException", 400, NotPermittedYet, "NotReady"),
        ("SlowDown", 503, Throttled, "Throttling"),
        ("ThrottlingException", 400, Throttled, "Throttling"),
        ("OperationAborted", 409, Conflict, "ResourceConflict"),
        ("TooManyUpdates", 400, Conflict, "ResourceConflict"),
        ("OptInRequired", 403, NotReady, "NotReady"),
        ("InvalidClientTokenId", 403, NotReady, "NotReady"),
        ("SubscriptionRequiredException", 400, NotReady, "NotReady"),
        ("ExpiredToken", 400, NotReady, "NotReady"),
        ("ExpiredTokenException", 400, NotReady, "NotReady"),
        ("RequestTimeTooSkewed", 403, TransientError, "ServiceInternalError"),
        ("RequestExpired", 400, TransientError, "ServiceInternalError"),
        ("InvalidSignatureException", 400, Failed, "GeneralServiceException"),
        ("LimitExceededException", 400, Failed, "ServiceLimitExceeded"),
        ("TooManyBuckets", 400, Failed, "ServiceLimitExceeded"),
        ("InternalError", 500, TransientError, "ServiceInternalError"),
        ("ServiceUnavailable", 503, TransientError, "ServiceInternalError"),
        ("ConnectionError", None, TransientError, "ServiceInternalError"),
        ("TruncatedAnswer", None, TransientError, "ServiceInternalError"),
        ("MalformedPolicy", 400, Failed, "GeneralServiceException"),
        ("KMSInvalidStateException", 400, Failed, "GeneralServiceException"),
    ],
)
def test_each_answer_has_a_meaning(code, status, kind, reported):
    meaning = explain(AwsError(CALL, code, "no", status=status))

    assert type(meaning) is kind
    assert meaning.code == reported
    assert meaning.remedy
    assert "s3:put_bucket_policy" in meaning.message


def test_an_explicit_deny_names_the_action_and_the_kind_of_policy():
    error = AwsError(CALL, "AccessDenied", SCP, status=403)

    meaning = explain(error)

    assert is_explicit_deny(error)
    assert type(meaning) is AccessDenied
    assert "service control policy" in meaning.remedy
    assert "s3:PutBucketPolicy" in meaning.remedy
    assert "role R " in meaning.remedy


def test_a_disabled_region_asks_to_enable_it():
    meaning = explain(AwsError(CALL, "RegionDisabledException", "no", status=403))

    assert type(meaning) is NotReady
    assert "Enable the Region" in meaning.remedy


@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch"])
@pytest.mark.parametrize("when", ["Signature expired: x is now", "Signature not yet current: x"])
def test_a_signature_out_of_time_is_no_wrong_signature(code, when):
    meaning = explain(AwsError(CALL, code, when, status=403))

    assert type(meaning) is TransientError
    assert "clock" in meaning.remedy


def test_what_aws_said_stays_with_the_meaning():
    error = AwsError(CALL, "AccessDenied", "no", status=403)

    assert explain(error).__cause__ is error


@pytest.mark.parametrize(
    ("status", "answered"), [(400, True), (403, True), (500, False), (503, False), (None, False)]
)
def test_only_a_no_counts_as_an_answer(status, answered):
    assert AwsError(CALL, "x", "", status=status).answered is answered


def test_an_error_reads_as_two_sentences():
    assert str(StateholdError("The bucket is gone", "Make it")) == "The bucket is gone. Make it."
    assert str(StateholdError("The bucket is gone")) == "The bucket is gone."


def test_permanent_and_transient_are_two_kinds():
    kinds = [PermanentError, TransientError]
    while more := [sub for kind in kinds for sub in kind.__subclasses__() if sub not in kinds]:
        kinds += more

    assert not [
        it for it in kinds if issubclass(it, PermanentError) and issubclass(it, TransientError)
    ]


def test_a_look_tells_absent_from_unknown():
    def refusing(code):
        def invoke(call):
            raise AwsError(call, code, "no", status=404)

        return invoke

    absent = frozenset({"NoSuchBucketPolicy"})

    assert look(lambda call: {"a": 1}, CALL, absent) == Present({"a": 1})
    assert look(refusing("NoSuchBucketPolicy"), CALL, absent) == Absent()
    assert isinstance(look(refusing("AccessDenied"), CALL, absent), Unknown)
