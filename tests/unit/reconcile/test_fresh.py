"""Where there is nothing: everything is made, in its order, and a second pass writes nothing."""

from __future__ import annotations

import json
import threading
from collections import Counter

import pytest

from state_backend import outcomes
from state_backend.model import Outcome
from tests.unit.account import Account
from tests.unit.given import BUCKET, LOG_BUCKET, backend
from tests.unit.reconcile.given import SPECS, run, subject


@pytest.mark.parametrize("properties", SPECS.values(), ids=SPECS)
class TestFresh:
    def test_everything_that_applies_is_made(self, properties):
        result = run(Account(), backend(properties))

        assert result.errors == {}
        assert set(result.outcomes.values()) <= {
            Outcome.CHANGED,
            Outcome.KEPT,
            Outcome.NOT_APPLICABLE,
        }
        assert outcomes.report(result, planned=False).status == outcomes.READY

    def test_a_second_pass_writes_nothing_and_keeps_everything(self, properties):
        account = Account()
        run(account, backend(properties))
        account.writes.clear()

        result = run(account, backend(properties))

        assert account.written == []
        assert set(result.outcomes.values()) <= {Outcome.KEPT, Outcome.NOT_APPLICABLE}

    def test_a_plan_writes_nothing_and_tells_each_change(self, properties):
        account = Account()

        result = run(account, backend(properties), plan_only=True)

        assert account.written == []
        assert account.things == {}
        told = {change.control for change in result.changes}
        would = {name for name, it in result.outcomes.items() if it is Outcome.WOULD_CHANGE}
        assert told == would
        assert would == {
            name for name, it in result.outcomes.items() if it is not Outcome.NOT_APPLICABLE
        }
        assert all(
            change.before is None and change.after and change.why for change in result.changes
        )
        json.dumps(outcomes.report(result, planned=True).to_json())

    def test_the_parameters_are_written_last(self, properties):
        account = Account()

        run(account, backend(properties))

        assert account.written[-2:] == ["ssm:put_parameter"] * 2
        assert Counter(account.written)["ssm:put_parameter"] == 2

    def test_the_bucket_policy_is_the_last_word_on_the_bucket(self, properties):
        account = Account()

        run(account, backend(properties))

        on_bucket = [str(call) for call in account.writes if subject(call) == BUCKET]
        assert on_bucket[-1] == "s3:put_bucket_policy"


class TestOrder:
    def test_writes_on_one_resource_never_overlap(self):
        """The first of a bucket's settings waits a while for another one to begin."""
        account, active, lock = Account(), Counter(), threading.Lock()
        overlap = threading.Event()
        writes = ("put_bucket", "put_public", "tag_", "create_bucket")

        def before(call):
            if call.operation.startswith(writes):
                with lock:
                    active[subject(call)] += 1
                    if active[subject(call)] > 1:
                        overlap.set()
            if call.operation == "put_bucket_versioning":
                overlap.wait(0.2)

        def after(call):
            if call.operation.startswith(writes):
                with lock:
                    active[subject(call)] -= 1

        account.before, account.after = before, after

        run(account)

        assert not overlap.is_set()

    def test_settings_of_a_bucket_are_written_in_the_registrys_order(self):
        account = Account()
        account.has_bucket(
            BUCKET,
            public_access_block={},
            bucket_ownership_controls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
        )

        run(account, backend({"Adopt": "enforce"}))

        written = [call.operation for call in account.writes if subject(call) == BUCKET]
        assert written[0] == "put_public_access_block"
        assert written.index("put_bucket_ownership_controls") < written.index("put_bucket_policy")
        assert written.index("put_bucket_encryption") < written.index("put_bucket_policy")
        assert written[-1] == "put_bucket_policy"

    def test_logging_waits_for_the_log_buckets_policy(self):
        account = Account()

        run(account)

        order = [(call.operation, subject(call)) for call in account.writes]
        assert order.index(("put_bucket_policy", LOG_BUCKET)) < order.index(
            ("put_bucket_logging", BUCKET)
        )
