"""Load balancers: forward actions over several target groups, which the server reduces to the first one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.services import alb
from ministack.services.cloudformation import provisioners

_Action = dict[str, Any]
_Parameters = Mapping[str, Any]


def install() -> None:
    """Weighted groups come in by the API and by templates, and are read back."""
    parse, show = alb._parse_actions, alb._action_xml
    declared = provisioners._elbv2_listener_actions

    def parse_actions(parameters: _Parameters, prefix: str = "DefaultActions") -> list[_Action]:
        actions: list[_Action] = parse(parameters, prefix)
        for number, action in enumerate(actions, start=1):
            groups = _groups(parameters, f"{prefix}.member.{number}.ForwardConfig.TargetGroups.member")
            _spread(action, groups)
        return actions

    def action_xml(action: _Action) -> str:
        groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
        shown: str = show(action)
        if not groups:
            return shown
        members = "".join(
            f"<member><TargetGroupArn>{escape(group['TargetGroupArn'])}</TargetGroupArn>"
            f"<Weight>{group['Weight']}</Weight></member>"
            for group in groups
        )
        config = f"<ForwardConfig><TargetGroups>{members}</TargetGroups></ForwardConfig>"
        return shown.removesuffix("</member>") + config + "</member>"

    def listener_actions(
        properties: _Parameters, balancer: str | None, prop: str = "DefaultActions"
    ) -> list[_Action]:
        actions: list[_Action] = declared(properties, balancer, prop)
        for action, given in zip(actions, properties.get(prop) or [], strict=True):
            _spread(action, (given.get("ForwardConfig") or {}).get("TargetGroups") or [])
        return actions

    alb._parse_actions = parse_actions
    alb._action_xml = action_xml
    provisioners._elbv2_listener_actions = listener_actions


def _groups(parameters: _Parameters, prefix: str) -> list[_Action]:
    groups: list[_Action] = []
    while arn := alb._p(parameters, f"{prefix}.{len(groups) + 1}.TargetGroupArn"):
        weight = alb._p(parameters, f"{prefix}.{len(groups) + 1}.Weight") or "1"
        groups.append({"TargetGroupArn": arn, "Weight": weight})
    return groups


def _spread(action: _Action, groups: list[_Action]) -> None:
    """Keeps the groups of a forward action; ELB shows a single ARN only where there is one group."""
    if not groups:
        return
    kept = [{"TargetGroupArn": g["TargetGroupArn"], "Weight": int(g.get("Weight", 1))} for g in groups]
    action["ForwardConfig"] = {"TargetGroups": kept}
    action.pop("TargetGroupArn", None)
    if len(kept) == 1:
        action["TargetGroupArn"] = kept[0]["TargetGroupArn"]
