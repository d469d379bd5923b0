"""Respelling a policy does not change its meaning; any other change does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from state_backend.policies.bucket_policy import STATEMENTS as BUCKET_STATEMENTS
from state_backend.policies.bucket_policy import bucket_policy
from state_backend.policies.document import meaning, merge, says_the_same
from state_backend.policies.key_policy import STATEMENTS as KEY_STATEMENTS
from state_backend.policies.key_policy import key_policy
from tests.property.backends import PROPERTIES
from tests.unit.given import KEY, backend

SPECS = {name: backend(it, key_arn=KEY, origin="created") for name, it in PROPERTIES.items()}
SOME = settings(max_examples=12, deadline=None, derandomize=True)


@st.composite
def respelled(draw, value):
    """A list of one for a scalar and the reverse, and a list in another order."""
    if isinstance(value, list):
        items = draw(st.permutations(value))
        return items[0] if len(items) == 1 and draw(st.booleans()) else list(items)
    return [value] if draw(st.booleans()) else value


@st.composite
def in_other_letters(draw, text):
    return draw(st.sampled_from([text, text.lower(), text.upper(), text.swapcase()]))


@st.composite
def respelled_statement(draw, statement):
    made = {}
    for element in draw(st.permutations(sorted(statement))):
        value = statement[element]
        match element:
            case "Sid":
                value = draw(st.sampled_from([value, "Statehold1", "StateholdX"]))
            case "Action":
                names = [value] if isinstance(value, str) else value
                value = draw(respelled([draw(in_other_letters(it)) for it in names]))
            case "Resource" | "NotResource":
                value = draw(respelled(value))
            case "Principal":
                value = (
                    draw(st.sampled_from([value, {"AWS": "*"}, {"AWS": ["*"]}]))
                    if value == "*"
                    else value
                )
            case "Condition":
                value = {
                    operator: {
                        draw(in_other_letters(key)): draw(respelled(it)) for key, it in keys.items()
                    }
                    for operator, keys in value.items()
                }
        made[element] = value
    return made


@pytest.mark.parametrize("policy", [bucket_policy, key_policy], ids=lambda it: it.__name__)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@SOME
@given(data=st.data())
def test_a_respelled_policy_says_the_same(policy, spec, data):
    document = policy(spec, None)

    statements = [data.draw(respelled_statement(it)) for it in document["Statement"]]
    respelling = {**document, "Statement": data.draw(st.permutations(statements))}

    assert says_the_same(document, json.loads(json.dumps(respelling)))


@pytest.mark.parametrize(
    "statement",
    [*BUCKET_STATEMENTS, *KEY_STATEMENTS],
    ids=lambda it: f"{it.__module__[-13:]}.{it.__name__}",
)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_without_any_one_element_value_or_statement_it_does_not(statement, spec):
    for made in statement(spec):
        variants = [
            {key: value for key, value in made.items() if key != element}
            for element in made
            if element != "Sid"
        ]
        for element in ("Action", "Resource", "NotResource"):
            values = made.get(element)
            if isinstance(values, list) and len(values) > 1:
                variants += [
                    {**made, element: values[:at] + values[at + 1 :]} for at in range(len(values))
                ]
        for operator, keys in made.get("Condition", {}).items():
            rest = {it: kept for it, kept in made["Condition"].items() if it != operator}
            variants += [{**made, "Condition": rest}]
            variants += [
                {**made, "Condition": {**rest, operator: {**keys, key: "other"}}} for key in keys
            ]

        assert meaning(made) not in {meaning(variant) for variant in variants}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_no_two_statements_of_one_policy_mean_the_same(spec):
    for document in (bucket_policy(spec, None), key_policy(spec, None)):
        meanings = {meaning(it) for it in document["Statement"]}
        assert len(meanings) == len(document["Statement"])


@SOME
@given(
    st.lists(
        st.fixed_dictionaries({"Sid": st.text(max_size=12), "Effect": st.just("Deny")}), max_size=5
    )
)
def test_merging_again_changes_nothing(theirs):
    ours = bucket_policy(SPECS["defaults"], None)["Statement"]

    once = merge(ours, {"Version": "2012-10-17", "Statement": theirs}, limit=20_480)

    assert merge(ours, once, limit=20_480) == once
    assert says_the_same(once, once)
