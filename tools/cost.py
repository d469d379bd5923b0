"""
What a backend costs a month, from list prices and stated usage. Pure: nothing is asked of anybody.

``python -m tools.generate`` writes docs/cost.md from this. Free tiers are left out, so that a
figure holds for the thousandth account as well as for the first.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from state_backend.telemetry import METRICS

DATE = "2026-11"
"""When the prices were written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A list price of us-east-1, in US dollars."""

    usd: float
    per: str
    source: str


PRICES = {
    "key": Price(usd=1.0, per="key and month", source="kms"),
    "rotation": Price(usd=1.0, per="month, from each of the first two rotations on", source="kms"),
    "KMS request": Price(usd=0.03 / 10_000, per="request", source="kms"),
    "S3 storage": Price(usd=0.023, per="GB and month", source="s3"),
    "S3 write": Price(usd=0.005 / 1_000, per="PUT, COPY, POST or LIST", source="s3"),
    "S3 read": Price(usd=0.0004 / 1_000, per="GET or any other; a DELETE is free", source="s3"),
    "DynamoDB write": Price(usd=0.625 / 1_000_000, per="KB written on demand", source="dynamodb"),
    "DynamoDB read": Price(usd=0.125 / 1_000_000, per="4 KB read consistently", source="dynamodb"),
    "Lambda time": Price(usd=0.0000133334, per="GB and second, arm64", source="lambda"),
    "Lambda request": Price(usd=0.20 / 1_000_000, per="request", source="lambda"),
    "state transition": Price(usd=0.025 / 1_000, per="transition", source="step-functions"),
    "log": Price(usd=0.50, per="GB taken in", source="cloudwatch"),
    "alarm": Price(usd=0.10, per="metric of an alarm and month", source="cloudwatch"),
    "metric": Price(usd=0.30, per="metric of ours and month", source="cloudwatch"),
    "dashboard": Price(usd=3.0, per="dashboard and month", source="cloudwatch"),
}
"""``source`` is the service's name in https://aws.amazon.com/<service>/pricing/."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the teams of one account do in a month."""

    states: int = 10
    state_kb: float = 100
    plans: int = 1_000
    applies: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way of running the hub."""

    name: str
    key: str = "own"
    """Or ``shared`` by all accounts, or none (``AES256``)."""
    logs: bool = True
    lock_table: bool = False
    sweeps_a_day: int = 1


SETTINGS = (
    Setting(name="every default: own key, access logs, lock file, a sweep a day"),
    Setting(name="`AccessLogs` `off`", logs=False),
    Setting(name="`LockMode` `dynamodb` or `both`", lock_table=True),
    Setting(
        name="a sweep every hour, if you started them (the schedule takes one a day at most)",
        sweeps_a_day=24,
    ),
    Setting(name="`KmsKeyArn`: one key for all accounts", key="shared"),
    Setting(name="`Encryption` `AES256`", key=""),
    Setting(
        name="`AES256`, no logs, no sweep: what common how-to guides build",
        key="",
        logs=False,
        lock_table=True,
        sweeps_a_day=0,
    ),
)

_DAYS = 30
_GB = 1024 * 1024
"""KB."""
_VERSIONS_KEPT = 100
_LOG_RECORD_KB = 0.6
_LOG_MONTHS = 12
_KMS_REQUESTS_A_RUN = 2
"""At most: with an S3 Bucket Key, S3 asks KMS far more rarely."""
_SWEEP_SECONDS, _SWEEP_GB = 0.7, 1.0
_SWEEP_TRANSITIONS, _SWEEP_LOG_KB = 2, 2
_SWEEP_READS, _SWEEP_KMS, _REGISTER_KB = 8, 4, 2
_MANY = 1_000
_YEARS = (1, 2, 3)


def account(setting: Setting, year: int, usage: Usage | None = None) -> dict[str, float]:
    """US dollars a month for one account, by what they are for, in its *year* (from 1)."""
    usage = usage or Usage()
    runs = usage.plans + usage.applies
    writes = 2 * usage.plans + 3 * usage.applies  # lock, LIST; an apply also writes the state
    reads = 3 * runs
    locks = 2 * runs + usage.applies  # taken, given back; a checksum with each state
    versions_kb = usage.state_kb * (
        usage.states + min(12 * usage.applies, _VERSIONS_KEPT * usage.states)
    )
    return {
        "key": _keys(1, year) if setting.key == "own" else 0.0,
        "requests for the key": (
            runs * _KMS_REQUESTS_A_RUN * _usd("KMS request") if setting.key else 0.0
        ),
        "requests for states and lock files": writes * _usd("S3 write") + reads * _usd("S3 read"),
        "states and their versions": versions_kb / _GB * _usd("S3 storage"),
        "access logs": _logs(writes + reads + runs) if setting.logs else 0.0,
        "lock table": (
            locks * _usd("DynamoDB write") + 2 * runs * _usd("DynamoDB read")
            if setting.lock_table
            else 0.0
        ),
        "sweep": setting.sweeps_a_day * _DAYS * _one_look(setting),
    }


def hub(resources: Mapping[str, int], setting: Setting, year: int) -> float:
    """US dollars a month for the hub itself, whatever the number of accounts."""
    keys = resources["AWS::KMS::Key"] + (1 if setting.key == "shared" else 0)
    return (
        _keys(keys, year)
        + resources["metrics of alarms"] * _usd("alarm")
        + len(METRICS) * _usd("metric")  # at most: what was not counted in a month is not billed
        + resources["AWS::CloudWatch::Dashboard"] * _usd("dashboard")
    )


def resources_of(template: str) -> Counter[str]:
    """How many resources of each type *template* makes, and how many metrics its alarms watch."""
    found = Counter(re.findall(r"^    Type: (AWS::\S+)$", template, re.MULTILINE))
    one = len(re.findall(r"^      MetricName:", template, re.MULTILINE))
    found["metrics of alarms"] = one + len(
        re.findall(r"^ +(?:- )?MetricStat:", template, re.MULTILINE)
    )
    return found


def _keys(number: int, year: int) -> float:
    return number * (_usd("key") + min(year - 1, 2) * _usd("rotation"))


def _logs(records: int) -> float:
    """A record a request, kept for a year; that S3 writes it is free."""
    return records * _LOG_RECORD_KB / _GB * _LOG_MONTHS * _usd("S3 storage")


def _one_look(setting: Setting) -> float:
    """One account in one sweep that finds nothing to change."""
    return (
        _SWEEP_SECONDS * _SWEEP_GB * _usd("Lambda time")
        + _usd("Lambda request")
        + _SWEEP_TRANSITIONS * _usd("state transition")
        + _SWEEP_READS * _usd("S3 read")
        + (_SWEEP_KMS * _usd("KMS request") if setting.key else 0.0)
        + 2 * _REGISTER_KB * _usd("DynamoDB write")
        + _SWEEP_LOG_KB / _GB * _usd("log")
    )


def _usd(name: str) -> float:
    return PRICES[name].usd


# The page.


def page(template: str) -> str:
    """docs/cost.md, for a hub made by *template*."""
    resources = resources_of(template)
    parts = (
        _HEAD,
        *("## An account, a month", "", *_accounts()),
        *("", f"## {_MANY:,} accounts and their hub, a month", "", *_thousand(resources)),
        *("", "## What moves the bill", "", *_parts(), "", *_MOVES.splitlines()),
        *("", "## What common how-to guides say", "", *_guides()),
        *("", "## What it is reckoned from", "", *_assumptions(), "", *_price_list()),
    )
    return "\n".join(parts) + "\n"


_HEAD = """\
# Cost

What a backend costs a month in us-east-1, by setting and by year: the rotation of a key adds to its
price in the second and the third year. Generated by `make generate` from
`tools/cost.py`, and checked by the tests. Free tiers are left out.
"""

_MOVES = """\
The key is nearly all of it. It is also what keeps one account's states unreadable to every other:
who shares one key (`KmsKeyArn`) or has none (`AES256`) saves almost the whole bill and gives that
up. There is no discount for many keys.

Of the rest, requests move it most: a pipeline that plans ten times as often pays ten times as much
for them, and all settings of ours together less than that. A sweep an hour instead of one a day,
if you started them, would cost more than the states do."""


def _accounts() -> Iterator[str]:
    yield from _table(
        ("setting", *(f"year {year}" + (" and later" if year == 3 else "") for year in _YEARS)),
        [
            (it.name, *(_money(sum(account(it, year).values())) for year in _YEARS))
            for it in SETTINGS
        ],
    )


def _thousand(resources: Mapping[str, int]) -> Iterator[str]:
    def bill(setting: Setting, year: int) -> float:
        return _MANY * sum(account(setting, year).values()) + hub(resources, setting, year)

    yield from _table(
        ("setting", *(f"year {year}" + (" and later" if year == 3 else "") for year in _YEARS)),
        [(it.name, *(_money(bill(it, year)) for year in _YEARS)) for it in SETTINGS[:-1]],
    )
    alone = hub(resources, SETTINGS[0], 1)
    yield ""
    yield from _prose(
        f"Of that the hub itself is {_money(alone)} in the first year, however many accounts there "
        "are: alarms, dashboard, metrics and the key of its topic."
    )


def _parts() -> Iterator[str]:
    default = SETTINGS[0]
    bill = account(default, 3)
    busy = account(default, 3, replace(Usage(), plans=10 * Usage().plans))
    total = sum(bill.values())
    yield from _table(
        ("every default, year 3", "an account", "share", "with ten times the plans"),
        [
            (name, _money(usd), f"{100 * usd / total:.1f} %", _money(busy[name]))
            for name, usd in sorted(bill.items(), key=lambda it: -it[1])
            if usd
        ],
    )


def _guides() -> Iterator[str]:
    setting, usage = SETTINGS[-1], Usage()
    small = replace(usage, states=3, plans=100, applies=20)
    of_small, of_usual, with_key = (
        sum(account(it, 1, use).values())
        for it, use in ((setting, small), (setting, usage), (SETTINGS[0], usage))
    )
    none, one = (
        sum(account(setting, 1, replace(usage, plans=0, applies=it)).values()) for it in (0, 1)
    )
    yield from _prose(
        'Guides put S3 and DynamoDB for a state and its locks "well under $0.05" a month. For a '
        f"small team ({small.plans} plans and {small.applies} applies of {small.states} states) "
        f"they are {_money(of_small)}; with the usage below {_money(of_usual)}; five cents are "
        f"reached at about {int((0.05 - none) / (one - none)):,} applies a month. So that is true, "
        f"but of no key: with one of its own a backend is {_money(with_key)} in the first year."
    )


def _assumptions() -> Iterator[str]:
    usage = Usage()
    yield from _prose(
        f"{usage.states} states of {usage.state_kb:.0f} KB, of each {_VERSIONS_KEPT} old versions; "
        f"{usage.plans:,} plans and {usage.applies} applies a month. A plan takes the lock, gives "
        "it back and lists the bucket; an apply writes the state too. For either of them S3 asks "
        f"KMS {_KMS_REQUESTS_A_RUN} times at most, since the bucket has a Bucket Key. A record of "
        f"an access log has {_LOG_RECORD_KB} KB and is kept for {_LOG_MONTHS} months. For each "
        f"account a sweep that finds nothing takes {_SWEEP_SECONDS} s of a function with "
        f"{_SWEEP_GB * 1024:.0f} MB, and {_SWEEP_TRANSITIONS} state transitions."
    )


def _price_list() -> Iterator[str]:
    yield from _prose(
        f"Prices as written down in {DATE}: KMS's from its page of that year, the others as they "
        "are generally known. Look at AWS's own page before you quote one."
    )
    yield ""
    yield from _table(
        ("price", "US dollars", "per", "page"),
        [
            (
                name,
                f"{it.usd:.10f}".rstrip("0").rstrip("."),
                it.per,
                f"[{it.source}](https://aws.amazon.com/{it.source}/pricing/)",
            )
            for name, it in PRICES.items()
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _prose(text: str) -> list[str]:
    return textwrap.wrap(text, width=100, break_long_words=False, break_on_hyphens=False)


def _money(usd: float) -> str:
    if usd >= 100:
        return f"${usd:,.0f}"
    return f"${usd:.2f}" if usd >= 0.1 else f"${usd:.4f}"
