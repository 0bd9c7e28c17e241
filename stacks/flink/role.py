"""What the job may do: its package, its log, its interfaces, and its topics; nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs

from stacks.base import Site
from stacks.flink.package import Location
from stacks.streaming.cluster import StreamCluster
from stacks.streaming.settings import DEAD_LETTERS, JOB_READS, JOB_WRITES

#: Group in which the job commits how far it has come, for people to see; it starts from its snapshot.
GROUP = "flink"

#: EC2 knows no resource for what is looked up, nor for an interface that is not there yet.
_LOOKS_UP = (
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)
_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
)


def job_statements(
    site: Site, cluster: StreamCluster, package: Location, log_group: logs.ILogGroup
) -> list[iam.PolicyStatement]:
    """Statements of the application's role."""
    region, account = site.region, site.account

    def below(kind: str, names: Iterable[str]) -> list[str]:
        start = f"arn:aws:kafka:{region}:{account}:{kind}/{cluster.path}"
        return [f"{start}/{name}" for name in sorted(names)]

    grants: dict[str, tuple[Iterable[str], list[str]]] = {
        "ReadThePackage": (["s3:GetObject"], [f"arn:aws:s3:::{package.bucket}/{package.key}"]),
        "FindItsLog": (["logs:DescribeLogGroups"], [f"arn:aws:logs:{region}:{account}:log-group:*"]),
        "WriteItsLog": (["logs:DescribeLogStreams", "logs:PutLogEvents"], [log_group.log_group_arn]),
        "FindTheNetwork": (_LOOKS_UP, ["*"]),
        "JoinTheNetwork": (_INTERFACES, ["*"]),
        "JoinTheStream": (["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"], [cluster.arn]),
        "ReadTopics": (
            ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"],
            below("topic", JOB_READS),
        ),
        "TellHowFar": (["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"], below("group", [GROUP])),
        "WriteTopics": (
            ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"],
            below("topic", [*JOB_WRITES, DEAD_LETTERS]),
        ),
    }
    return [
        iam.PolicyStatement(sid=sid, actions=[*actions], resources=resources)
        for sid, (actions, resources) in grants.items()
    ]
