"""What a service may do on the stream: read and write its manifest's topics, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.manifest import Manifest
from stacks.streaming.settings import DEAD_LETTERS
from stacks.streaming.stack import StreamingStack

#: Last part of the group's name that a client which follows a topic shows, and never commits in.
TAIL = "tail"


def stream_statements(manifest: Manifest, cluster: str) -> Iterator[iam.PolicyStatement]:
    """Statements of the task role on the cluster of an ARN.

    Topics and groups are resources of their own, whose ARNs begin as the cluster's (service authorization
    reference of "Apache Kafka APIs for Amazon MSK clusters").
    """
    access = manifest.stream
    if "stream" not in manifest.needs:
        return
    # Who reads may have to bury what it cannot handle.
    writes = sorted({*access.writes, *([DEAD_LETTERS] if access.groups else [])})
    yield iam.PolicyStatement(
        sid="JoinTheStream",
        actions=["kafka-cluster:Connect", *(["kafka-cluster:WriteDataIdempotently"] if writes else [])],
        resources=[cluster],
    )
    if access.reads:
        yield iam.PolicyStatement(
            sid="ReadTopics",
            actions=["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"],
            resources=[_below(cluster, "topic", name) for name in sorted(access.reads)],
        )
        groups = [*access.groups, f"{manifest.name}.{TAIL}"]
        yield iam.PolicyStatement(
            sid="ReadInOwnGroups",
            actions=["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"],
            resources=[_below(cluster, "group", name) for name in sorted(groups)],
        )
    if writes:
        yield iam.PolicyStatement(
            sid="WriteTopics",
            actions=["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"],
            resources=[_below(cluster, "topic", name) for name in writes],
        )


def _below(cluster: str, kind: str, name: str) -> str:
    """``…:cluster/<name>/<id>`` → ``…:<kind>/<name>/<id>/<topic or group>``."""
    before, after = (cdk.Fn.select(part, cdk.Fn.split(":cluster/", cluster)) for part in (0, 1))
    return f"{before}:{kind}/{after}/{name}"


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
