"""What CloudFormation and EventBridge are asked, and what their answers mean."""

from __future__ import annotations

import json

import pytest

from state_backend.aws import announcements, stacks
from state_backend.calls import AwsError
from tests.unit.given import STACK


def answering(*answers):
    calls, rest = [], list(answers)

    def invoke(call):
        calls.append(call)
        answer = rest.pop(0)
        if isinstance(answer, str):
            raise AwsError(call, answer, "no", status=400)
        return answer

    return invoke, calls


class TestStacks:
    @pytest.mark.parametrize(
        ("read", "member"),
        [(stacks.events, "StackEvents"), (stacks.resources, "StackResourceSummaries")],
    )
    def test_every_page_is_read(self, read, member):
        invoke, calls = answering(
            {member: [1], "NextToken": "t"}, {member: [], "NextToken": "u"}, {member: [2]}
        )

        assert list(read(invoke, STACK)) == [1, 2]

        assert [call.parameters for call in calls] == [
            {"StackName": STACK},
            {"StackName": STACK, "NextToken": "t"},
            {"StackName": STACK, "NextToken": "u"},
        ]

    def test_only_as_many_pages_are_read_as_are_asked_for(self):
        invoke, calls = answering({"StackEvents": [1], "NextToken": "t"})

        next(iter(stacks.events(invoke, STACK)))

        assert len(calls) == 1


class TestAnnouncements:
    def test_an_event_has_our_source_and_its_detail(self):
        invoke, calls = answering({"FailedEntryCount": 0, "Entries": [{}]})

        announcements.announce(invoke, announcements.READY, {"a": 1})

        [entry] = calls[0].parameters["Entries"]
        assert (entry["Source"], entry["DetailType"]) == ("statehold", "State Backend Ready")
        assert json.loads(entry["Detail"]) == {"a": 1}

    def test_one_that_the_bus_did_not_take_is_an_error(self):
        failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "no"}
        invoke, _ = answering({"FailedEntryCount": 1, "Entries": [failed]})

        with pytest.raises(AwsError) as error:
            announcements.announce(invoke, announcements.READY, {})

        assert error.value.code == "InternalFailure"

    @pytest.mark.parametrize("policy", ["x" * 20_000, {"Statement": ["ä" * 20_000]}])
    def test_what_was_repaired_is_cut_where_all_of_it_is_too_long(self, policy):
        invoke, calls = answering({"FailedEntryCount": 0, "Entries": [{}]})
        change = {"control": "bucket-policy", "before": policy, "after": None, "why": "because"}
        detail = {"accountId": "222222222222", "repaired": [change] * 25}

        announcements.announce(invoke, announcements.DRIFT_REPAIRED, detail)

        [entry] = calls[0].parameters["Entries"]
        told = json.loads(entry["Detail"])
        assert len(entry["Detail"].encode()) < 256 * 1024
        assert (told["accountId"], len(told["repaired"])) == ("222222222222", 25)
        assert told["repaired"][0]["before"].endswith("…")
        assert told["repaired"][0]["after"] is None

    def test_a_long_policy_alone_is_told_whole(self):
        invoke, calls = answering({"FailedEntryCount": 0, "Entries": [{}]})
        detail = {"repaired": [{"control": "x", "before": {"a": "b" * 30_000}, "after": None}]}

        announcements.announce(invoke, announcements.DRIFT_REPAIRED, detail)

        [entry] = calls[0].parameters["Entries"]
        assert json.loads(entry["Detail"]) == detail
