"""Which accounts are ours, and where each stands."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from state_backend.aws import accounts, settings_parameter
from state_backend.aws.accounts import Account
from state_backend.calls import AwsError, Call
from tests.unit.given import ACCOUNT, REGION

ROOT, OUTER, INNER = "r-a1b2", "ou-a1b2-00000000", "ou-a1b2-11111111"


class Answers:
    """Answers each call as it is told to; botocore's own validation judges call and answer."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    def __call__(self, call):
        answer = self.answers.pop(0)
        self.calls.append((call.operation, dict(call.parameters)))
        if isinstance(answer, str):
            raise AwsError(call, answer, "no", status=400)
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "s"}
        client = boto3.client(call.service, region_name=REGION, **keys)
        with Stubber(client) as stub:
            stub.add_response(call.operation, answer, call.parameters)
            getattr(client, call.operation)(**call.parameters)
        return answer


def described(**parts):
    return {"Account": {"Id": ACCOUNT, **parts}}


def listed(*ids, state="ACTIVE", token=None):
    answer = {"Accounts": [{"Id": it, "State": state} for it in ids]}
    return answer | ({"NextToken": token} if token else {})


def units(*ids, token=None):
    answer = {"OrganizationalUnits": [{"Id": it} for it in ids]}
    return answer | ({"NextToken": token} if token else {})


def parent(unit):
    kind = "ROOT" if unit.startswith("r-") else "ORGANIZATIONAL_UNIT"
    return {"Parents": [{"Id": unit, "Type": kind}]}


@pytest.mark.parametrize(
    "answer",
    [{"State": "ACTIVE"}, {"State": "ACTIVE", "Status": "SUSPENDED"}, {"Status": "ACTIVE"}],
)
def test_an_active_account_is_ours(answer):
    """Status was retired; an older answer has nothing else."""
    assert accounts.describe(Answers(described(**answer)), ACCOUNT).reason_to_ignore == ""


@pytest.mark.parametrize("state", ["PENDING_ACTIVATION", "SUSPENDED", "PENDING_CLOSURE", "CLOSED"])
def test_another_state_is_the_reason_to_ignore_it(state):
    found = accounts.describe(Answers(described(State=state)), ACCOUNT)

    assert state in found.reason_to_ignore


def test_an_account_without_a_state_is_not_taken_for_active():
    assert "unknown" in accounts.describe(Answers(described()), ACCOUNT).reason_to_ignore


@pytest.mark.parametrize("code", ["AccountNotFoundException", "AWSOrganizationsNotInUseException"])
def test_a_strangers_account_is_not_ours(code):
    found = accounts.describe(Answers(code), ACCOUNT)

    assert "does not belong" in found.reason_to_ignore


def test_what_organizations_does_not_say_is_not_guessed():
    with pytest.raises(AwsError):
        accounts.describe(Answers("AccessDeniedException"), ACCOUNT)


class TestUnitsAbove:
    def test_they_are_in_the_accounts_path(self):
        path = f"o-a1b2c3d4e5/{ROOT}/{OUTER}/{INNER}/{ACCOUNT}/"
        answers = Answers(described(State="ACTIVE", Paths=[path]))

        found = accounts.describe(answers, ACCOUNT)

        assert accounts.units_above(answers, found) == (INNER, OUTER, ROOT)
        assert len(answers.calls) == 1

    def test_without_a_path_they_are_asked_for_one_by_one(self):
        answers = Answers(parent(INNER), parent(OUTER), parent(ROOT))

        found = accounts.units_above(answers, Account(id=ACCOUNT, state="ACTIVE"))

        assert found == (INNER, OUTER, ROOT)
        assert [it["ChildId"] for _, it in answers.calls] == [ACCOUNT, INNER, OUTER]

    def test_a_strangers_account_has_none(self):
        assert accounts.units_above(Answers(), Account(id=ACCOUNT, state="")) == ()


class TestBelow:
    def test_every_page_of_every_unit_is_read(self):
        answers = Answers(
            listed("1" * 12, token="a"), listed("2" * 12), units(token="b"), units(INNER),
            listed(token="c"), listed("3" * 12), units(),
        )  # fmt: skip

        found = list(accounts.active_accounts_below(answers, OUTER))

        assert found == ["1" * 12, "2" * 12, "3" * 12]
        assert [it.get("NextToken") for _, it in answers.calls] == [
            None, "a", None, "b", None, "c", None,
        ]  # fmt: skip

    @pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED"])
    def test_only_active_accounts_count(self, state):
        answers = Answers(listed("1" * 12, state=state), units())

        assert list(accounts.active_accounts_below(answers, OUTER)) == []

    def test_a_unit_that_is_gone_is_empty(self):
        answers = Answers("ParentNotFoundException")

        assert list(accounts.active_accounts_below(answers, OUTER)) == []

    def test_what_may_not_be_listed_is_not_empty(self):
        with pytest.raises(AwsError):
            list(accounts.active_accounts_below(Answers("AccessDeniedException"), OUTER))


class TestEveryone:
    def test_every_page_is_read_and_every_state_counts(self):
        pages = (listed("1" * 12, token="a"), listed(token="b"), listed("2" * 12, state="CLOSED"))
        answers = Answers(*pages)

        found = list(accounts.everyone(answers))

        assert [(it.id, it.state) for it in found] == [("1" * 12, "ACTIVE"), ("2" * 12, "CLOSED")]
        assert [it.get("NextToken") for _, it in answers.calls] == [None, "a", "b"]
        assert {operation for operation, _ in answers.calls} == {"list_accounts"}

    def test_names_and_units_are_taken_where_the_list_has_them(self):
        path = f"o-a1b2c3d4e5/{ROOT}/{OUTER}/{ACCOUNT}/"
        item = {"Id": ACCOUNT, "Name": "payments", "State": "ACTIVE", "Paths": [path]}

        [found] = accounts.everyone(Answers({"Accounts": [item]}))

        assert (found.name, found.units) == ("payments", (OUTER, ROOT))

    @pytest.mark.parametrize("second", ["ServiceException", {"NextToken": "x"}], ids=str)
    def test_a_page_that_is_missing_is_not_the_end(self, second):
        with pytest.raises((AwsError, KeyError)):
            list(accounts.everyone(Answers(listed("1" * 12, token="a"), second)))


def test_tags_are_read_to_the_last_page():
    first = {"Tags": [{"Key": "a", "Value": "1"}], "NextToken": "x"}
    answers = Answers(first, {"Tags": [{"Key": "b", "Value": "2"}]})

    assert accounts.tags(answers, ACCOUNT) == {"a": "1", "b": "2"}


def test_every_call_is_among_the_permissions():
    operations = [
        "DescribeAccount",
        "ListParents",
        "ListAccountsForParent",
        "ListOrganizationalUnitsForParent",
        "ListTagsForResource",
    ]

    assert set(accounts.PERMISSIONS) == {f"organizations:{it}" for it in operations}


class TestSettingsParameter:
    NAME = "/statehold/settings"

    def newest(self, version, value):
        return {"Parameter": {"Name": self.NAME, "Version": version, "Value": value}}

    def history(self, *versions, token=None):
        answer = {"Parameters": [{"Version": it, "Value": f"text {it}"} for it in versions]}
        return answer | ({"NextToken": token} if token else {})

    def test_the_newest_comes_first_and_alone_unless_more_is_asked_for(self):
        answers = Answers(self.newest(3, "text 3"))

        assert next(settings_parameter.texts(answers, self.NAME)) == "text 3"
        assert len(answers.calls) == 1

    def test_older_ones_follow_from_all_pages_of_the_history(self):
        answers = Answers(
            self.newest(12, "text 12"), self.history(2, 9, token="x"), self.history(10, 11, 12)
        )

        found = list(settings_parameter.texts(answers, self.NAME))

        assert found == ["text 12", "text 11", "text 10", "text 9", "text 2"]

    def test_a_parameter_that_is_not_there_has_none(self):
        assert list(settings_parameter.texts(Answers("ParameterNotFound"), self.NAME)) == []

    def test_one_that_cannot_be_read_is_not_taken_for_missing(self):
        with pytest.raises(AwsError):
            list(settings_parameter.texts(Answers("AccessDeniedException"), self.NAME))


def test_a_call_says_what_it_asks():
    answers = Answers(described(State="ACTIVE"))

    accounts.describe(answers, ACCOUNT)

    assert answers.calls == [("describe_account", {"AccountId": ACCOUNT})]
    assert str(Call("organizations", "describe_account", {})) == "organizations:describe_account"
