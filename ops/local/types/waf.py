"""WAFv2: associations through the API; logging is recorded. Web ACLs and their sets: waf_api."""

from __future__ import annotations

from ops.local.types import api
from ops.local.types.recorded import recorded
from ops.local.types.registry import Properties, Provisioned, ResourceType, replace
from ops.local.types.through_api import delete_quietly

_NO_FILTER = "that a request is filtered"


def types() -> list[ResourceType]:
    """What a web ACL is attached to."""
    return [
        _association(),
        recorded("AWS::WAFv2::LoggingConfiguration", "{ResourceArn}", cannot_prove=_NO_FILTER),
    ]


def _association() -> ResourceType:
    def create(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
        target, acl = str(properties["ResourceArn"]), str(properties["WebACLArn"])
        api.call("wafv2", "AssociateWebACL", ResourceArn=target, WebACLArn=acl)
        return f"{acl}|{target}", {}

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        return replace(resource, pid, old, new, stack, logical_id)

    def delete(_physical_id: str, properties: Properties) -> None:
        delete_quietly("wafv2", "DisassociateWebACL", {"ResourceArn": properties["ResourceArn"]})

    resource = ResourceType(
        "AWS::WAFv2::WebACLAssociation",
        "real",
        "associates through the API",
        _NO_FILTER,
        create,
        update,
        delete,
    )
    return resource
