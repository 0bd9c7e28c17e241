"""Types that only need to exist for a template to deploy: their declaration is kept, nothing acts on it."""

from __future__ import annotations

from ops.local.types.recorded import recorded
from ops.local.types.registry import ResourceType

_ARN = "arn:aws:{service}:{{region}}:{{account}}:{path}"


def types() -> list[ResourceType]:
    """Every type that is recorded and no more."""
    return [
        recorded(name, ref, attributes, does="keeps the declaration")
        for name, (ref, attributes) in _DECLARED.items()
    ]


def _arn(service: str, path: str) -> str:
    return _ARN.format(service=service, path=path)


_DECLARED: dict[str, tuple[str, dict[str, str]]] = {
    "AWS::EC2::PrefixList": (
        "pl-{hex17}",
        {"PrefixListId": "{ref}", "Arn": _arn("ec2", "prefix-list/{ref}")},
    ),
    "AWS::Logs::QueryDefinition": ("{uuid}", {"QueryDefinitionId": "{ref}"}),
    "AWS::Logs::DeliverySource": ("{Name}", {"Arn": _arn("logs", "delivery-source:{Name}")}),
    "AWS::Logs::DeliveryDestination": ("{Name}", {"Arn": _arn("logs", "delivery-destination:{Name}")}),
    "AWS::Logs::Delivery": ("{hex17}", {"DeliveryId": "{ref}", "Arn": _arn("logs", "delivery:{ref}")}),
    "AWS::Logs::Destination": ("{DestinationName}", {"Arn": _arn("logs", "destination:{DestinationName}")}),
    "AWS::CloudFront::MonitoringSubscription": ("{DistributionId}", {}),
    "AWS::CloudFront::PublicKey": ("K{hex17}", {"Id": "{ref}"}),
    "AWS::CloudFront::KeyGroup": ("{uuid}", {"Id": "{ref}"}),
    "AWS::Route53::DNSSEC": ("{HostedZoneId}", {}),
    "AWS::Route53::KeySigningKey": ("{HostedZoneId}|{Name}", {}),
    "AWS::RDS::EventSubscription": ("{SubscriptionName}", {}),
    "AWS::RDS::DBProxy": (
        "{DBProxyName}",
        {"DBProxyArn": _arn("rds", "db-proxy:{ref}"), "Endpoint": "{ref}.proxy.{region}.rds.amazonaws.com"},
    ),
    "AWS::RDS::DBProxyTargetGroup": ("{stack}-{lid}", {"TargetGroupArn": _arn("rds", "target-group:{ref}")}),
    "AWS::Backup::BackupSelection": ("{uuid}", {"Id": "{ref}", "SelectionId": "{ref}"}),
    "AWS::Budgets::Budget": ("{stack}-{lid}", {}),
    "AWS::CE::AnomalyMonitor": ("arn:aws:ce::{account}:anomalymonitor/{uuid}", {"MonitorArn": "{ref}"}),
    "AWS::CE::AnomalySubscription": (
        "arn:aws:ce::{account}:anomalysubscription/{uuid}",
        {"SubscriptionArn": "{ref}", "AccountId": "{account}"},
    ),
    "AWS::CloudTrail::Trail": ("{TrailName}", {"Arn": _arn("cloudtrail", "trail/{ref}"), "SnsTopicArn": ""}),
    "AWS::AccessAnalyzer::Analyzer": (_arn("access-analyzer", "analyzer/{AnalyzerName}"), {"Arn": "{ref}"}),
    "AWS::GuardDuty::Detector": ("{hex17}", {"Id": "{ref}"}),
    "AWS::Config::ConfigurationRecorder": ("{Name}", {}),
    "AWS::Config::DeliveryChannel": ("{Name}", {}),
    "AWS::SecurityHub::Hub": (_arn("securityhub", "hub/default"), {"ARN": "{ref}"}),
    "AWS::Synthetics::Canary": ("{Name}", {"Id": "{uuid}", "State": "RUNNING"}),
    "AWS::FIS::ExperimentTemplate": ("EXT{hex17}", {"Id": "{ref}"}),
    "AWS::APS::Workspace": (
        _arn("aps", "workspace/ws-{uuid}"),
        {
            "Arn": "{ref}",
            "WorkspaceId": "ws-{uuid}",
            "PrometheusEndpoint": "https://aps-workspaces.{region}.amazonaws.com/workspaces/ws-{uuid}/",
        },
    ),
    "AWS::APS::RuleGroupsNamespace": (_arn("aps", "rulegroupsnamespace/{hex17}"), {"Arn": "{ref}"}),
    "AWS::MSK::ServerlessCluster": (
        _arn("kafka", "cluster/{ClusterName}/{uuid}"),
        {"Arn": "{ref}"},
    ),
    "AWS::XRay::Group": (_arn("xray", "group/{GroupName}"), {"GroupARN": "{ref}"}),
    "AWS::XRay::SamplingRule": (_arn("xray", "sampling-rule/{lid}"), {"RuleARN": "{ref}"}),
    "AWS::ApplicationSignals::ServiceLevelObjective": (
        _arn("application-signals", "slo/{Name}"),
        {"Arn": "{ref}"},
    ),
    "AWS::ResourceGroups::Group": ("{Name}", {"Arn": _arn("resource-groups", "group/{Name}")}),
    "AWS::ARCRegionSwitch::Plan": (_arn("arc-region-switch", "plan/{Name}"), {"Arn": "{ref}"}),
}
