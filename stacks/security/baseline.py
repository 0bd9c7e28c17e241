"""What exists once per account and region: GuardDuty, AWS Config, Security Hub, the scan of images.

The account's public access block of S3 and the default encryption of EBS have no CloudFormation type; a
Config rule watches each, and docs/security.md says how they are set.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_config as config
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_guardduty as guardduty
from aws_cdk import aws_iam as iam
from aws_cdk import aws_securityhub as securityhub
from constructs import Construct

from stacks.base import Site
from stacks.security.rules import GLOBAL_RULES, RULES
from stacks.security.state import CONFIG_PREFIX

#: Protection plans of GuardDuty that watch something the platform has: no EKS, no EC2 instances of its own.
FEATURES = ("S3_DATA_EVENTS", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS")

#: Repositories of images in every bootstrap of the CDK, whatever its qualifier.
IMAGE_REPOSITORIES = "cdk-*-container-assets-*"

Feature = guardduty.CfnDetector.CFNFeatureConfigurationProperty
AgentManagement = guardduty.CfnDetector.CFNFeatureAdditionalConfigurationProperty


class ThreatDetection(Construct):
    """GuardDuty; its agent joins Fargate tasks by itself."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        runtime = Feature(
            name="RUNTIME_MONITORING",
            status="ENABLED",
            additional_configuration=[AgentManagement(name="ECS_FARGATE_AGENT_MANAGEMENT", status="ENABLED")],
        )
        guardduty.CfnDetector(
            self,
            "Detector",
            enable=True,
            finding_publishing_frequency="FIFTEEN_MINUTES",
            features=[*(Feature(name=name, status="ENABLED") for name in FEATURES), runtime],
        )


class ConfigurationRecord(Construct):
    """Every resource's configuration over time, delivered to the audit bucket, and the rules that read it."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, key_arn: str) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        role = self._role()
        delivery = self._delivery(role, key_arn)
        recorder = config.CfnConfigurationRecorder(
            self,
            "Recorder",
            name=site.names.prefix,
            role_arn=role.role_arn,
            recording_group=config.CfnConfigurationRecorder.RecordingGroupProperty(
                all_supported=True,
                include_global_resource_types=site.is_home,  # once is enough
            ),
        )
        channel = config.CfnDeliveryChannel(
            self,
            "Channel",
            name=site.names.prefix,
            s3_bucket_name=self._bucket,
            s3_key_prefix=CONFIG_PREFIX,
            config_snapshot_delivery_properties=(
                config.CfnDeliveryChannel.ConfigSnapshotDeliveryPropertiesProperty(
                    delivery_frequency="TwentyFour_Hours"
                )
            ),
        )
        # A recorder starts when it has a channel, so that CloudFormation makes the two at once: neither may
        # wait for the other, and the channel is tried out when it is made.
        recorder.node.add_dependency(delivery)
        channel.node.add_dependency(delivery)
        for identifier in [*RULES, *(GLOBAL_RULES if site.is_home else ())]:
            rule = config.CfnConfigRule(
                self,
                identifier,
                config_rule_name=f"{site.names.prefix}-{identifier.lower().replace('_', '-')}",
                source=config.CfnConfigRule.SourceProperty(owner="AWS", source_identifier=identifier),
            )
            rule.add_resource_dependency(recorder)
            rule.add_resource_dependency(channel)

    @property
    def _bucket(self) -> str:
        return self.site.names.audit_bucket(self.site.account, self.site.environment.home_region)

    def _role(self) -> iam.Role:
        return iam.Role(
            self,
            "Role",
            description="AWS Config reads the configuration of every resource",
            assumed_by=iam.ServicePrincipal("config.amazonaws.com").with_conditions(
                {"StringEquals": {"aws:SourceAccount": self.site.account}}
            ),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AWS_ConfigRole")],
        )

    def _delivery(self, role: iam.Role, key_arn: str) -> iam.ManagedPolicy:
        """Config writes to the bucket with its role; ``key_arn`` is of the bucket's key."""
        site = self.site
        return iam.ManagedPolicy(
            self,
            "Delivery",
            description="AWS Config delivers to the audit bucket",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    sid="CheckTheBucket",
                    actions=["s3:GetBucketAcl", "s3:ListBucket"],
                    resources=[f"arn:aws:s3:::{self._bucket}"],
                ),
                iam.PolicyStatement(
                    sid="Deliver",
                    actions=["s3:PutObject"],
                    resources=[f"arn:aws:s3:::{self._bucket}/{CONFIG_PREFIX}/AWSLogs/{site.account}/*"],
                ),
                iam.PolicyStatement(
                    sid="Encrypt",
                    actions=["kms:GenerateDataKey"],
                    resources=[key_arn],
                ),
            ],
        )


class ImageScanning(Construct):
    """ECR looks every image over when it is pushed, for known flaws of Debian's packages.

    The repositories' own setting is deprecated for the registry's, of which a region has one. What is in the
    Python libraries is audited where an image is built.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        settings = ecr.CfnRegistryScanningConfiguration
        repositories = settings.RepositoryFilterProperty(filter=IMAGE_REPOSITORIES, filter_type="WILDCARD")
        settings(
            self,
            "Registry",
            scan_type="BASIC",
            rules=[
                settings.ScanningRuleProperty(
                    scan_frequency="SCAN_ON_PUSH", repository_filters=[repositories]
                )
            ],
        )


class Standards(Construct):
    """Security Hub with the standards of the file; it reads what Config and GuardDuty find."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site, standards: Sequence[str]) -> None:
        super().__init__(scope, construct_id)
        hub = securityhub.CfnHub(
            self, "Hub", enable_default_standards=False, control_finding_generator="SECURITY_CONTROL"
        )
        for standard in standards:
            subscription = securityhub.CfnStandard(
                self,
                standard.replace("/", "-"),
                standards_arn=f"arn:aws:securityhub:{site.region}::standards/{standard}",
            )
            subscription.add_resource_dependency(hub)
