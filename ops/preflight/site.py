"""What the checks look at: an environment, its stacks as they would be deployed, and their account."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from ops import account
from ops.plan import deployed
from ops.plan.assembly import Stack, Template
from stacks.environment import Environment
from stacks.manifest import Manifest

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=20)


@dataclass(frozen=True)
class Resource:
    """One resource of a stack."""

    stack: Stack
    logical_id: str
    whole: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        properties: Mapping[str, Any] = self.whole.get("Properties", {})
        return properties


@dataclass(frozen=True)
class Site:
    """``account`` is the caller's, or None where there are no credentials: then nothing of AWS is asked."""

    environment: Environment
    stacks: Mapping[str, Stack]
    manifests: Sequence[Manifest]
    account: str | None
    _physical: dict[str, dict[str, str]] = field(default_factory=dict, compare=False)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict, compare=False)
    _lock: Any = field(default_factory=threading.Lock, compare=False)

    @functools.cached_property
    def regions(self) -> list[str]:
        return sorted({stack.region for stack in self.stacks.values()})

    def client(self, service: str, region: str) -> Any:
        """A boto3 client of the environment's AWS: made once, and by one thread at a time, as boto3 asks."""
        with self._lock:
            if (service, region) not in self._clients:
                made = account.client(self.environment.name, service, region, _CONFIG)
                self._clients[service, region] = made
            return self._clients[service, region]

    def resources(self, kind: str, region: str | None = None) -> Iterator[Resource]:
        """Resources of one type, of every region or of one."""
        for stack in self.stacks.values():
            for logical_id, whole in stack.resources.items():
                if whole["Type"] == kind and region in (None, stack.region):
                    yield Resource(stack, logical_id, whole)

    def deployed_id(self, resource: Resource) -> str | None:
        """Physical id of a resource as it is deployed now; None where it is not."""
        name = resource.stack.name
        if name not in self._physical:
            self._physical[name] = self._listed(resource.stack)
        return self._physical[name].get(resource.logical_id)

    def deployed_ids(self, kind: str, region: str) -> set[str]:
        """Physical ids of the environment's own resources of one type."""
        found = (self.deployed_id(resource) for resource in self.resources(kind, region))
        return {each for each in found if each}

    def deployed_template(self, stack: Stack) -> Template | None:
        """The template of a stack as it is deployed now; None where it is not."""
        formation = self.client("cloudformation", stack.region)
        try:
            return deployed.template(formation, stack.name)
        except ClientError as error:
            _refuse_all_but_missing(error)
            return None

    def _listed(self, stack: Stack) -> dict[str, str]:
        formation = self.client("cloudformation", stack.region)
        try:
            pages = formation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
            return {
                each["LogicalResourceId"]: each["PhysicalResourceId"]
                for page in pages
                for each in page["StackResourceSummaries"]
                if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
            }
        except ClientError as error:
            _refuse_all_but_missing(error)
            return {}


def _refuse_all_but_missing(error: ClientError) -> None:
    """CloudFormation calls a stack that does not exist a validation error."""
    if error.response["Error"]["Code"] != "ValidationError":
        raise error
