"""Stacks of a few resources, as a cloud assembly holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.plan.assembly import Stack


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def stack(
    *resources: dict[str, Any],
    region: str = "us-east-1",
    name: str = "data",
    outputs: Mapping[str, Any] | None = None,
    **named: dict[str, Any],
) -> Stack:
    """A stack of resources, by position where their logical id does not matter."""
    numbered = {f"Resource{number}": each for number, each in enumerate(resources)}
    template = {"Resources": {**numbered, **named}, "Outputs": dict(outputs or {})}
    return Stack(f"richesreach-test-{region}-{name}", region, "111111111111", template)
