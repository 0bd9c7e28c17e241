"""One service calls another by its name, over HTTP and gRPC, and shows the token that the pool gives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ops.local import aws, paths
from tests.acceptance.client import eventually

REGION, CLUSTER, STACK = "eu-west-1", "richesreach-local", "richesreach-local-test-neighbours"
# What the stacks put into the environment of a service with `calls: [gateway]`.
CALLS = {"NEIGHBOUR_GATEWAY_HTTP": "http://gateway:8000", "NEIGHBOUR_GATEWAY_GRPC": "gateway-grpc:9000"}
# As a service calls a neighbour, with nothing that says where it runs.
PROGRAM = """
import asyncio, json, os
from richesreach.core.contracts.market.v1 import market_pb2 as market
from richesreach.core.metrics import Metrics
from richesreach.core.neighbourhood import Neighbourhood
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing

async def main():
    settings = Settings.from_environment(os.environ)
    neighbours = Neighbourhood(settings, metrics=Metrics(), tracing=Tracing(settings))
    while True:
        try:
            me = await neighbours.http("gateway").call("GET", "/api/users/me")
            asked = market.LatestPricesRequest(symbols=["AAPL", "NONE"])
            prices = await neighbours.rpc("gateway", market).call("LatestPrices", asked)
            said = {"me": me.json(), "region": me.headers["x-richesreach-region"],
                    "prices": [price.symbol for price in prices.prices], "unknown": [*prices.unknown_symbols]}
        except Exception as error:
            said = {"failed": repr(error)}
        print("ASKED " + json.dumps(said), flush=True)
        await asyncio.sleep(0.5)

asyncio.run(main())
"""


def pairs(given: dict[str, str], value: str) -> list[dict[str, str]]:
    return [{"Name": name, value: text} for name, text in given.items()]


def template(container: dict[str, Any], issued: str) -> dict[str, Any]:
    """A service whose tasks have the gateway's environment, and what those have that call others."""
    variables = {each["name"]: each["value"] for each in container["environment"]}
    secrets = {each["name"]: each["valueFrom"] for each in container["secrets"]}
    variables |= {
        "SERVICE_NAME": "asking",
        "IDENTITY_TOKEN_URL": "https://richesreach-local.auth.us-east-1.amazoncognito.com/oauth2/token",
        **CALLS,
    }
    for key in ("client_id", "client_secret"):
        secrets[f"SERVICE_{key.upper()}"] = f"{issued}:{key}::"
    asking = {
        "Name": "asking",
        "Image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/assets:1",
        "Essential": True,
        "Command": ["python", "-c", PROGRAM],
        "Environment": pairs(variables, "Value"),
        "Secrets": pairs(secrets, "ValueFrom"),
    }
    return {
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"Family": "asking", "ContainerDefinitions": [asking]},
        },
        "Asking": {
            "Type": "AWS::ECS::Service",
            "Properties": {
                "ServiceName": "asking",
                "Cluster": CLUSTER,
                "TaskDefinition": {"Ref": "Task"},
                "DesiredCount": 1,
                "ServiceConnectConfiguration": {"Enabled": True, "Namespace": CLUSTER},
            },
        },
    }


@pytest.fixture(scope="module")
def answers() -> Iterator[dict[str, Any]]:
    """What a task of another service was told, once it was told everything."""
    described = aws.client("ecs", REGION).describe_task_definition(taskDefinition="richesreach-local-gateway")
    container = described["taskDefinition"]["containerDefinitions"][0]
    issued = aws.client("secretsmanager", REGION).describe_secret(SecretId="richesreach/local/service-client")
    cloudformation = aws.client("cloudformation", REGION)
    body = json.dumps({"Resources": template(container, issued["ARN"])})
    log = paths.LOGS / f"task-{REGION}-asking-1.log"
    cloudformation.create_stack(StackName=STACK, TemplateBody=body)

    def said() -> dict[str, Any] | None:
        lines = log.read_text().splitlines() if log.exists() else []
        asked = [json.loads(line.removeprefix("ASKED ")) for line in lines if line.startswith("ASKED ")]
        return next((each for each in asked if "failed" not in each), None)

    try:
        yield eventually(said, "another service's task is answered by the gateway", 120)
    finally:
        cloudformation.delete_stack(StackName=STACK)
        states = aws.client("ecs", REGION)
        eventually(
            lambda: not any("/asking" in arn for arn in states.list_services(cluster=CLUSTER)["serviceArns"]),
            "the service of this test is gone",
            180,
        )


def test_a_neighbour_is_reached_by_its_name_in_the_own_region(answers: dict[str, Any]) -> None:
    assert answers["region"] == REGION


def test_a_service_is_known_to_its_neighbour_as_a_service(answers: dict[str, Any]) -> None:
    assert (answers["me"]["kind"], answers["me"]["roles"]) == ("service", ["service"])


def test_the_gateway_s_contract_answers_over_grpc(answers: dict[str, Any]) -> None:
    assert (answers["prices"], answers["unknown"]) == (["AAPL"], ["NONE"])
