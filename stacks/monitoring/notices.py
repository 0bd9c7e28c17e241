"""Events that are no metric: EventBridge tells the region's topics, in the shape of an alarm.

Nothing says when such a thing is over, so that its incident is closed by hand; while it is open, another
event of the same kind joins it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import Site
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.notification import Notification

#: GuardDuty's own bounds of its severities medium and high ("Severity levels", GuardDuty user guide).
MEDIUM, HIGH = 4, 7


@dataclass(frozen=True)
class Notice:
    """An event ``pattern``, and the path in the event that says what it is about."""

    condition: Condition
    pattern: Mapping[str, Any]
    about: str


def notices(site: Site) -> dict[str, tuple[Notice, ...]]:
    """What an environment may choose, by the word that it writes."""
    return {
        "deployments": (_deployment_failed(site),),
        "backups": (_backup_failed(),),
        "threats": (_threat_found(), _threat_suspected()),
        "compliance": (_rule_violated(site),),
    }


def _deployment_failed(site: Site) -> Notice:
    services = f"arn:aws:ecs:{site.region}:{site.account}:service/{site.names.cluster}/"
    return Notice(
        Condition(
            "deployment-failed",
            Severity.TICKET,
            "ECS sent a deployment back: the old revision serves, the new one does not.",
        ),
        {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Deployment State Change"],
            "resources": [{"prefix": services}],
            "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
        },
        "$.detail.reason",
    )


def _backup_failed() -> Notice:
    return Notice(
        Condition("backup-failed", Severity.TICKET, "A backup, or its copy, was not made."),
        {
            "source": ["aws.backup"],
            "detail-type": ["Backup Job State Change", "Copy Job State Change"],
            "detail": {"state": ["ABORTED", "EXPIRED", "FAILED"]},
        },
        "$.detail.resourceArn",
    )


def _threat_found() -> Notice:
    return Notice(
        Condition("threat-found", Severity.PAGE, "GuardDuty found a threat of high severity."),
        _finding([{"numeric": [">=", HIGH]}]),
        "$.detail.title",
    )


def _threat_suspected() -> Notice:
    return Notice(
        Condition(
            "threat-suspected",
            Severity.TICKET,
            "GuardDuty found something of medium severity.",
            runbook="threat-found",
        ),
        _finding([{"numeric": [">=", MEDIUM, "<", HIGH]}]),
        "$.detail.title",
    )


def _finding(severity: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "source": ["aws.guardduty"],
        "detail-type": ["GuardDuty Finding"],
        "detail": {"severity": [*severity]},
    }


def _rule_violated(site: Site) -> Notice:
    return Notice(
        Condition("rule-violated", Severity.TICKET, "A resource no longer is as a Config rule wants it."),
        {
            "source": ["aws.config"],
            "detail-type": ["Config Rules Compliance Change"],
            "detail": {
                "messageType": ["ComplianceChangeNotification"],
                "configRuleName": [{"prefix": f"{site.names.prefix}-"}],
                "newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]},
            },
        },
        "$.detail.configRuleName",
    )


class Notices(Construct):
    """Rules of the kinds that the environment chose, and the one role with which they publish."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        kinds: Sequence[str],
        notification: Notification,
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.notification = notification
        self.role, self.policy = self._role()
        known = notices(site)
        for kind in kinds:
            for notice in known[kind]:
                self._rule(notice)

    def _rule(self, notice: Notice) -> None:
        condition, site = notice.condition, self.site
        base = site.environment.monitoring.runbook_base_url.rstrip("/")
        description = (
            f"{condition.meaning} Region: {site.region}. Severity: {condition.severity}."
            f" Runbook: {base}/{condition.page}.md"
        )
        name = f"{site.names.prefix}-{condition.name}"
        message = (
            f'{{"AlarmName": "{name}", "NewStateValue": "ALARM",'
            f' "AlarmDescription": "{description}", "NewStateReason": <about>}}'
        )
        rule = events.CfnRule(
            self,
            condition.name,
            name=name,
            description=description,
            event_pattern=notice.pattern,
            targets=[
                events.CfnRule.TargetProperty(
                    id="topic",
                    arn=self.notification.topics[condition.severity].topic_arn,
                    role_arn=self.role.role_arn,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map={"about": notice.about}, input_template=message
                    ),
                )
            ],
        )
        rule.node.add_dependency(self.policy)

    def _role(self) -> tuple[iam.Role, iam.ManagedPolicy]:
        """With a role of its own EventBridge needs no statement in the topics' policies."""
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("events.amazonaws.com").with_conditions(
                {"StringEquals": {"aws:SourceAccount": self.site.account}}
            ),
        )
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="EventBridge tells the region's alarm topics of events",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    sid="Tell",
                    actions=["sns:Publish"],
                    resources=[topic.topic_arn for topic in self.notification.topics.values()],
                ),
                iam.PolicyStatement(
                    sid="Encrypt",
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[self.notification.key.key_arn],
                ),
            ],
        )
        return role, policy
