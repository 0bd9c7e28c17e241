"""security: a region's analyzer, baseline and erasure; the trail where the audit bucket is."""

from __future__ import annotations

from aws_cdk import aws_accessanalyzer as accessanalyzer
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import PlatformStack, Site
from stacks.datalake.stack import DataLakeStack
from stacks.security.baseline import ConfigurationRecord, ImageScanning, Standards, ThreatDetection
from stacks.security.drills import Drills
from stacks.security.erasure import ErasureMachine, erasure_worker
from stacks.security.state import SecurityStateStack
from stacks.security.trail import Trail


class SecurityStack(PlatformStack):
    """``state`` holds the region's audit key; ``home`` is the home region's, with the audit bucket."""

    def __init__(
        self,
        scope: Construct,
        site: Site,
        *,
        state: SecurityStateStack,
        home: SecurityStateStack,
        vpc: ec2.IVpc,
        lake: DataLakeStack,
        secrets_key: kms.IKey,
        user_pool: cognito.IUserPool,
    ) -> None:
        super().__init__(scope, site, "security", description="Trail, analyzer, baseline, erasure")
        settings = site.environment.security
        self.add_stack_dependency(home, "what is recorded is delivered to the audit bucket")
        if settings.trail is not None and state.bucket is not None:
            Trail(self, "Trail", site=site, settings=settings.trail, key=state.key, bucket=state.bucket)
        self._analyzers()
        erasure_worker(
            self,
            "ErasureWorker",
            site=site,
            vpc=vpc,
            key=state.key,
            secrets_key=secrets_key,
            user_pool=user_pool,
        )
        if site.is_writer:
            ErasureMachine(self, "Erasure", site=site, key=state.key, lake_key=lake.key)
        if settings.account_baseline:
            ThreatDetection(self, "ThreatDetection")
            ConfigurationRecord(self, "Configuration", site=site, key_arn=home.key.key_arn)
            ImageScanning(self, "ImageScanning")
            Standards(self, "Standards", site=site, standards=settings.standards)
        if settings.fis:
            Drills(self, "Drills", site=site)

    def _analyzers(self) -> None:
        """External access is found by region; unused access is IAM's, so once, and it is billed by role."""
        names = self.site.names
        accessanalyzer.CfnAnalyzer(self, "ExternalAccess", type="ACCOUNT", analyzer_name=names.prefix)
        unused = self.site.environment.security.unused_access_days
        if self.site.is_home and unused is not None:
            accessanalyzer.CfnAnalyzer(
                self,
                "UnusedAccess",
                type="ACCOUNT_UNUSED_ACCESS",
                analyzer_name=f"{names.prefix}-unused",
                analyzer_configuration=accessanalyzer.CfnAnalyzer.AnalyzerConfigurationProperty(
                    unused_access_configuration=(
                        accessanalyzer.CfnAnalyzer.UnusedAccessConfigurationProperty(unused_access_age=unused)
                    )
                ),
            )
