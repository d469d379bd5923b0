"""
``stacksets/scp-protect-statehold.json``: what it refuses to whom, and what it lets through.

Said by the double's evaluator, and by iam-simulate where it is installed.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any, NamedTuple

import pytest

from state_backend.controls import CONTROLS
from state_backend.policies import bucket_policy, key_policy
from state_backend.resources import RESOURCES
from tests.aws_double.conditions import Access, Caller
from tests.aws_double.evaluator import judge
from tests.contract.templates import ROOT, listed
from tests.contract.test_template_policies import KNOWN, expanded
from tests.matrix import simulator

PATH = ROOT / "stacksets/scp-protect-statehold.json"
POLICY = json.loads(PATH.read_text())
LARGEST = 5_120
"""Characters. Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"""

ACCOUNT, REGION = "222222222222", "eu-central-1"
IAM = f"arn:aws:iam::{ACCOUNT}"
PROVISIONER = f"{IAM}:role/StateholdProvisioner"
STACK_SETS = f"{IAM}:role/stacksets-exec-0123456789abcdef"
STACK_SETS_LINKED = (
    f"{IAM}:role/aws-service-role/member.org.stacksets.cloudformation.amazonaws.com/"
    "AWSServiceRoleForCloudFormationStackSetsOrgMember"
)
CONTROL_TOWER = f"{IAM}:role/AWSControlTowerExecution"
BREAK_GLASS = f"{IAM}:role/BreakGlass"
ADMINISTRATOR = f"{IAM}:role/Administrator"
LOOKALIKE = f"{IAM}:role/team/StateholdProvisioner"
BREAK_GLASS_LOOKALIKE = f"{IAM}:role/team/a/BreakGlass"
ROOT_USER = f"{IAM}:root"
SOMEBODY = (ADMINISTRATOR, LOOKALIKE, BREAK_GLASS_LOOKALIKE, ROOT_USER)

BUCKET = f"arn:aws:s3:::tfstate-{ACCOUNT}-{REGION}-an"
LOGS = f"arn:aws:s3:::tfstate-logs-{ACCOUNT}-{REGION}-an"
STATE = f"{BUCKET}/app/terraform.tfstate"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ALIAS = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/statehold"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/tfstate-{ACCOUNT}-{REGION}-an-lock"
PARAMETER = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/statehold/backend"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/StackSet-statehold-drift-rule-1a-DriftRule-9Z"
FORWARDER = f"{IAM}:role/StackSet-statehold-drift-rule-1a2b-ForwarderRole-9Z"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/StackSet-statehold-provisioner-1a/5f0c"
OTHERS_BUCKET = "arn:aws:s3:::tfstate-payments"
OTHERS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/99999999-2222-3333-4444-555555555555"
OTHERS_ROLES = (f"{IAM}:role/Deployer", f"{IAM}:role/StateholdProvisionerAudit")
OTHERS_RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/nightly"

BY_STACK_SETS = (STACK_SETS, CONTROL_TOWER, BREAK_GLASS)
BY_STATEHOLD = (PROVISIONER, CONTROL_TOWER, BREAK_GLASS)

PROTECTED: dict[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]] = {
    (PROVISIONER, LOOKALIKE, FORWARDER, STACK_SETS, BREAK_GLASS, BREAK_GLASS_LOOKALIKE): (
        (
            "iam:AttachRolePolicy",
            "iam:CreateRole",
            "iam:DeleteRole",
            "iam:DeleteRolePermissionsBoundary",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:PutRolePermissionsBoundary",
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRole",
        ),
        (*BY_STACK_SETS, STACK_SETS_LINKED),
    ),
    (RULE,): (
        ("events:DeleteRule", "events:DisableRule", "events:PutRule", "events:RemoveTargets"),
        BY_STACK_SETS,
    ),
    (STACK,): (
        ("cloudformation:DeleteStack", "cloudformation:UpdateStack"),
        BY_STACK_SETS,
    ),
    (BUCKET, LOGS): (
        (
            "s3:DeleteBucket",
            "s3:DeleteBucketPolicy",
            "s3:PutBucketPolicy",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:TagResource",
            "s3:UntagResource",
        ),
        BY_STATEHOLD,
    ),
    (STATE,): (("s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"), BY_STATEHOLD),
    (TABLE,): (("dynamodb:DeleteTable",), BY_STATEHOLD),
    (ALIAS,): (("kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"), BY_STATEHOLD),
    (KEY,): (
        ("kms:ScheduleKeyDeletion", "kms:DisableKey", "kms:PutKeyPolicy", "kms:UntagResource"),
        BY_STATEHOLD,
    ),
    (PARAMETER,): (("ssm:DeleteParameters", "ssm:PutParameter"), BY_STATEHOLD),
}
"""
Resources -> what is refused on them, and to whom it is not.

A role's name is taken whatever its path: one of our name with a path would keep ours from being
made.
"""

MARKING = (("kms:CreateKey", "*"), ("kms:TagResource", OTHERS_KEY))
"""What sets tags on keys that do not bear ours yet."""
MARKS = (("StateholdBackend",), ("Team", "StateholdBackend"), ("stateholdbackend",))
"""
Keys of tags that nobody but Statehold sets: a key that bears one is taken for a backend's.

In any case: that of a tag in ``aws:ResourceTag/…`` does not count.
"""
OTHER_MARKS = ((), ("Team",), ("StateholdBackendOwner",))

OPEN = (
    ("s3:GetObject", STATE),
    ("s3:PutObject", STATE),
    ("s3:DeleteObject", f"{STATE}.tflock"),
    ("s3:ListBucket", BUCKET),
    ("s3:CreateBucket", OTHERS_BUCKET),
    ("s3:DeleteBucket", OTHERS_BUCKET),
    ("s3:PutBucketPolicy", OTHERS_BUCKET),
    ("kms:Decrypt", KEY),
    ("kms:GenerateDataKey", KEY),
    ("kms:ScheduleKeyDeletion", OTHERS_KEY),
    ("dynamodb:PutItem", TABLE),
    ("ssm:GetParameter", PARAMETER),
    *((action, it) for action in ("iam:CreateRole", "iam:PutRolePolicy") for it in OTHERS_ROLES),
    ("sts:AssumeRole", PROVISIONER),
    ("sts:AssumeRole", BREAK_GLASS),
    ("events:PutRule", OTHERS_RULE),
    ("cloudformation:DescribeStackEvents", STACK),
)
"""What nobody is refused."""


class Question(NamedTuple):
    """May *who* do *action* on *resource*, setting tags of these keys?"""

    action: str
    resource: str
    who: str
    tags: tuple[str, ...] = ()


REFUSED = [
    *(
        Question(action, resource, who)
        for resources, (actions, _) in PROTECTED.items()
        for resource in resources
        for action in actions
        for who in SOMEBODY
    ),
    *(Question(*it, who, tags) for it in MARKING for who in SOMEBODY for tags in MARKS),
]
LET_THROUGH = [
    *(
        Question(action, resource, who)
        for resources, (actions, exempt) in PROTECTED.items()
        for resource in resources
        for action in actions
        for who in exempt
    ),
    *(Question(*it, who) for it in OPEN for who in (*SOMEBODY, PROVISIONER)),
    *(Question(*it, who, tags) for it in MARKING for who in BY_STATEHOLD for tags in MARKS),
    *(Question(*it, who, tags) for it in MARKING for who in SOMEBODY for tags in OTHER_MARKS),
]


def context(question: Question) -> dict[str, list[str]]:
    tagged = {"aws:ResourceTag/StateholdBackend": ["tfstate"]} if question.resource == KEY else {}
    tagging = {"aws:TagKeys": list(question.tags)} if question.tags else {}
    return {"aws:PrincipalArn": [question.who]} | tagged | tagging


def refused(question: Question) -> bool:
    access = Access(
        action=question.action,
        resource=question.resource,
        caller=Caller(arn=question.who, account=ACCOUNT),
        context={name.lower(): values for name, values in context(question).items()},
    )
    return judge([POLICY], access).denied


def test_it_is_no_longer_than_organizations_takes():
    assert len(PATH.read_text()) <= LARGEST


def test_it_only_refuses():
    assert {it["Effect"] for it in POLICY["Statement"]} == {"Deny"}
    assert all(it["Condition"]["ArnNotLike"]["aws:PrincipalArn"] for it in POLICY["Statement"])


@pytest.mark.parametrize("statement", POLICY["Statement"], ids=lambda it: it["Sid"])
def test_its_actions_exist(statement):
    for action in listed(statement["Action"]):
        assert expanded(action), f"IAM knows no action {action}"


def test_it_refuses_what_would_take_statehold_out():
    assert [it for it in REFUSED if not refused(it)] == []


def test_it_stops_neither_statehold_nor_control_tower_nor_stack_sets_nor_clients():
    assert [it for it in LET_THROUGH if refused(it)] == []


def test_it_stops_nothing_that_our_role_may_do():
    may = {action for it in (*RESOURCES, *CONTROLS) for action in it.permissions}
    about = (BUCKET, LOGS, TABLE, ALIAS, KEY, PARAMETER, "*")
    asked = [Question(it, on, PROVISIONER, MARKS[0]) for it in sorted(may) for on in about]

    assert [it for it in asked if refused(it)] == []


def test_it_leaves_no_way_to_change_who_is_break_glass():
    reading = ("generate", "get", "list", "simulate")
    changes = {
        f"iam:{name}"
        for name, it in KNOWN["iam"]["Actions"].items()
        if "role" in it.get("Resources", ()) and not name.startswith(reading)
    }
    # To hand a role to a service changes nothing about it; a service's own role has its own path.
    changes -= {"iam:passrole", "iam:createservicelinkedrole", "iam:deleteservicelinkedrole"}

    assert "iam:updateassumerolepolicy" in changes
    asked = [Question(it, BREAK_GLASS, ADMINISTRATOR) for it in sorted(changes)]
    assert [it for it in asked if not refused(it)] == []


@pytest.mark.parametrize(
    ("actions", "resource"),
    [
        (("s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObjectVersion"), BUCKET),
        (
            tuple(it for it in bucket_policy.CONFIGURATION_ACTIONS if ":PutBucket" in it),
            BUCKET,
        ),
        (tuple(it for it in key_policy.DELETION_ACTIONS if "Alias" not in it), KEY),
    ],
)
def test_the_root_is_refused_what_the_backends_own_policies_refuse_to_others(actions, resource):
    assert actions
    assert [it for it in actions if not refused(Question(it, resource, ROOT_USER))] == []


def test_an_independent_judge_says_the_same():
    if simulator.MISSING:
        pytest.skip(simulator.MISSING)

    answers = dict(zip([*REFUSED, *LET_THROUGH], simulated([*REFUSED, *LET_THROUGH]), strict=True))

    assert set(answers.values()) <= {"Allowed", "ExplicitlyDenied", "ImplicitlyDenied"}
    denied = {it for it, answer in answers.items() if answer == "ExplicitlyDenied"}
    assert denied == set(REFUSED)


def simulated(questions: list[Question]) -> list[str]:
    """
    iam-simulate's answers, where IAM allows everybody everything but what the policy refuses.

    What a key's or a role's own policy would have to allow is denied implicitly.
    """
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = {**POLICY, "Statement": [everything, *POLICY["Statement"]]}
    lines: list[dict[str, Any]] = [{"policy": "scp", "document": document}]
    for it in questions:
        asked = {
            "action": it.action,
            "principal": it.who,
            "resource": {"resource": it.resource, "accountId": ACCOUNT},
            "contextVariables": context(it),
        }
        lines.append({"resourcePolicy": None, "identityPolicy": "scp", "request": asked})
    done = subprocess.run(
        ["node", "simulate.mjs"],
        cwd=simulator.HERE,
        input="\n".join(map(json.dumps, lines)),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line)["answer"] for line in done.stdout.splitlines()]
