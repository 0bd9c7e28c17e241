"""Custom resource: where clients of an MSK cluster begin.

Properties ``ClusterArn`` and ``Security`` (``iam`` or ``plaintext``). Answers ``Brokers``: ``host:port`` of
some of the brokers, with commas between them, for clients that show who they are in that way.
"""

from __future__ import annotations

from typing import Any

import boto3
import cloudformation

#: Key of GetBootstrapBrokers' answer by how clients show who they are.
ANSWERS = {"iam": "BootstrapBrokerStringSaslIam", "plaintext": "BootstrapBrokerString"}


class NoBrokersError(Exception):
    """The cluster has no brokers for clients of this kind."""


def handler(event: dict[str, Any], _context: Any) -> None:
    """Answers CloudFormation at ``event["ResponseURL"]``, whatever happens."""

    def act() -> dict[str, str]:
        if event["RequestType"] == "Delete":
            return {}
        properties = event["ResourceProperties"]
        brokers = look_up(properties["ClusterArn"], properties["Security"], boto3.client("kafka"))
        return {"Brokers": brokers}

    cloudformation.answer(event, act)


def look_up(cluster: str, security: str, kafka: Any) -> str:
    """``host:port``, with commas between them and in their order, so that an update changes nothing.

    Raises:
        NoBrokersError: the cluster does not admit clients of this kind.
    """
    answer = kafka.get_bootstrap_brokers(ClusterArn=cluster)
    found = answer.get(ANSWERS[security], "")
    if not found:
        raise NoBrokersError(f"the cluster {cluster} admits no clients by {security}: see its authentication")
    return ",".join(sorted(found.split(",")))
