"""What a service's tasks may ask of Bedrock: the families of models that its manifest names."""

from __future__ import annotations

import pytest

from tests.stacks.assembly import Assembly

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
FAMILIES = ("anthropic.claude", "amazon.nova", "amazon.titan-embed")


@pytest.mark.parametrize("region", REGIONS)
def test_the_router_asks_its_families_of_models_and_no_other_service_asks_any(
    region: str, prod: Assembly
) -> None:
    asking = {
        policy.logical_id: statement
        for policy in prod.policies(region, "ecs")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "bedrock:" in str(statement["Action"])
    }
    assert {name.partition("TaskPolicy")[0] for name in asking} == {"airouter"}
    for statement in asking.values():
        assert statement["Action"] == ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        ends = [arn.rpartition("/")[2] for arn in statement["Resource"]]
        assert sorted(ends) == sorted(f"{place}{family}*" for family in FAMILIES for place in ("", "*."))
