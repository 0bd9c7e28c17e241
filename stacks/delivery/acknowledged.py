"""Findings of the policy packs that the delivery area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.regions import REGIONS

_IAM5 = "AwsSolutions::AwsSolutions-IAM5[Resource::{}]"
_STACKS = "the id of a stack is drawn when it is made; its name is this environment's"

_WIDE = {
    "*": "who lists stacks, or reads composite alarms, names none: AWS knows no resource for it",
    "arn:aws:s3:::cdk-hnb659fds-assets-{account}-{home}/richesreach/{environment}/runs/*": (
        "the record of a run is called after its time"
    ),
    **{
        f"arn:aws:cloudformation:{region}:{{account}}:stack/{name}/*": _STACKS
        for region in REGIONS
        for name in ("{prefix}-*", "CDKToolkit")
    },
}

#: No committed environment names a repository, so that `make policy` finds none of these.
ACKNOWLEDGED: tuple[Acknowledged, ...] = tuple(
    Acknowledged("DeployPolicy/Resource", _IAM5.format(resource), reason, outside_prod=True)
    for resource, reason in _WIDE.items()
)
