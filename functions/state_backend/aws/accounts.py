"""
Whether an account is ours: Organizations' word, never an event's.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html
"""

from __future__ import annotations

from state_backend.calls import AwsError, Call, Invoke

_NOT_OURS = frozenset({"AccountNotFoundException", "AWSOrganizationsNotInUseException"})


def reason_to_ignore(invoke: Invoke, account: str) -> str:
    """
    Why *account* gets no backend; empty if it is an active account of the organization.

    Raises:
        AwsError: Organizations did not say.
    """
    try:
        answer = invoke(Call("organizations", "describe_account", {"AccountId": account}))
    except AwsError as error:
        if error.code in _NOT_OURS:
            return f"account {account} does not belong to the organization"
        raise
    # Status was retired in 2026; an older answer has nothing else.
    state = answer["Account"].get("State") or answer["Account"].get("Status", "")
    return "" if state == "ACTIVE" else f"account {account} is {state or 'of unknown state'}"
