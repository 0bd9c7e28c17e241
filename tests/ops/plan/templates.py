"""Small stacks for the tests of the plan."""

from typing import Any

from ops.plan.assembly import Stack

REGION = "eu-west-1"


def resource(kind: str, construct: str = "", **properties: Any) -> dict[str, Any]:
    """A resource as the CDK writes it; ``construct`` is its path below the stack."""
    path = {"aws:cdk:path": f"richesreach-prod-{REGION}-data/{construct}/Resource"} if construct else {}
    return {"Type": kind, "Properties": properties, "Metadata": path}


def stack(resources: dict[str, Any], region: str = REGION, area: str = "data") -> Stack:
    name = f"richesreach-prod-{region}-{area}"
    return Stack(name, region, "111111111111", {"Resources": resources})
