"""The independent judge is installed from a lock, byte for byte, and says what it cannot judge."""

from __future__ import annotations

import json

import pytest

from tests.matrix import simulator
from tests.matrix.backends import policy_of
from tests.matrix.cells import DEFAULT, Request, What, Who


def test_the_lock_names_each_package_by_its_hash_and_no_place_to_fetch_it_from() -> None:
    text = (simulator.HERE / "package-lock.json").read_text(encoding="utf-8")
    packages = {name: it for name, it in json.loads(text)["packages"].items() if name}

    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "://" not in text


def test_what_it_cannot_judge_is_an_error_and_no_answer() -> None:
    if simulator.MISSING:
        pytest.skip(simulator.MISSING)
    unheard = Request(who=Who.ROOT, action="s3:PutBucketOnFire", what=What.BUCKET)

    with pytest.raises(ValueError, match="PutBucketOnFire"):
        simulator.judge([simulator.Question(unheard, policy_of(DEFAULT, key=False))])
