"""A running edge before the site of site.py, shared by the tests of a session."""

import json
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.aws_calls.recorder import RECORDED
from tests.ops.edge import lambdas
from tests.ops.edge.conftest import ROOT, LocalAws, Upstreams, eventually, free_port, process
from tests.ops.edge.site import HOST, ONE, PORT, TWO, deploy
from tests.ops.edge.site_firewall import web_acl_template

EVENTS = ("distributions", "waf_not_evaluated_locally")


@dataclass
class Site:
    """Where the edge answers, and what stands before and behind it."""

    url: str
    aws: LocalAws
    upstreams: Upstreams
    distribution: str
    child: subprocess.Popen[bytes]
    log: Path
    state: Path

    def session(self, address: str = "127.0.0.1") -> aiohttp.ClientSession:
        """A viewer at `address`."""
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        headers = {"Host": HOST}
        return aiohttp.ClientSession(self.url, headers=headers, connector=connector, auto_decompress=False)

    def invalidate(self, *paths: str) -> None:
        """As `aws cloudfront create-invalidation` does."""
        batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": " ".join(paths)}
        api = self.aws.client("cloudfront")
        api.create_invalidation(DistributionId=self.distribution, InvalidationBatch=batch)

    def facts(self) -> dict[str, Any]:
        """What run/edge.json says."""
        return dict(json.loads((self.state / "run" / "edge.json").read_text()))


def deploy_firewall(aws: LocalAws) -> str:
    """The ARN of a web ACL that CloudFormation made, with the set that it names."""
    addresses = {
        "Name": "blocked",
        "Scope": "CLOUDFRONT",
        "IPAddressVersion": "IPV4",
        "Addresses": ["127.99.0.0/16"],
    }
    resources = {
        "Addresses": {"Type": "AWS::WAFv2::IPSet", "Properties": addresses},
        "Acl": {
            "Type": "AWS::WAFv2::WebACL",
            "Properties": web_acl_template({"Fn::GetAtt": ["Addresses", "Arn"]}),
        },
    }
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Acl", "Arn"]}}}
    api = aws.client("cloudformation")
    api.create_stack(
        StackName="firewall", TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs})
    )

    def made() -> Any:
        stack = api.describe_stacks(StackName="firewall")["Stacks"][0]
        assert "ROLLBACK" not in stack["StackStatus"], stack
        return stack.get("Outputs") if stack["StackStatus"] == "CREATE_COMPLETE" else None

    return str(eventually(made, "the firewall stack")[0]["OutputValue"])


def start(stack: ExitStack, upstreams: Upstreams, state: Path) -> Site:
    """Everything; ended with the stack."""
    upstreams.start(ONE, PORT, "one")
    upstreams.start(TWO, PORT, "two")
    aws = LocalAws(free_port())
    env = {"GATEWAY_PORT": str(aws.port), "BIND_HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    launcher = [str(ROOT / ".venv-local/bin/python"), "-m", "ops.local.types"]
    stack.enter_context(process(launcher, env, state / "aws.log"))
    eventually(
        lambda: aws.client("sts").get_caller_identity() if _listens(aws) else None, "local AWS answers"
    )
    distribution = deploy(aws, deploy_firewall(aws), lambdas.deploy(aws))
    (state / "run").mkdir(parents=True)
    (state / "run" / "load-balancers.json").write_text("{}")
    port, log = free_port(), state / "edge.log"
    env = {"RICHESREACH_AWS_PORT": str(aws.port), "RICHESREACH_STATE_DIR": str(state)}
    child = stack.enter_context(process([*RECORDED, "ops.local.edge.cdn", "--port", str(port)], env, log))
    eventually(lambda: all(f'"{event}"' in log.read_text() for event in EVENTS), "the edge is configured")
    return Site(f"http://127.0.0.1:{port}", aws, upstreams, distribution, child, log, state)


def _listens(aws: LocalAws) -> bool:
    import socket  # noqa: PLC0415

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", aws.port)) == 0
