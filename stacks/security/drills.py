"""Experiments of AWS Fault Injection Service for the drills: what fails, for how long, and what stops it.

An experiment is only ever started by hand. It finds its targets by the environment's tags, and ends at once
when the alarm of its region fires. Actions: "AWS FIS Actions reference".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import aws_fis as fis
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import Site
from stacks.naming import PROJECT
from stacks.security.drill_rights import statements

#: How long a network or a zone stays away (ISO 8601).
DURATION = "PT10M"

Action = fis.CfnExperimentTemplate.ExperimentTemplateActionProperty
Target = fis.CfnExperimentTemplate.ExperimentTemplateTargetProperty


@dataclass(frozen=True)
class Drill:
    """One experiment: the action, what it acts on, and how much of it."""

    name: str
    description: str
    action: str
    target_type: str
    target_name: str
    selection: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    target_parameters: Mapping[str, str] = field(default_factory=dict)


def drills(site: Site) -> list[Drill]:
    """The experiments of a region; its first zone is the one that is lost."""
    environment = site.environment
    zone = {"availabilityZoneIdentifier": environment.regions[site.region].availability_zones[0]}
    found = [
        Drill(
            "stop-tasks",
            "A third of the running tasks stop",
            "aws:ecs:stop-task",
            "aws:ecs:task",
            "Tasks",
            "PERCENT(34)",
        ),
        Drill(
            "lose-zone-network",
            "A zone's subnets lose their network",
            "aws:network:disrupt-connectivity",
            "aws:ec2:subnet",
            "Subnets",
            "ALL",
            {"scope": "all", "duration": DURATION},
            zone,
        ),
        Drill(
            "lose-zone-cache",
            "A zone's cache nodes lose their power",
            "aws:elasticache:replicationgroup-interrupt-az-power",
            "aws:elasticache:replicationgroup",
            "ReplicationGroups",
            "ALL",
            {"duration": DURATION},
            zone,
        ),
    ]
    if site.region in environment.data_regions:
        found.append(
            Drill(
                "fail-over-database",
                "The region's cluster fails over",
                "aws:rds:failover-db-cluster",
                "aws:rds:cluster",
                "Clusters",
                "ALL",
            )
        )
    for other in environment.permitted_regions:  # one that is not there yet is cut off already
        if other != site.region:
            found.append(
                Drill(
                    f"isolate-from-{other}",
                    f"Nothing goes to {other}",
                    "aws:network:route-table-disrupt-cross-region-connectivity",
                    "aws:ec2:subnet",
                    "Subnets",
                    "ALL",
                    {"region": other, "duration": DURATION},
                )
            )
    return found


class Drills(Construct):
    """A template for each drill, each with a role of its own that can do that drill alone."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        for drill in drills(site):
            self._template(drill)

    def _template(self, drill: Drill) -> None:
        site = self.site
        role, policy = self._role(drill)
        template = fis.CfnExperimentTemplate(
            self,
            drill.name,
            description=drill.description,
            role_arn=role.role_arn,
            tags={"Name": f"{site.names.prefix}-{drill.name}"},
            stop_conditions=[
                fis.CfnExperimentTemplate.ExperimentTemplateStopConditionProperty(
                    source="aws:cloudwatch:alarm",
                    value=(
                        f"arn:aws:cloudwatch:{site.region}:{site.account}:alarm:{site.names.region_alarm}"
                    ),
                )
            ],
            targets={
                "targets": Target(
                    resource_type=drill.target_type,
                    selection_mode=drill.selection,
                    resource_tags={"project": PROJECT, "environment": site.environment.name},
                    parameters=drill.target_parameters or None,
                )
            },
            actions={
                "fail": Action(
                    action_id=drill.action,
                    parameters=drill.parameters or None,
                    targets={drill.target_name: "targets"},
                )
            },
        )
        template.node.add_dependency(policy)

    def _role(self, drill: Drill) -> tuple[iam.Role, iam.ManagedPolicy]:
        site = self.site
        role = iam.Role(
            self,
            f"{drill.name}-role",
            assumed_by=iam.ServicePrincipal("fis.amazonaws.com").with_conditions(
                {"StringEquals": {"aws:SourceAccount": site.account}}
            ),
        )
        policy = iam.ManagedPolicy(
            self,
            f"{drill.name}-policy",
            description=drill.description,
            roles=[role],
            statements=statements(drill.action, site),
        )
        return role, policy
