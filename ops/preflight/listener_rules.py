"""A changed listener rule sets the weights of blue/green back: traffic would go to an emptied group.

docs/decisions/0005-blue-green-by-ecs.md tells why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Resource, Site

_RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
_MEND = (
    "deploy the services once more as they are, so that the first group serves again, or change the rule's"
    " conditions through the API; then deploy this"
)


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """Rules whose template changes while their second group serves."""
    for region in site.regions:
        changed = [rule for rule in _shifting(site, region) if _changes(site, rule)]
        moved = [rule for rule in changed if _moved(site, rule)]
        for rule in moved:
            yield report.failed(
                f"{rule.logical_id} changes, and its second target group is the one that serves",
                _MEND,
                region,
            )
        if not moved:
            yield report.ok(f"{len(changed)} rules change, each serves from its first group", region)


def _shifting(site: Site, region: str) -> Iterator[Resource]:
    """Rules that a blue/green deployment moves."""
    for service in site.resources("AWS::ECS::Service", region):
        for balancer in service.properties.get("LoadBalancers", []):
            advanced = balancer.get("AdvancedConfiguration", {})
            for key in ("ProductionListenerRule", "TestListenerRule"):
                logical_id = advanced.get(key, {}).get("Ref")
                whole = service.stack.resources.get(logical_id)
                if whole is not None and whole["Type"] == _RULE:
                    yield Resource(service.stack, logical_id, whole)


def _changes(site: Site, rule: Resource) -> bool:
    template = site.deployed_template(rule.stack) or {}
    before = template.get("Resources", {}).get(rule.logical_id)
    return before is not None and _compared(before) != _compared(rule.whole)


def _compared(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.get("Properties", {}).items() if key != "Tags"}


def _moved(site: Site, rule: Resource) -> bool:
    """Whether the group that the template gives all weight has none now."""
    arn = site.deployed_id(rule)
    groups = rule.properties["Actions"][0]["ForwardConfig"]["TargetGroups"]
    first = max(groups, key=lambda group: int(group["Weight"]))["TargetGroupArn"]["Ref"]
    group = Resource(rule.stack, first, rule.stack.resources[first])
    described = site.client("elbv2", rule.stack.region).describe_rules(RuleArns=[arn])["Rules"][0]
    weights = {
        each["TargetGroupArn"]: int(each.get("Weight", 1))
        for each in described["Actions"][0]["ForwardConfig"]["TargetGroups"]
    }
    return weights.get(site.deployed_id(group) or "", 0) == 0
