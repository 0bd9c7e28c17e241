"""streaming-state: the cluster, its key, its topics, and the schemas of what is in them."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.base import PlatformStack, Site, allow_logs
from stacks.streaming.cluster import StreamCluster
from stacks.streaming.settings import StreamingSettings
from stacks.streaming.topics import Schemas, topics


class StreamingStateStack(PlatformStack):
    """Of a region that has a stream."""

    def __init__(self, scope: Construct, site: Site, *, settings: StreamingSettings, vpc: ec2.IVpc) -> None:
        super().__init__(scope, site, "streaming-state", description="Kafka cluster, topics and schemas")
        self.key = kms.Key(
            self,
            "Key",
            alias=f"{site.names.prefix}-stream",
            description=f"Stream of {site.names.prefix} in {site.region}",
            enable_key_rotation=True,
            removal_policy=site.removal_policy,
        )
        allow_logs(self.key, site, site.names.stream_log_group)
        self.cluster = StreamCluster(self, "Kafka", site=site, settings=settings, vpc=vpc, key=self.key)
        topics(self, site, settings, self.cluster)
        self.schemas = Schemas(self, "Schemas", site=site)
