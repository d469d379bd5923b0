"""
The page of error texts: every one of them is what a real client printed, in the situations that the
page names, and in each of these it printed one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.terraform import (
    Said,
    Vended,
    Workspace,
    aws_cli,
    changed,
    needs_aws_cli,
    needs_terraform,
    vend,
)
from tests.aws_double import AwsDouble, Fault
from tests.contract.templates import ROOT
from tests.contract.test_docs import fences
from tests.deployment import Deployment

pytestmark = [needs_terraform, needs_aws_cli]

APPLY = ("apply", "-auto-approve")
PAGE = (ROOT / "docs/client-errors.md").read_text()
NOT_RUN = "Not run here"
OWN_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@dataclass
class Site:
    """Backends, each vended when it is first asked for."""

    hub: Deployment
    folder: Path
    vended: dict[tuple[str, ...], Vended] = field(default_factory=dict)

    def backend(self, **properties: str) -> Vended:
        wanted = (*properties, *properties.values())
        if wanted not in self.vended:
            number = len(self.vended)
            folder = self.folder / str(number)
            self.vended[wanted] = vend(self.hub, f"22222222223{number}", folder, **properties)
        return self.vended[wanted]

    @property
    def files(self) -> Vended:
        return self.backend()

    @property
    def table(self) -> Vended:
        return self.backend(LockMode="dynamodb")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with AwsDouble() as aws:
        hub = Deployment(aws, {"BreakGlassPrincipalArns": "arn:aws:iam::*:role/BreakGlass"})
        yield Site(hub, tmp_path_factory.mktemp("clients"))


# ---- clients -------------------------------------------------------------------------------------


def client(vended: Vended, kind: str = "applier", **arguments: str | None) -> Workspace:
    """With the published block but for *arguments*, on a state of its own."""
    key = own_key(vended)
    return vended.copy(key, kind, block=changed(vended.block(key), arguments))


def begins(vended: Vended, **arguments: str | None) -> Said:
    """What such a one is told as it comes."""
    key = own_key(vended)
    return vended.fresh(key, role="Pipeline").backend(changed(vended.block(key), arguments))


def own_key(vended: Vended) -> str:
    return f"{vended.copies}/terraform.tfstate"


def administrator(vended: Vended) -> Workspace:
    return Workspace(
        folder=vended.folder / "administrator",
        aws=vended.backend.aws,
        principal=vended.backend.role("Administrator"),
    )


def s3api(copy: Workspace, vended: Vended, operation: str, *arguments: str) -> Said:
    place = ("--bucket", vended.backend.name)
    return aws_cli(copy, vended.backend.region, "s3api", operation, *place, *arguments)


def locked(vended: Vended, *arguments: str) -> Said:
    """What somebody is told while another holds the lock."""
    key = own_key(vended)
    other = vended.copy(key)
    with vended.copy(key).holding(*APPLY):
        return other.run(*arguments)


# ---- situations ----------------------------------------------------------------------------------

Case = Callable[[Site], Sequence[Said]]
CASES: dict[str, Case] = {}
"""Heading of the page -> all that clients said in the situations that are told below it."""


def below(heading: str) -> Callable[[Case], Case]:
    def added(case: Case) -> Case:
        CASES[heading] = case
        return case

    return added


@below("A lock file is held")
def lock_file(site: Site) -> Sequence[Said]:
    by_another = locked(site.files, "plan")
    copy = client(site.files)
    site.hub.aws.faults.add(Fault(kind="500_after", operation="PutObject"))
    return [by_another, copy.run(*APPLY)]


@below("A lock in the table is held")
def lock_item(site: Site) -> Sequence[Said]:
    return [locked(site.table, "plan")]


@below("That is not the lock")
def another_lock(site: Site) -> Sequence[Said]:
    other = "00000000-0000-0000-0000-000000000000"
    return [locked(vended, "force-unlock", "-force", other) for vended in (site.files, site.table)]


@below("The block has another encryption")
def another_encryption(site: Site) -> Sequence[Said]:
    other = site.files.backend.site.make_key("alias/another")
    bare = site.files.spec.key_arn.rpartition("/")[2]
    asked: tuple[dict[str, str | None], ...] = (
        {"kms_key_id": None},
        {"kms_key_id": other},
        {"kms_key_id": bare},
        {"kms_key_id": "alias/statehold"},
        {"kms_key_id": None, "sse_customer_key": OWN_KEY},
    )
    return [client(site.files, **arguments).run("plan") for arguments in asked]


@below("Your role may not lock")
def no_right_to_lock(site: Site) -> Sequence[Said]:
    return [client(vended, "reader").run("plan") for vended in (site.files, site.table)]


@below("The key is disabled")
def disabled_key(site: Site) -> Sequence[Said]:
    copy = client(site.files)
    kms, key = site.files.backend.client("kms", "BreakGlass"), site.files.spec.key_arn
    kms.disable_key(KeyId=key)
    told = copy.run("plan")
    kms.enable_key(KeyId=key)
    return [told]


@below("There is no such table")
def no_table(site: Site) -> Sequence[Said]:
    key = own_key(site.table)
    copy = site.table.fresh(key, role="Pipeline")
    everybody = Workspace(folder=copy.folder, aws=copy.aws, principal=copy.principal)
    everybody.backend(changed(site.table.block(key), {"dynamodb_table": "no-such-table"}))
    return [everybody.run("plan")]


@below("The state could not be saved")
def not_saved(site: Site) -> Sequence[Said]:
    return [
        client(site.table, kms_key_id=None).run(*APPLY),
        client(site.files, "planner").run(*APPLY),
        client(site.files, "reader").run(*APPLY, "-lock=false"),
    ]


@below("The digest is another")
def another_digest(site: Site) -> Sequence[Said]:
    key = own_key(site.table)
    copy = site.table.copy(key)
    copy.does(*APPLY)
    site.table.backend.put(key)
    return [copy.run("plan")]


@below("Forbidden without a reason")
def forbidden(site: Site) -> Sequence[Said]:
    vended = site.files
    listed = site.backend(StateAccessPrincipalArns="arn:aws:iam::222222222232:role/Other")
    key = own_key(vended)
    block = changed(vended.block(key), {"allowed_account_ids": None})
    outsider = listed.fresh(key, role="Pipeline")
    of_another_key = vended.fresh("another", role="Pipeline")
    stranger = site.table.fresh(key, role="Pipeline")
    in_clear = vended.fresh(key, role="Pipeline")
    in_clear.environment["AWS_ENDPOINT_URL"] = in_clear.aws.url
    clients = [(outsider, listed, listed.block(key))]
    clients += [(copy, vended, block) for copy in (of_another_key, stranger, in_clear)]
    get = ("get-object", "--key", key, "/dev/null")
    return [
        *(copy.backend(block) for copy, _, block in clients),
        *(s3api(copy, place, *get) for copy, place, _ in clients),
        s3api(in_clear, vended, "head-object", "--key", key),
    ]


@below("Credentials of another account")
def another_account(site: Site) -> Sequence[Said]:
    stranger = site.table.fresh("x", role="Pipeline")
    expected = ("--expected-bucket-owner", "999999999999")
    return [
        stranger.backend(site.files.block("x")),
        s3api(client(site.files), site.files, "list-objects-v2", *expected),
    ]


@below("The credentials have expired")
def expired(site: Site) -> Sequence[Said]:
    vended = site.files
    copy = client(vended)
    with copy.holding(*APPLY) as holder:
        copy.aws.expire(copy.environment["AWS_ACCESS_KEY_ID"])
    assert copy.errored
    return [holder.ended, copy.run("plan"), s3api(copy, vended, "list-objects-v2")]


@below("The bucket is in another Region")
def another_region(site: Site) -> Sequence[Said]:
    return [begins(site.files, region="eu-west-1")]


@below("There is no such bucket")
def no_bucket(site: Site) -> Sequence[Said]:
    return [begins(site.files, bucket="tfstate-no-such-bucket")]


@below("The block has changed")
def changed_block(site: Site) -> Sequence[Said]:
    copy = client(site.files)
    copy.folder.joinpath("backend.tf").write_text(site.files.block("another/terraform.tfstate"))
    return [copy.run("plan"), copy.run("init")]


@below("The deprecated table")
def deprecated(site: Site) -> Sequence[Said]:
    copy = client(site.table)
    copy.does("plan", "-out=tfplan")
    return [copy.run("apply", "tfplan")]


@below("The CLI writes with another encryption")
def cli_encryption(site: Site) -> Sequence[Said]:
    key = own_key(site.files)
    copy = site.files.copy(key)
    other = site.files.backend.site.make_key("alias/one-more")
    sse = "--server-side-encryption"
    asked = (
        (sse, "AES256"),
        (sse, "aws:kms"),
        (sse, "aws:kms", "--ssekms-key-id", other),
        ("--sse-customer-algorithm", "AES256", "--sse-customer-key", OWN_KEY),
    )
    return [s3api(copy, site.files, "put-object", "--key", key, *headers) for headers in asked]


@below("Nothing is deleted")
def deleted(site: Site) -> Sequence[Said]:
    vended, key = site.files, own_key(site.files)
    vended.copy(key).does(*APPLY)
    admin, region = administrator(vended), vended.backend.region
    which = ("--key", key, "--version-id", vended.versions(key)[0])
    return [
        aws_cli(admin, region, "s3", "rm", f"s3://{vended.backend.name}/{key}"),
        s3api(admin, vended, "delete-object", *which),
        s3api(admin, vended, "delete-bucket"),
    ]


@below("Settings are not yours to change")
def reconfigured(site: Site) -> Sequence[Said]:
    off = ("--versioning-configuration", "Status=Suspended")
    return [s3api(administrator(site.files), site.files, "put-bucket-versioning", *off)]


# ---- the page ------------------------------------------------------------------------------------


def sections() -> dict[str, str]:
    """Heading -> what is below it."""
    parts = (part.partition("\n") for part in PAGE.split("\n## ")[1:])
    return {heading: body for heading, _, body in parts}


def texts(heading: str) -> list[str]:
    return [body for language, body in fences(sections()[heading]) if language == "text"]


def fits(text: str, said: Said) -> bool:
    """Whether *text*, with anything for what stands in ``<…>``, is in what was said."""
    words = re.split(r"<[^>]*>", " ".join(text.split()))
    return re.search(".+?".join(map(re.escape, words)), said.text) is not None


@pytest.mark.parametrize("heading", CASES)
def test_the_page_shows_what_clients_say(heading: str, site: Site) -> None:
    shown = texts(heading)

    told = CASES[heading](site)

    for text in shown:
        assert any(fits(text, said) for said in told), (text, [said.text for said in told])
    for said in told:
        assert any(fits(text, said) for text in shown), said.text


def test_every_section_with_a_text_is_a_case_here() -> None:
    assert [heading for heading in sections() if heading != NOT_RUN] == list(CASES)
    assert texts(NOT_RUN) == []


def test_every_section_is_found_by_its_text() -> None:
    """The table at the top leads to each, by words that stand in it."""
    index = PAGE.partition("\n## ")[0]
    rows = re.findall(r"^\| (.*`.*) \| \[.*\]\(#(.*)\) \|$", index, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", it).lower().replace(" ", "-"): it for it in sections()}

    assert {anchor for _, anchor in rows} == set(anchors) - {"not-run-here"}
    for words, anchor in rows:
        shown = " ".join(" ".join(texts(anchors[anchor])).split())
        for word in re.findall(r"`(.*?)`", words):
            assert word in shown, word
