"""The topics, and the registry of what each holds."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from aws_cdk import aws_glue as glue
from aws_cdk import aws_msk as msk
from constructs import Construct

from stacks.base import Site
from stacks.streaming.cluster import StreamCluster
from stacks.streaming.settings import SCHEMAS, StreamingSettings, TopicSettings

MILLISECONDS_AN_HOUR = 3_600_000


def topics(scope: Construct, site: Site, settings: StreamingSettings, cluster: StreamCluster) -> None:
    """Every topic of the settings; the environment's protection keeps what is in it."""
    for name, wanted in settings.topics.items():
        topic = msk.CfnTopic(
            scope,
            f"Topic-{name}",
            cluster_arn=cluster.arn,
            topic_name=name,
            partition_count=wanted.partitions,
            replication_factor=settings.replicas,
            configs=_configuration(wanted, settings),
        )
        topic.apply_removal_policy(site.removal_policy)


def _configuration(topic: TopicSettings, settings: StreamingSettings) -> str:
    """Kafka's properties of a topic, in base64 as the type wants them."""
    lines = {
        "cleanup.policy": "delete",
        "min.insync.replicas": str(settings.replicas_in_sync),
        "retention.ms": str(topic.retention_hours * MILLISECONDS_AN_HOUR),
    }
    text = "\n".join(f"{name}={value}" for name, value in lines.items())
    return base64.b64encode(text.encode()).decode()


class Schemas(Construct):
    """The registry of a region: every committed version of every topic, checked against the one before."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        self.registry = glue.CfnRegistry(
            self,
            "Registry",
            name=site.names.stream_cluster,
            description=f"What the topics of {site.names.prefix} hold",
        )
        for folder in sorted(folder for folder in SCHEMAS.iterdir() if folder.is_dir()):
            self._topic(folder)

    def _topic(self, folder: Path) -> None:
        versions = sorted(folder.glob("*.json"), key=lambda file: int(file.stem))
        schema = glue.CfnSchema(
            self,
            folder.name,
            name=folder.name,
            registry=glue.CfnSchema.RegistryProperty(arn=self.registry.attr_arn),
            data_format="JSON",
            # Whoever reads under a version reads what was written under the one before.
            compatibility="BACKWARD",
            schema_definition=_definition(versions[0]),
        )
        before: glue.CfnSchemaVersion | None = None
        for file in versions[1:]:
            version = glue.CfnSchemaVersion(
                self,
                f"{folder.name}-{file.stem}",
                schema=glue.CfnSchemaVersion.SchemaProperty(schema_arn=schema.attr_arn),
                schema_definition=_definition(file),
            )
            if before is not None:  # the first waits for the schema, whose ARN it has
                version.add_resource_dependency(before)
            before = version


def _definition(file: Path) -> str:
    """Without the spaces, which count against the size of a schema."""
    return json.dumps(json.loads(file.read_text(encoding="utf-8")), separators=(",", ":"))
