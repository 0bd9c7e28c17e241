"""A platform of three regions in a few resources: what the real one has of waves, weak references, alarms.

`network` makes a topic whose ARN `serving` and `edge` read weakly; `serving` holds a load balancer, so that
its region is at risk while it is deployed; `monitoring` holds an alarm that wakes somebody. In the home
region `edge` stands on every `serving`, and `data` keeps one of its two buckets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from ops.local import aws
from stacks.flags import FLAGS

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
HOME = REGIONS[0]
RUNBOOK = "https://runbooks.richesreach.example/region-impaired.md"


def stack_name(region: str, area: str) -> str:
    return f"richesreach-local-{region}-{area}"


def alarm_name(region: str) -> str:
    return f"richesreach-local-{region}-page"


def synthesise(
    folder: Path,
    *,
    topics: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    account: str = aws.ACCOUNT,
    broken: str = "",
    bucket: str = "small-data",
    protected: bool = False,
) -> Path:
    """A cloud assembly. ``topics`` names a region's topic (another name replaces it), ``values`` what its
    ``serving`` says; ``broken`` is the region whose ``serving`` no deployment survives, ``protected`` is
    whether CloudFormation keeps ``data`` from being deleted."""
    app = cdk.App(outdir=str(folder), context={**FLAGS, "@aws-cdk/core:validateAgainstDefaultRules": False})

    def stack(region: str, area: str) -> cdk.Stack:
        place = cdk.Environment(account=account, region=region)
        return cdk.Stack(app, stack_name(region, area), env=place, cross_region_references=True)

    def parameter(where: cdk.Stack, name: str, path: str, value: str) -> None:
        _add(where, name, "AWS::SSM::Parameter", Type="String", Name=path, Value=value)

    networks = {region: stack(region, "network") for region in REGIONS}
    names = {region: (topics or {}).get(region, f"first-{region}") for region in REGIONS}
    read = {
        region: _add(network, "Topic", "AWS::SNS::Topic", TopicName=names[region])
        for region, network in networks.items()
    }
    serving = {region: stack(region, "serving") for region in REGIONS}
    for region, each in serving.items():
        balancer = {"Name": f"small-{region}", "Subnets": ["subnet-1", "subnet-2"]}
        _add(each, "Balancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", **balancer)
        parameter(each, "Says", f"/small/{region}/says", (values or {}).get(region, "first"))
        parameter(each, "Reads", f"/small/{region}/reads", read[region].ref)
        if region == broken:
            parameter(each, "Broken", f"/small/{region}/says", "a name that is taken")
    edge = stack(HOME, "edge")
    parameter(edge, "Reads", "/small/edge/reads", read[REGIONS[1]].ref)
    for each in serving.values():
        edge.add_stack_dependency(each)
    for region in REGIONS[:2]:
        monitoring = stack(region, "monitoring")
        _add(monitoring, "Alarm", "AWS::CloudWatch::Alarm", **page(region))
        monitoring.add_stack_dependency(serving[region])
    data = stack(HOME, "data")
    data.termination_protection = protected
    _add(data, "Bucket", "AWS::S3::Bucket", BucketName=bucket).apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    _add(data, "Scratch", "AWS::S3::Bucket", BucketName="small-scratch")
    app.synth()
    return folder


def _add(stack: cdk.Stack, name: str, kind: str, **properties: Any) -> cdk.CfnResource:
    return cdk.CfnResource(stack, name, type=kind, properties=properties)


def page(region: str) -> dict[str, Any]:
    """The alarm of a region that wakes somebody; it stays in the state that it is set to."""
    return {
        "AlarmName": alarm_name(region),
        "AlarmDescription": f"Users suffer. Region: {region}. Severity: page. Runbook: {RUNBOOK}",
        "MetricName": "Failures",
        "Namespace": "Small",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
    }
