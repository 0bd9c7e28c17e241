"""Application Auto Scaling: targets and policies. The server has neither the API nor the types.

Targets and policies are kept and read back; nothing scales by them. The CloudWatch alarms that target
tracking makes on AWS are not made.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import router
from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region

from ops.local.types import api
from ops.local.types.protocol import ActionError, answering
from ops.local.types.registry import Properties, Provisioned, ResourceType, replace
from ops.local.types.shapes import arguments

_SERVICE = "application-autoscaling"
_TARGETS: Any = AccountRegionScopedDict()
_POLICIES: Any = AccountRegionScopedDict()
_KEY = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_CANNOT_PROVE = "that anything scales"


def install() -> None:
    """Routes the service's requests here."""
    actions = {
        "RegisterScalableTarget": _register,
        "DeregisterScalableTarget": _deregister,
        "DescribeScalableTargets": _describe_targets,
        "PutScalingPolicy": _put_policy,
        "DeleteScalingPolicy": _delete_policy,
        "DescribeScalingPolicies": _describe_policies,
        "DescribeScheduledActions": lambda _given: {"ScheduledActions": []},
        "DescribeScalingActivities": lambda _given: {"ScalingActivities": []},
    }
    router.SERVICE_PATTERNS[_SERVICE] = {
        "target_prefixes": ["AnyScaleFrontendService"],
        "host_patterns": [r"application-autoscaling\."],
        "credential_scope": _SERVICE,
    }
    app.SERVICE_HANDLERS[_SERVICE] = answering(_SERVICE, actions)


def types() -> list[ResourceType]:
    """Every Application Auto Scaling type."""
    return [_target(), _policy()]


def _target() -> ResourceType:
    def create(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
        # CloudFormation's tags are a list, the API's a map.
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
        given = arguments(_SERVICE, "RegisterScalableTarget", {**properties, "Tags": tags})
        api.call(_SERVICE, "RegisterScalableTarget", **given)
        # The physical id of this type on AWS: the three parts of its key.
        parts = (properties["ResourceId"], properties["ScalableDimension"], properties["ServiceNamespace"])
        physical_id = "|".join(map(str, parts))
        return physical_id, {"Id": physical_id}

    def delete(_physical_id: str, properties: Properties) -> None:
        if _key(properties) in _TARGETS:
            api.call(_SERVICE, "DeregisterScalableTarget", **{part: properties[part] for part in _KEY})

    return _in_place(
        "AWS::ApplicationAutoScaling::ScalableTarget", "keeps the target's bounds", create, delete, _KEY
    )


def _policy() -> ResourceType:
    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        given = arguments(_SERVICE, "PutScalingPolicy", {"PolicyName": f"{stack}-{logical_id}", **properties})
        target = str(properties.get("ScalingTargetId", ""))
        if target and "ResourceId" not in given:
            given["ResourceId"], given["ScalableDimension"], given["ServiceNamespace"] = target.split("|")
        arn = str(api.call(_SERVICE, "PutScalingPolicy", **given)["PolicyARN"])
        return arn, {"Arn": arn}

    def delete(physical_id: str, _properties: Properties) -> None:
        for key, policy in _POLICIES.items():
            if policy["PolicyARN"] == physical_id:
                del _POLICIES[key]

    create_only = ("PolicyName", "ScalingTargetId", *_KEY)
    return _in_place(
        "AWS::ApplicationAutoScaling::ScalingPolicy", "keeps the policy", create, delete, create_only
    )


def _in_place(
    name: str,
    does: str,
    create: Callable[[str, Properties, str], Provisioned],
    delete: Callable[[str, Properties], None],
    create_only: tuple[str, ...],
) -> ResourceType:
    """A type whose create call also updates; a change of what identifies it replaces."""

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if any(old.get(part) != new.get(part) for part in create_only):
            return replace(resource, pid, old, new, stack, logical_id)
        return create(logical_id, new, stack)

    resource = ResourceType(name, "recorded", does, _CANNOT_PROVE, create, update, delete)
    return resource


def _key(given: dict[str, Any]) -> str:
    return "|".join(str(given.get(part, "")) for part in _KEY)


def _register(given: dict[str, Any]) -> dict[str, Any]:
    kept = _TARGETS.get(_key(given)) or {
        "CreationTime": time.time(),
        "ScalableTargetARN": f"arn:aws:application-autoscaling:{get_region()}:{get_account_id()}"
        f":scalable-target/{uuid.uuid4().hex}",
        "RoleARN": f"arn:aws:iam::{get_account_id()}:role/aws-service-role/"
        "ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
    }
    _TARGETS[_key(given)] = {**kept, **{name: value for name, value in given.items() if name != "Tags"}}
    return {"ScalableTargetARN": kept["ScalableTargetARN"]}


def _deregister(given: dict[str, Any]) -> dict[str, Any]:
    if _key(given) not in _TARGETS:
        raise ActionError(
            "ObjectNotFoundException", f"No scalable target found for {given.get('ResourceId')}."
        )
    del _TARGETS[_key(given)]
    for name in [name for name in _POLICIES if name.startswith(_key(given))]:
        del _POLICIES[name]
    return {}


def _describe_targets(given: dict[str, Any]) -> dict[str, Any]:
    wanted = given.get("ResourceIds")
    found = [t for t in _TARGETS.values() if _matches(t, given) and (not wanted or t["ResourceId"] in wanted)]
    return {"ScalableTargets": found}


def _put_policy(given: dict[str, Any]) -> dict[str, Any]:
    if _key(given) not in _TARGETS:
        raise ActionError(
            "ObjectNotFoundException", f"No scalable target found for {given.get('ResourceId')}."
        )
    name = f"{_key(given)}|{given['PolicyName']}"
    kept = _POLICIES.get(name) or {
        "CreationTime": time.time(),
        "Alarms": [],
        "PolicyARN": f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{uuid.uuid4()}"
        f":resource/{given['ServiceNamespace']}/{given['ResourceId']}:policyName/{given['PolicyName']}",
    }
    _POLICIES[name] = {**kept, **given}
    return {"PolicyARN": kept["PolicyARN"], "Alarms": []}


def _delete_policy(given: dict[str, Any]) -> dict[str, Any]:
    name = f"{_key(given)}|{given.get('PolicyName')}"
    if name not in _POLICIES:
        raise ActionError(
            "ObjectNotFoundException", f"No scaling policy found for {given.get('PolicyName')}."
        )
    del _POLICIES[name]
    return {}


def _describe_policies(given: dict[str, Any]) -> dict[str, Any]:
    names, resource = given.get("PolicyNames"), given.get("ResourceId")
    found = [
        p
        for p in _POLICIES.values()
        if _matches(p, given)
        and (not names or p["PolicyName"] in names)
        and (not resource or p["ResourceId"] == resource)
    ]
    return {"ScalingPolicies": found}


def _matches(held: dict[str, Any], given: dict[str, Any]) -> bool:
    fields = ("ServiceNamespace", "ScalableDimension")
    return all(not given.get(field) or held.get(field) == given[field] for field in fields)
