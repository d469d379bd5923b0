"""
The laws under which every resource, control and statement stands, because it is registered.

None of them names a control.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from threading import Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_backend import outcomes
from state_backend.calls import AwsError
from state_backend.controls import CONTROLS
from state_backend.model import Outcome
from state_backend.resources import RESOURCES
from tests.property.backends import SPECS, identity, made, one_pass, recorded, specs
from tests.property.protections import protections
from tests.unit.account import SETTINGS, Account
from tests.unit.given import BUCKET, LOG_BUCKET, TABLE, backend

GOOD = {Outcome.KEPT, Outcome.CHANGED, Outcome.NOT_APPLICABLE}
few = settings(max_examples=25, deadline=None, derandomize=True)


class TestSecondPass:
    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    def test_it_writes_nothing(self, spec):
        account, spec = made(spec)
        before = deepcopy(account.things)

        result = one_pass(account, spec)

        assert account.written == []
        assert account.things == before
        assert set(result.outcomes.values()) <= GOOD - {Outcome.CHANGED}

    @pytest.mark.parametrize("first", SPECS.values(), ids=SPECS)
    def test_nor_does_it_after_any_change_of_mind(self, first):
        for then in SPECS.values():
            if (first.encryption, then.encryption) == ("aws:kms", "AES256"):
                continue
            account, _ = made(first)
            one_pass(account, replace(then, origin="created"))
            account.writes.clear()

            one_pass(account, replace(then, origin="created"))

            assert account.written == []


def leaves(value, path=()):
    """The paths to every value below *value* that is neither mapping nor list."""
    if isinstance(value, dict):
        return [it for key, item in value.items() for it in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [it for index, item in enumerate(value) for it in leaves(item, (*path, index))]
    return [path]


def other(value):
    match value:
        case bool():
            return not value
        case int():
            return value + 700
        case _:
            return {"Enabled": "Disabled", "Deny": "Allow", "AES256": "aws:kms"}.get(
                value, f"{value}x"
            )


def damages(thing):
    """Every version of *thing* in which one part is missing or different."""
    document = json.loads(thing) if isinstance(thing, str) and thing.startswith("{") else thing
    encode = json.dumps if document is not thing else (lambda it: it)
    if not isinstance(document, dict | list):
        yield other(thing)
        return
    for path in leaves(document):
        for change in (other, None):
            broken = deepcopy(document)
            parent = broken
            for step in path[:-1]:
                parent = parent[step]
            if change is not None:
                parent[path[-1]] = change(parent[path[-1]])
            elif isinstance(parent, dict):
                del parent[path[-1]]
            else:
                parent.pop(path[-1])
            yield encode(broken)


REMOVABLE = {
    "public_access_block",
    "bucket_ownership_controls",
    "bucket_policy",
    "bucket_lifecycle_configuration",
    "bucket_versioning",
    "bucket_logging",
    "bucket_tagging",
    "key_rotation",
    "alias",
    "parameter",
    "table_protection",
    "table_recovery",
}
"""What somebody could take away altogether."""

NOT_A_SETTING = {"bucket", "key", "key_tags", "table"}


WITH_FOREIGN_PARTS = {
    "bucket_policy",
    "key_policy",
    "bucket_lifecycle_configuration",
    "bucket_tagging",
}


def settings_about(account, name):
    """The settings of one thing, or of one kind."""
    found = [key for key in settings_of(account) if name in key[0] or name == key[1]]
    assert found
    return found


def settings_of(account):
    return [key for key in account.things if key[0] not in NOT_A_SETTING]


class TestDamage:
    @pytest.mark.parametrize("name", [BUCKET, LOG_BUCKET, TABLE, "key_", "alias", "parameter"])
    def test_any_damage_is_repaired(self, name):
        """
        As protected as before, all settled, and nothing more to do.

        A part may be named differently (a Sid, a rule's id): then it counts as foreign and stays.
        """
        account, spec = made(SPECS["both locks"])
        spare = account.has_key()
        sound, protected = deepcopy(account.things), protections(account)
        for key in settings_about(account, name):
            broken = [None] * (key[0] in REMOVABLE) + list(damages(sound[key]))
            for damage in [None, spare] if key[0] == "alias" else broken:
                account.things = deepcopy(sound)
                account.things[key] = damage
                if damage is None:
                    del account.things[key]
                account.settle()

                result = one_pass(account, spec)

                if any("TruncatedAnswer" in error.message for error in result.errors.values()):
                    continue  # AWS never says so; what cannot be read is not written
                assert result.errors == {}, (key, damage)
                assert protections(account) >= protected, (key, damage)
                if key[0] not in WITH_FOREIGN_PARTS:
                    assert account.things == sound or is_as_good(account, sound), (key, damage)
                account.writes.clear()
                one_pass(account, spec)
                assert account.written == [], (key, damage)

    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    def test_every_setting_together_is_repaired(self, spec):
        account, spec = made(spec)
        sound = deepcopy(account.things)
        for key in settings_of(account):
            if key[0] in REMOVABLE:
                del account.things[key]
        account.settle()

        result = one_pass(account, spec)

        assert result.errors == {}
        assert account.things == sound


def is_as_good(account, sound):
    """Whether what differs from *sound* is stricter, or means nothing."""
    return all(
        (kind == "key_rotation" and account.things[kind, name] < value)
        or (
            kind == "bucket_encryption" and is_but_for_bucket_key(account.things[kind, name], value)
        )
        for (kind, name), value in sound.items()
        if account.things.get((kind, name)) != value
    )


def is_but_for_bucket_key(found, value):
    """A bucket key means nothing without KMS."""
    [[rule], [sound]] = found["Rules"], value["Rules"]
    algorithm = sound["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    return algorithm == "AES256" and {**rule, "BucketKeyEnabled": False} == sound


class TestNoProtectionIsWeaker:
    """Measured after every write: the facts in ``protections`` may only become more."""

    def watched(self, account):
        seen = [protections(account)]
        lost = []
        in_turn = Lock()

        def after(call):
            with in_turn:
                now = protections(account)
                gone = seen[-1] - now
                if gone:
                    lost.append((str(call), gone))
                seen.append(now)

        account.after = after
        return lost

    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    def test_while_it_is_made(self, spec):
        account = Account()
        lost = self.watched(account)

        one_pass(account, spec)

        assert lost == []

    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    def test_while_it_is_adopted(self, spec):
        theirs = {
            "Sid": "Theirs",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:DeleteObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/keep",
        }
        strong = {
            "bucket_policy": json.dumps({"Version": "2012-10-17", "Statement": [theirs]}),
            "bucket_versioning": {"Status": "Enabled"},
            "bucket_logging": {"LoggingEnabled": {"TargetBucket": "elsewhere", "TargetPrefix": ""}},
        }
        for settings_ in ({}, strong):
            account = Account()
            account.has_bucket(BUCKET, **settings_)
            lost = self.watched(account)

            one_pass(account, spec)

            assert lost == []

    @few
    @given(spec=specs, gone=st.sets(st.sampled_from(sorted(SETTINGS)), max_size=4))
    def test_while_it_is_repaired(self, spec, gone):
        account, spec = made(spec)
        for kind in gone - {"bucket_encryption"}:
            account.things.pop((kind, BUCKET), None)
        account.settle()
        lost = self.watched(account)

        one_pass(account, spec)

        assert lost == []


def foreign_statements():
    return st.lists(
        st.fixed_dictionaries(
            {
                "Sid": st.text("abcXYZ0189", max_size=8),
                "Effect": st.sampled_from(["Allow", "Deny"]),
                "Principal": st.sampled_from(
                    ["*", {"AWS": "333333333333"}, {"Service": "x.amazonaws.com"}]
                ),
                "Action": st.sampled_from(["s3:GetObject", ["s3:PutObject", "s3:ListBucket"]]),
                "Resource": st.sampled_from(
                    [f"arn:aws:s3:::{BUCKET}", [f"arn:aws:s3:::{BUCKET}/a"]]
                ),
            },
            optional={"Condition": st.just({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})},
        ),
        max_size=4,
    )


class TestForeignParts:
    @few
    @given(spec=specs, theirs=foreign_statements())
    def test_policy_statements_survive(self, spec, theirs):
        account, spec = made(spec)
        for kind, name in (("bucket_policy", BUCKET), ("bucket_policy", LOG_BUCKET)):
            if (kind, name) in account.things:
                account.things[kind, name] = json.dumps(
                    {"Version": "2012-10-17", "Statement": theirs}
                )

        one_pass(account, spec)

        for (kind, _), policy in account.things.items():
            if kind == "bucket_policy":
                found = json.loads(policy)["Statement"]
                assert [it for it in found if not it["Sid"].startswith("Statehold")] == theirs

    @few
    @given(
        spec=specs,
        tags=st.dictionaries(
            st.text("abcxyz-:/", min_size=1, max_size=9), st.text("abc 1", max_size=9)
        ),
    )
    def test_tags_survive(self, spec, tags):
        account, spec = made(spec)
        theirs = [{"Key": key, "Value": value} for key, value in tags.items()]
        account.things["bucket_tagging", BUCKET] = {"TagSet": theirs}

        one_pass(account, spec)

        assert all(it in account.things["bucket_tagging", BUCKET]["TagSet"] for it in theirs)

    @few
    @given(
        spec=specs,
        days=st.lists(st.integers(1, 4000), max_size=3),
        origin=st.sampled_from(["created", "adopted"]),
    )
    def test_lifecycle_rules_survive(self, spec, days, origin):
        account, spec = made(spec)
        theirs = [
            {
                "ID": f"theirs-{index}",
                "Status": "Enabled",
                "Filter": {"Prefix": "a"},
                "Expiration": {"Days": it},
            }
            for index, it in enumerate(days)
        ]
        account.things["bucket_lifecycle_configuration", BUCKET] = {"Rules": theirs}

        one_pass(account, replace(spec, origin=origin))

        rules = account.things["bucket_lifecycle_configuration", BUCKET]["Rules"]
        assert [it for it in rules if not it["ID"].startswith("Statehold")] == theirs


class TestUnreadable:
    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    @pytest.mark.parametrize("code", ["AccessDenied", "InternalError", "ConnectionError"])
    def test_what_cannot_be_read_is_not_written(self, spec, code):
        sound, on_record = made(spec)
        for look in {call.operation for call in self.reads(spec)}:
            account = Account()
            account.things = {
                key: it for key, it in deepcopy(sound.things).items() if key[0] not in REMOVABLE
            }
            account.refuse = {look: code}

            result = one_pass(account, on_record)

            assert not {call.operation for call in account.writes} & self.writing(on_record, look)
            assert outcomes.report(result, planned=False).status != outcomes.READY

    def reads(self, spec):
        account, spec = made(spec)
        one_pass(account, spec)
        return account.reads

    def writing(self, spec, look):
        """The operations that write what *look* shows, in the words of the registry."""
        spec = replace(spec, key_arn=spec.key_arn or "k")
        places = [
            (control, it.subject(spec))
            for control in CONTROLS
            for it in RESOURCES
            if it.id in control.on
        ]
        return {
            call.operation
            for control, subject in places
            if control.applies(spec) and control.read(spec, subject).operation == look
            for call in control.write(spec, subject, control.desired(spec, None), None)
        }


class TestConvergence:
    """After a failure at any call a further pass comes to the same end."""

    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    @pytest.mark.parametrize("how", ["not done", "done, but the answer is lost"])
    def test_it_converges(self, spec, how):
        reference, _ = made(spec)
        account = Account()
        one_pass(account, spec)
        calls = list(dict.fromkeys(identity(call) for call in (*account.reads, *account.writes)))
        assert len(calls) > 20
        for failing in calls:
            account = Account()
            self.fail_once(account, failing, how)
            result = one_pass(account, spec)
            for _ in range(2):
                result = one_pass(account, recorded(spec, result))

            assert account.things == reference.things, failing
            assert result.errors == {}, failing

    def fail_once(self, account, failing, how):
        left = [failing]

        def fail(call):
            if left and identity(call) == left[0]:
                left.clear()
                raise AwsError(call, "ConnectionError", "lost")

        if how == "not done":
            account.before = fail
        else:
            account.after = fail


class TestPlan:
    @pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
    def test_a_plan_tells_what_a_reconcile_then_changes(self, spec):
        account = Account()
        planned = one_pass(account, spec, plan_only=True)
        assert account.written == []

        done = one_pass(account, spec)

        would = {name for name, it in planned.outcomes.items() if it is Outcome.WOULD_CHANGE}
        assert would == {name for name, it in done.outcomes.items() if it is Outcome.CHANGED}
        assert would == {change.control for change in planned.changes}


@few
@given(st.data())
def test_no_answer_breaks_the_loop(data):
    """Any answer with any of its keys removed ends as an outcome, never as an exception."""
    account, spec = made(backend({"LockMode": "both"}))
    looks = sorted({call.operation for call in observed(account, spec)})
    look = data.draw(st.sampled_from(looks))
    cut = data.draw(st.integers(0, 3))

    def answering(call):
        answer = account(call)
        if call.operation != look or not isinstance(answer, dict):
            return answer
        node = answer
        for _ in range(cut):
            nested = [it for it in node.values() if isinstance(it, dict)]
            node = nested[0] if nested else node
        for key in list(node)[:1]:
            del node[key]
        return answer

    answering.things = account.things
    result = one_pass(answering, spec)

    assert set(result.outcomes.values()) <= set(Outcome)


def observed(account, spec):
    one_pass(account, spec)
    return account.reads
