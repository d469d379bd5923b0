"""Whose backend it is, and what a request may change about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from state_backend.errors import AlreadyExists, InvalidRequest, RefusedChange
from state_backend.ownership import _TIGHTER, HUB, LIVE, RELEASED, Record, claim
from state_backend.properties import PROPERTIES
from state_backend.spec import Defaults
from tests.unit.given import ACCOUNT, BREAK_GLASS, BUCKET, KEY, OTHER_STACK, REGION, STACK

TODAY = Defaults("tfstate", {"NoncurrentVersionDays": "30"})
OLD = Defaults("tfstate", {"NoncurrentVersionDays": "90"})
READER = f"arn:aws:iam::{ACCOUNT}:role/Deployer"
SECOND = f"arn:aws:iam::{ACCOUNT}:role/Second"


def record(owner=STACK, given=None, state=LIVE, **more):
    usual = {"bucket_name": BUCKET, "defaults": OLD, "origin": "created", "key_arn": KEY}
    place = {"account": ACCOUNT, "region": REGION}
    return Record(
        **{**place, "owner": owner, "state": state, "given": given or {}, **usual, **more}
    )


def asked(it, requester, properties, hub=TODAY):
    return claim(it, requester, properties, hub)


class TestNew:
    def test_the_first_to_ask_owns_it_with_todays_defaults(self):
        empty = Record(account=ACCOUNT, region=REGION)

        got = asked(empty, STACK, {"LockMode": "both"})

        assert (got.owner, got.spec.owner) == (STACK, STACK)
        assert got.given == {"LockMode": "both"}
        assert got.defaults == TODAY
        assert got.spec.noncurrent_version_days == 30

    def test_an_event_makes_it_the_hubs(self):
        assert asked(Record(account=ACCOUNT, region=REGION), HUB, None).owner == HUB

    def test_another_region_in_the_properties_is_refused(self):
        with pytest.raises(InvalidRequest, match="Property Region is eu-west-1") as refused:
            asked(Record(account=ACCOUNT, region=REGION), HUB, {"Region": "eu-west-1"})

        assert refused.value.remedy == "Name one Region in both"

    def test_one_that_was_never_complete_keeps_what_its_owner_asked_for(self):
        half = record(state="", given={"LockMode": "both"})

        assert asked(half, STACK, None).spec.lock_mode == "both"

    def test_what_somebody_else_asked_for_then_is_not_kept(self):
        assert asked(record(state="", given={"LockMode": "both"}), HUB, None).given == {}

    def test_what_is_known_of_one_bucket_is_not_believed_of_another(self):
        """A released, or half-made, record may be followed by a request for another name."""
        for state in ("", RELEASED):
            got = asked(record(state=state), STACK, {"BucketName": "acme-state"})

            assert got.spec.origin == ""

    def test_what_is_known_of_the_same_bucket_is(self):
        got = asked(record(state=RELEASED), STACK, {})

        assert (got.spec.origin, got.spec.key_arn) == ("created", KEY)


class TestRecorded:
    def test_an_event_reconciles_what_is_recorded(self):
        got = asked(record(given={"LockMode": "both"}), HUB, None)

        assert (got.owner, got.spec.lock_mode) == (STACK, "both")
        assert got.given == {"LockMode": "both"}

    def test_defaults_are_those_of_the_day_it_was_made(self):
        for requester, properties in ((HUB, None), (STACK, {})):
            got = asked(record(), requester, properties)

            assert got.spec.noncurrent_version_days == 90
            assert got.defaults == OLD

    def test_the_key_on_record_is_the_key(self):
        assert asked(record(), HUB, None).spec.key_arn == KEY

    def test_a_backend_without_a_key_of_ours_has_none_on_record(self):
        assert asked(record(given={"Encryption": "AES256"}), HUB, None).spec.key_arn == ""


class TestOwner:
    def test_it_may_change_what_is_not_fixed(self):
        got = asked(
            record(given={"NoncurrentVersionDays": "400"}),
            STACK,
            {"LockMode": "both", "NoncurrentVersionDays": "10", "Tags": "a=b"},
        )

        assert (got.spec.lock_mode, got.spec.noncurrent_version_days) == ("both", 10)
        assert got.spec.tags == (("a", "b"),)

    @pytest.mark.parametrize(
        ("given", "wanted", "name"),
        [
            ({}, {"Region": "eu-west-1"}, "Region"),
            ({}, {"BucketName": "acme-state"}, "BucketName"),
            ({"BucketName": "acme-state"}, {}, "BucketName"),
            ({}, {"BucketNamespace": "global"}, "BucketNamespace"),
            ({"BucketNamespace": "global"}, {}, "BucketNamespace"),
            ({}, {"LockTableName": "locks"}, "LockTableName"),
            ({"LockTableName": "locks"}, {}, "LockTableName"),
            ({}, {"KmsKeyArn": KEY}, "KmsKeyArn"),
            ({"KmsKeyArn": KEY}, {}, "KmsKeyArn"),
            ({"KmsKeyArn": KEY}, {"KmsKeyArn": KEY.replace("0000", "9999")}, "KmsKeyArn"),
        ],
    )
    def test_what_is_fixed_stays(self, given, wanted, name):
        with pytest.raises(RefusedChange) as refused:
            asked(record(given=given), STACK, wanted)

        assert refused.value.code == "NotUpdatable"
        assert f"Property {name} is " in refused.value.message
        assert refused.value.remedy.startswith(f"Keep {name}, or make a new backend")

    def test_what_was_and_what_would_be_are_both_told(self):
        with pytest.raises(RefusedChange, match=f"KmsKeyArn is not given and .* become {KEY}: a"):
            asked(record(), STACK, {"KmsKeyArn": KEY})
        with pytest.raises(RefusedChange, match=f"KmsKeyArn is {KEY} and .* become not given: a"):
            asked(record(given={"KmsKeyArn": KEY}), STACK, {})

    @pytest.mark.parametrize("wanted", [{"KmsKeyArn": KEY}, {"LockTableName": "locks"}])
    def test_while_a_bucket_is_observed_its_key_and_table_may_change(self, wanted):
        observed = record(given={"BucketName": BUCKET}, origin="adopted", key_arn="")

        got = asked(observed, STACK, {"BucketName": BUCKET, **wanted})

        assert got.given == {"BucketName": BUCKET, **wanted}

    def test_its_name_may_not(self):
        observed = record(given={"BucketName": "acme"}, origin="adopted", key_arn="")

        with pytest.raises(RefusedChange, match="BucketName"):
            asked(observed, STACK, {"BucketName": "acme-state"})

    def test_a_bucket_of_ours_has_nothing_to_enforce(self):
        """Only of an adopted one is it kept without a word."""
        got = asked(record(given={"Adopt": "enforce"}), STACK, {"Adopt": "observe"})

        assert got.given == {"Adopt": "observe"}

    def test_an_adopted_bucket_that_is_observed_stays_observed(self):
        before = record(given={"Adopt": "observe"}, origin="adopted", key_arn="")

        assert asked(before, STACK, {"Adopt": "observe"}).spec.adopt == "observe"

    def test_kms_does_not_become_aes256(self):
        with pytest.raises(RefusedChange, match="would weaken") as refused:
            asked(record(), STACK, {"Encryption": "AES256"})

        assert refused.value.remedy == "Keep Encryption at aws:kms"

    def test_aes256_may_become_kms(self):
        got = asked(
            record(given={"Encryption": "AES256"}, key_arn=""), STACK, {"Encryption": "aws:kms"}
        )

        assert got.spec.encryption == "aws:kms"

    @pytest.mark.parametrize("dropped", [{}, {"PreventDestroy": ""}])
    @pytest.mark.parametrize("hub", [OLD, Defaults("tfstate", {"PreventDestroy": "false"})])
    def test_dropping_prevent_destroy_does_not_lift_it(self, dropped, hub):
        got = asked(record(given={"PreventDestroy": "true"}, defaults=hub), STACK, dropped)

        assert got.spec.prevent_destroy
        again = asked(record(given=got.given, defaults=hub), STACK, dropped)
        assert again.spec.prevent_destroy

    def test_only_the_word_false_lifts_it(self):
        assert not asked(record(), STACK, {"PreventDestroy": "false"}).spec.prevent_destroy

    def test_a_wrong_property_is_refused_as_ever(self):
        with pytest.raises(InvalidRequest, match="Property LockMode"):
            asked(record(), STACK, {"LockMode": "none"})


class TestSecondBackend:
    @pytest.mark.parametrize(
        ("requester", "properties"),
        [
            (OTHER_STACK, {}),
            (OTHER_STACK, {"BucketName": "acme-state"}),
            (HUB, {"LockMode": "both"}),
        ],
    )
    def test_it_is_refused_with_the_name_and_owner_of_the_first(self, requester, properties):
        with pytest.raises(AlreadyExists) as refused:
            asked(record(), requester, properties)

        assert BUCKET in refused.value.message
        assert refused.value.remedy.endswith("or change it through its owner")
        assert STACK in refused.value.message

    def test_so_it_is_where_the_hub_has_the_first(self):
        with pytest.raises(AlreadyExists, match="the hub"):
            asked(record(HUB), STACK, {"BucketName": "acme-state"})

    @pytest.mark.parametrize(("owner", "named"), [(STACK, f"the stack {STACK}"), (HUB, "the hub")])
    def test_so_it_is_where_who_has_the_first_asks_for_it(self, owner, named):
        """Two resources of one stack, or two operations of the hub."""
        with pytest.raises(AlreadyExists, match=f"{BUCKET} in {REGION}, which belongs to {named}"):
            claim(record(owner), owner, {"BucketName": "acme-state"}, TODAY, creating=True)

    def test_an_operation_of_the_hub_may_always_mean_a_second_one(self):
        with pytest.raises(AlreadyExists, match="which belongs to the hub"):
            asked(record(HUB), HUB, {"BucketName": "acme-state"})

    @pytest.mark.parametrize("properties", [{}, {"BucketName": BUCKET}])
    def test_the_same_one_under_another_logical_id_is_no_second_one(self, properties):
        got = claim(record(), STACK, properties, TODAY, creating=True)

        assert (got.owner, got.spec.bucket_name) == (STACK, BUCKET)


class TestReader:
    def test_a_stack_that_asks_for_the_hubs_backend_reads_it(self):
        got = asked(record(HUB, {"LockMode": "both"}), STACK, {})

        assert got.owner == HUB
        assert got.spec.lock_mode == "both"
        assert got.given == {"LockMode": "both"}

    def test_so_does_one_that_names_nothing_where_the_hub_gave_a_name(self):
        got = asked(record(HUB, {"BucketName": "acme-state"}, bucket_name="acme-state"), STACK, {})

        assert got.spec.bucket_name == "acme-state"

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            ({"PreventDestroy": "false"}, {"PreventDestroy": "true"}),
            ({}, {"Adopt": "enforce"}),
            ({}, {"NoncurrentVersionDays": "91"}),
            ({"NoncurrentVersionsKept": "10"}, {"NoncurrentVersionsKept": "11"}),
            ({"AccessLogs": "off"}, {"AccessLogs": "create"}),
            ({}, {"AccessLogsDays": "366"}),
            ({"Encryption": "AES256"}, {"Encryption": "aws:kms"}),
            ({}, {"StateAccessPrincipalArns": READER}),
            (
                {"StateAccessPrincipalArns": f"{READER},{SECOND}"},
                {"StateAccessPrincipalArns": READER},
            ),
            # The same readers in another order.
            (
                {"StateAccessPrincipalArns": f"{READER},{SECOND}"},
                {"StateAccessPrincipalArns": f"{SECOND},{READER}"},
            ),
            ({"Tags": "a=b"}, {"Tags": "a=b,c=d"}),
        ],
    )
    def test_it_may_tighten(self, given, wanted):
        got = asked(record(HUB, given), STACK, wanted)

        assert got.owner == HUB
        assert got.given == {**given, **wanted}

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            ({}, {"PreventDestroy": "false"}),
            ({"Adopt": "enforce"}, {"Adopt": "observe"}),
            ({}, {"NoncurrentVersionDays": "89"}),
            ({}, {"NoncurrentVersionsKept": "99"}),
            ({}, {"AccessLogs": "off"}),
            ({}, {"AccessLogs": "elsewhere"}),
            ({}, {"AccessLogsDays": "364"}),
            ({}, {"Encryption": "AES256"}),
            ({}, {"KmsKeyArn": KEY}),
            ({}, {"LockMode": "both"}),
            ({}, {"LockTableName": "locks"}),
            ({}, {"WorkspaceKeyPrefix": "w"}),
            ({"StateAccessPrincipalArns": READER}, {"StateAccessPrincipalArns": SECOND}),
            (
                {"StateAccessPrincipalArns": READER},
                {"StateAccessPrincipalArns": f"{READER},{SECOND}"},
            ),
            ({"StateAccessPrincipalArns": READER}, {"StateAccessPrincipalArns": []}),
            ({}, {"BreakGlassPrincipalArns": BREAK_GLASS}),
            (
                {"BreakGlassPrincipalArns": f"{BREAK_GLASS},{SECOND}"},
                {"BreakGlassPrincipalArns": SECOND},
            ),
            ({"Tags": "a=b"}, {"Tags": "a=c"}),
        ],
    )
    def test_it_may_not_loosen_or_change(self, given, wanted):
        with pytest.raises(AlreadyExists) as refused:
            asked(record(HUB, given), STACK, wanted)

        name = next(iter(wanted))
        assert f"Property {name} " in refused.value.message
        assert "which belongs to the hub" in refused.value.message
        assert refused.value.remedy == f"Leave {name} out, or change it through its owner"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("NoncurrentVersionDays", "90"),  # what stands there anyway, but does nothing
            ("NoncurrentVersionDays", "36500"),
            ("NoncurrentVersionsKept", "100"),
        ],
    )
    def test_it_may_not_let_versions_expire_where_none_does(self, name, value):
        """On an adopted bucket they are limited only where that is stated."""
        before = record(HUB, {"BucketName": BUCKET}, origin="adopted")

        with pytest.raises(AlreadyExists, match=f"Property {name} would loosen"):
            asked(before, STACK, {name: value})

    def test_where_they_do_expire_it_may_keep_more(self):
        before = record(HUB, {"NoncurrentVersionDays": "90"}, origin="adopted")

        got = asked(before, STACK, {"NoncurrentVersionsKept": "100", "NoncurrentVersionDays": "91"})

        assert got.spec.stated == {"NoncurrentVersionsKept", "NoncurrentVersionDays"}

    def test_what_it_tightened_stays_where_its_stack_rolls_back(self):
        before = record(HUB, {"NoncurrentVersionDays": "500"})

        got = claim(
            before, STACK, {"NoncurrentVersionDays": "400"}, before.defaults, rolling_back=True
        )

        assert got.spec.noncurrent_version_days == 500

    def test_and_what_it_tightens_then_counts(self):
        before = record(HUB, {"NoncurrentVersionDays": "500"})
        wanted = {"AccessLogsDays": "1", "NoncurrentVersionDays": "600"}

        got = claim(before, STACK, wanted, before.defaults, rolling_back=True)

        assert (got.spec.access_logs_days, got.spec.noncurrent_version_days) == (365, 600)

    def test_it_may_state_what_is_so_anyway(self):
        stated = {"LockMode": "both", "NoncurrentVersionDays": "90"}

        got = asked(record(HUB, {"LockMode": "both"}), STACK, stated)

        assert got.owner == HUB
        assert (got.spec.lock_mode, got.spec.noncurrent_version_days) == ("both", 90)

    @pytest.mark.parametrize("name", sorted(set(PROPERTIES) - {"Region", "BucketName"}))
    def test_no_property_is_without_a_rule_for_readers(self, name):
        """One without would be ignored: a reader could believe that it was heard."""
        assert name in _TIGHTER


class TestReleased:
    def test_the_next_to_ask_owns_it(self):
        got = asked(record(state=RELEASED), OTHER_STACK, {})

        assert got.owner == OTHER_STACK
        assert got.defaults == TODAY
        assert got.spec.prevent_destroy

    def test_its_key_is_not_given_up_again(self):
        with pytest.raises(RefusedChange, match="would weaken"):
            asked(record(state=RELEASED), OTHER_STACK, {"Encryption": "AES256"})

    @pytest.mark.parametrize("given", [{"BucketName": "acme-state"}, {}])
    def test_aes256_is_no_less_than_it_had(self, given):
        """Another bucket, or the same that had no key either."""
        before = {} if given else {"Encryption": "AES256"}

        got = asked(record("", before, RELEASED), STACK, {**given, "Encryption": "AES256"})

        assert got.spec.encryption == "AES256"

    def test_one_that_was_never_complete_may_do_without_the_key_that_it_did_not_get(self):
        got = asked(record(state="", key_arn=""), STACK, {"Encryption": "AES256"})

        assert got.spec.encryption == "AES256"

    def test_who_had_it_before_is_not_bound_by_what_it_asked_for_then(self):
        got = asked(record(state=RELEASED, given={"PreventDestroy": "false"}), STACK, {})

        assert got.spec.prevent_destroy


class TestOwnerless:
    def test_the_next_to_ask_owns_it_as_recorded(self):
        got = asked(record("", {"LockMode": "both"}), OTHER_STACK, {"LockMode": "both"})

        assert got.owner == OTHER_STACK
        assert got.spec.owner == OTHER_STACK
        assert got.defaults == OLD

    def test_defaults_of_today_that_do_not_fit_are_not_looked_at(self):
        elsewhere = Defaults("tfstate", {"KmsKeyArn": KEY.replace(REGION, "us-east-1")})

        assert asked(record(""), OTHER_STACK, {}, elsewhere).owner == OTHER_STACK
        assert asked(record(HUB), HUB, None, elsewhere).spec.makes_key

        with pytest.raises(InvalidRequest, match="shared keys"):
            asked(Record(account=ACCOUNT, region=REGION), HUB, None, elsewhere)

    def test_it_stays_protected(self):
        assert asked(record(""), OTHER_STACK, {}).spec.prevent_destroy

    @pytest.mark.parametrize("owner", ["", STACK], ids=["nobodys", "the_same_stacks"])
    def test_a_new_resource_lifts_no_protection(self, owner):
        """Its creation may be rolled back, and then nobody gives back what it has lifted."""
        lifting = {"PreventDestroy": "false"}

        got = claim(record(owner), STACK, lifting, TODAY, creating=True)

        assert got.spec.prevent_destroy
        assert not claim(record(STACK), STACK, lifting, TODAY).spec.prevent_destroy

    def test_it_keeps_its_name(self):
        with pytest.raises(AlreadyExists, match=f"belongs to nobody now.*name {BUCKET}"):
            asked(record(""), OTHER_STACK, {"BucketName": "acme-state"})

    def test_an_event_reconciles_what_is_recorded_and_takes_nothing(self):
        """The stack whose creation rolled back is deployed again: it must find it free."""
        got = asked(record("", {"LockMode": "both"}), HUB, None)

        assert (got.owner, got.spec.owner) == ("", "")
        assert got.given == {"LockMode": "both"}
        assert (got.spec.lock_mode, got.defaults) == ("both", OLD)

    def test_where_there_is_no_backend_an_event_makes_the_hubs(self):
        """Its bucket is gone, or it never was complete."""
        got = asked(record("", {"LockMode": "both"}, state=""), HUB, None)

        assert (got.owner, got.spec.owner, got.given) == (HUB, HUB, {})

    def test_who_names_it_gets_it(self):
        assert asked(record(""), OTHER_STACK, {"BucketName": BUCKET}).owner == OTHER_STACK


@pytest.mark.parametrize(("state", "complete"), [("", False), (LIVE, True), (RELEASED, True)])
def test_a_record_is_complete_once_it_was_live(state, complete):
    assert replace(record(), state=state).complete is complete


class TestRollback:
    """A refused roll-back would wedge the stack; a loosened backend would lose state."""

    def test_the_stronger_encryption_stays(self):
        before = record(STACK, {"Encryption": "aws:kms"})

        got = claim(before, STACK, {"Encryption": "AES256"}, before.defaults, rolling_back=True)

        assert got.spec.encryption == "aws:kms"
        assert got.given["Encryption"] == "aws:kms"

    @pytest.mark.parametrize(("name", "value"), [("KmsKeyArn", KEY), ("LockTableName", "locks")])
    def test_what_came_with_the_step_to_enforce_stays_with_it(self, name, value):
        """While the bucket was only observed, both could still change."""
        now = record(STACK, {"Adopt": "enforce", name: value}, origin="adopted")

        got = claim(now, STACK, {}, now.defaults, rolling_back=True)

        assert got.spec.adopt == "enforce"
        assert got.given[name] == value

        with pytest.raises(RefusedChange, match=f"Property {name}"):
            claim(now, STACK, {}, now.defaults)

    @pytest.mark.parametrize(("name", "value"), [("KmsKeyArn", KEY), ("LockTableName", "locks")])
    def test_while_it_is_only_observed_they_go_back_too(self, name, value):
        now = record(STACK, {name: value}, origin="adopted", key_arn="")

        assert name not in claim(now, STACK, {}, now.defaults, rolling_back=True).given

    def test_what_an_adopted_bucket_enforces_stays(self):
        before = replace(record(STACK, {"Adopt": "enforce"}), origin="adopted")

        got = claim(before, STACK, {"Adopt": "observe"}, before.defaults)

        assert got.spec.adopt == "enforce"
