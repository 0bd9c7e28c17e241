"""WAFv2 web ACLs and the sets that they name: as CloudFormation spells them, kept as the API spells them.

The server keeps rules as a template has them, but clients of its API expect `ARN` where templates have `Arn`
and bytes in `SearchString` where templates have text: without this a rule that names a set names nothing.
"""

from __future__ import annotations

import base64
from typing import Any

from ministack.core.responses import get_region

from ops.local.types import api
from ops.local.types.registry import (
    Properties,
    Provisioned,
    ResourceType,
    built_in,
    call_built_in_delete,
    call_built_in_update,
    replace,
)
from ops.local.types.shapes import arguments

_SETS = ("IPSet", "RegexPatternSet", "RuleGroup")


def types() -> list[ResourceType]:
    """Web ACLs, and what their rules refer to."""
    return [_web_acl(), *(_set(kind) for kind in _SETS)]


def spelled_for_api(value: Any) -> Any:
    """A rule or a part of one from a template, in the API's spelling."""
    if isinstance(value, list):
        return [spelled_for_api(item) for item in value]
    if not isinstance(value, dict):
        return value
    spelled = {}
    for key, item in value.items():
        if key == "SearchString":
            spelled[key] = base64.b64encode(str(item).encode()).decode()
        elif key == "SearchStringBase64":
            spelled["SearchString"] = item
        else:
            spelled["ARN" if key == "Arn" else key] = spelled_for_api(item)
    return spelled


def _spelled(properties: Properties) -> Properties:
    return {**properties, "Rules": spelled_for_api(properties.get("Rules") or [])}


def _web_acl() -> ResourceType:
    name = "AWS::WAFv2::WebACL"
    shipped = built_in(name)

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        physical_id, attributes = shipped["create"](logical_id, _spelled(properties), stack)
        return str(physical_id), {
            **attributes,
            "LabelNamespace": "awswaf:000000000000:webacl:",
            "Capacity": "0",
        }

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        updated = call_built_in_update(shipped, pid, _spelled(old), _spelled(new), stack, logical_id)
        physical_id, attributes = updated
        return physical_id, {**attributes, "LabelNamespace": "awswaf:000000000000:webacl:", "Capacity": "0"}

    def delete(physical_id: str, properties: Properties) -> None:
        call_built_in_delete(shipped, physical_id, properties)

    return ResourceType(
        name,
        "real",
        "keeps the rules as the API spells them; the edge applies those that it can decide",
        "managed rule groups, bodies, challenges and capacity",
        create,
        update,
        delete,
    )


def _set(kind: str) -> ResourceType:
    name = f"AWS::WAFv2::{kind}"

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        given = {"Name": f"{stack}-{logical_id}", **_strings(kind, properties)}
        answer = api.call(
            "wafv2", f"Create{kind}", _home(given), **arguments("wafv2", f"Create{kind}", given)
        )
        made = answer["Summary"]
        physical_id = f"{made['Name']}|{made['Id']}|{given['Scope']}"
        return physical_id, {"Arn": made["ARN"], "Id": made["Id"]}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if any(old.get(key) != new.get(key) for key in ("Name", "Scope", "IPAddressVersion")):
            return replace(resource, pid, old, new, stack, logical_id)
        found = _named(pid)
        region = _home(new)
        got = api.call("wafv2", f"Get{kind}", region, **found)
        given = {**_strings(kind, new), **found, "LockToken": got["LockToken"]}
        api.call("wafv2", f"Update{kind}", region, **arguments("wafv2", f"Update{kind}", given))
        return pid, {"Arn": got[kind]["ARN"], "Id": found["Id"]}

    def delete(physical_id: str, properties: Properties) -> None:
        found, region = _named(physical_id), _home(properties)
        token = api.call("wafv2", f"Get{kind}", region, **found)["LockToken"]
        api.call("wafv2", f"Delete{kind}", region, **found, LockToken=token)

    resource = ResourceType(
        name,
        "real",
        f"calls wafv2 Create{kind}, Update{kind} and Delete{kind}",
        "quotas and timing of AWS",
        create,
        update,
        delete,
    )
    return resource


def _strings(kind: str, properties: Properties) -> Properties:
    """Expressions are plain text in a template and objects in the API."""
    if kind != "RegexPatternSet":
        return properties
    expressions = properties.get("RegularExpressionList") or []
    return {**properties, "RegularExpressionList": [{"RegexString": text} for text in expressions]}


def _named(physical_id: str) -> dict[str, str]:
    name, set_id, scope = physical_id.split("|")
    return {"Name": name, "Id": set_id, "Scope": scope}


def _home(properties: Properties) -> str:
    return "us-east-1" if properties.get("Scope") == "CLOUDFRONT" else str(get_region())
