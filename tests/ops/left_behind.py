"""A stack of environment ``local`` in a region that its file does not name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from ops.local import aws

REGION = "eu-central-1"
STACK = f"richesreach-local-{REGION}-network"
TEMPLATE = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


@contextmanager
def left_behind(name: str = STACK) -> Iterator[None]:
    formation = aws.client("cloudformation", REGION)
    formation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    try:
        yield
    finally:
        formation.delete_stack(StackName=name)
        formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
