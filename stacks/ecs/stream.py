"""What a service may do on the stream: read and write its manifest's topics, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.base import Site
from stacks.manifest import Manifest
from stacks.streaming.cluster import StreamCluster
from stacks.streaming.settings import DEAD_LETTERS, JOB_WRITES
from stacks.streaming.stack import StreamingStack

#: Last part of the group's name that a client which follows a topic shows, and never commits in.
TAIL = "tail"


def stream_statements(
    manifest: Manifest, site: Site, cluster: StreamCluster
) -> Iterator[iam.PolicyStatement]:
    """Statements of the task role on a cluster.

    Topics and groups are resources of their own, whose ARNs have the cluster's name and id in them (service
    authorization reference of "Apache Kafka APIs for Amazon MSK clusters").
    """
    access = manifest.stream

    def below(kind: str, names: Iterable[str]) -> list[str]:
        start = f"arn:aws:kafka:{site.region}:{site.account}:{kind}/{cluster.path}"
        return [f"{start}/{name}" for name in sorted(names)]

    if "stream" not in manifest.needs:
        return
    # Where Flink makes bars and indicators, no service writes them, whatever it is told.
    job = JOB_WRITES if cluster.settings.job == "flink" else ()
    # Who reads may have to bury what it cannot handle.
    writes = {*access.writes, *([DEAD_LETTERS] if access.groups else [])}.difference(job)
    yield iam.PolicyStatement(
        sid="JoinTheStream",
        actions=["kafka-cluster:Connect", *(["kafka-cluster:WriteDataIdempotently"] if writes else [])],
        resources=[cluster.arn],
    )
    if access.reads:
        yield iam.PolicyStatement(
            sid="ReadTopics",
            actions=["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"],
            resources=below("topic", access.reads),
        )
        yield iam.PolicyStatement(
            sid="ReadInOwnGroups",
            actions=["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"],
            resources=below("group", [*access.groups, f"{manifest.name}.{TAIL}"]),
        )
    if writes:
        yield iam.PolicyStatement(
            sid="WriteTopics",
            actions=["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"],
            resources=below("topic", writes),
        )


def admit(scope: Construct, stream: StreamingStack, tasks: ec2.ISecurityGroup, name: str) -> None:
    """Lets a service's tasks through to the brokers, by their group: no other address of the network is."""
    ec2.CfnSecurityGroupIngress(
        scope,
        "ToTheStream",
        group_id=stream.cluster.security_group.security_group_id,
        source_security_group_id=tasks.security_group_id,
        ip_protocol="tcp",
        from_port=stream.settings.port,
        to_port=stream.settings.port,
        description=f"Kafka from {name}",
    )
