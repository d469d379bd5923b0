"""One account's backend, asked for through the hub, looked at and used as its clients do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.acceptance.peers import Site
from tests.aws_double import AwsDouble
from tests.aws_double.testing import allow, policy
from tests.deployment import Deployment

REGION = "eu-central-1"
NO_POLICY = '{"Statement": []}'


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One account's backend, to be asked for and looked at."""

    hub: Deployment
    account: str
    region: str = REGION

    @property
    def aws(self) -> AwsDouble:
        return self.hub.aws

    @property
    def site(self) -> Site:
        return Site(self.aws, self.account, self.region)

    def ask(self, properties: Mapping[str, Any] | None = None, operation: str = "reconcile") -> Any:
        event = {
            "operation": operation,
            "accountId": self.account,
            "region": self.region,
            "properties": dict(properties or {}),
        }
        invocation = self.hub.invoke("AccountVendedFunction", event)
        assert not invocation.error, invocation.error
        [report] = invocation.answer
        return report

    def role(self, name: str) -> str:
        return f"arn:aws:iam::{self.account}:role/{name}"

    def client(self, service: str, role: str = "Deployer") -> Any:
        return self.aws.client(service, principal=self.role(role), region=self.region, tls=True)

    def writes(self, since: int) -> list[str]:
        """What was changed outside of the hub's register and its event bus."""
        hubs = ("dynamodb:UpdateItem StateholdBackendRegister", "events:PutEvents")
        made = map(str, self.aws.writes(since))
        return [it for it in made if not it.startswith(hubs)]

    # ---- what there is -----------------------------------------------------------------------

    @property
    def name(self) -> str:
        names = [it.name for it in self.aws.world.buckets.values() if it.account == self.account]
        return next(it for it in names if "-logs-" not in it and not it.startswith("named-"))

    @property
    def log_bucket(self) -> str:
        return f"tfstate-logs-{self.account}-{self.region}-an"

    def setting(self, kind: str, bucket: str = "") -> Any:
        return self.aws.world.buckets[bucket or self.name].configuration(kind)

    @property
    def default(self) -> Any:
        return self.setting("encryption")["Rules"][0]

    def rule(self, name: str, bucket: str = "") -> Any:
        rules = {it["ID"]: it for it in self.setting("lifecycle", bucket)["Rules"]}
        return rules.get(f"Statehold{name}")

    @property
    def statements(self) -> dict[str, Any]:
        document = json.loads(self.aws.world.buckets[self.name].policy or NO_POLICY)
        return {it["Sid"].removeprefix("StateholdDeny"): it for it in document["Statement"]}

    @property
    def block(self) -> str:
        parameter = self.client("ssm").get_parameter(Name="/statehold/backend.hcl")
        return " ".join(parameter["Parameter"]["Value"].split())

    @property
    def tables(self) -> list[str]:
        return list(self.client("dynamodb").list_tables()["TableNames"])

    # ---- what can be done --------------------------------------------------------------------

    def put(self, key: str = "a/terraform.tfstate", role: str = "Deployer", **sse: str) -> Any:
        return self.client("s3", role).put_object(Bucket=self.name, Key=key, Body=b"{}", **sse)

    def get(self, key: str = "a/terraform.tfstate", role: str = "Deployer") -> Any:
        return self.client("s3", role).get_object(Bucket=self.name, Key=key)

    def delete(self, key: str = "a/terraform.tfstate", role: str = "Deployer", **which: str) -> Any:
        return self.client("s3", role).delete_object(Bucket=self.name, Key=key, **which)


def named_log_bucket(it: Backend) -> str:
    name = f"named-{it.account}"
    if name not in it.aws.world.buckets:
        it.site.make_bucket(name)
        delivery = allow(
            "s3:PutObject",
            f"arn:aws:s3:::{name}/*",
            Principal={"Service": "logging.s3.amazonaws.com"},
        )
        it.site.client("s3").put_bucket_policy(Bucket=name, Policy=policy(delivery))
    return name
