"""Amazon MSK: clusters whose broker has an address, and topics that the API lists.

The server knows clusters and neither topics nor a broker. Brokers are started by the local platform's
reconciler, at the address that GetBootstrapBrokers gives, with the topics that ListTopics names.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import get_region
from ministack.services import msk

from ops.local.types import api
from ops.local.types.addresses import address_of
from ops.local.types.recorded import RECORDS, recorded
from ops.local.types.registry import Attributes, Properties, Provisioned, ResourceType, replace
from ops.local.types.shapes import arguments
from ops.local.types.through_api import delete_quietly

_TOPIC = "AWS::MSK::Topic"
_TOPICS = re.compile(r"^/v1/clusters/(.+?)/topics$")
_PORT = 9092
_ANSWER = dict[str, Any]


def install() -> None:
    """Gives every cluster's broker an address of its own, and lists topics."""
    shipped = msk.handle_request

    async def handle(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        asked = _TOPICS.match(path)
        if asked and method == "GET":
            return _listed(unquote(asked.group(1)))
        return await shipped(method, path, headers, body, query)

    msk.handle_request = handle
    msk._bootstrap_strings = _brokers


def types() -> list[ResourceType]:
    """Every MSK type, and those of the schema registry."""
    return [
        _cluster(),
        recorded(
            "AWS::MSK::Configuration",
            "arn:aws:kafka:{region}:{account}:configuration/{Name}/{uuid}",
            {"Arn": "{ref}", "LatestRevision.Revision": "1"},
            create_only=("Name",),
            cannot_prove="that brokers take the properties",
        ),
        recorded(
            _TOPIC,
            "{ClusterArn}/{TopicName}",
            {"TopicArn": "{ref}"},
            create_only=("ClusterArn", "TopicName"),
            does="is listed by the cluster's API; the broker holds it",
            cannot_prove="replicas, retention and further partitions: one broker, in memory",
            fidelity="real",
        ),
        recorded("AWS::Glue::Registry", "arn:aws:glue:{region}:{account}:registry/{Name}", {"Arn": "{ref}"}),
        recorded(
            "AWS::Glue::Schema",
            "arn:aws:glue:{region}:{account}:schema/{Name}",
            {"Arn": "{ref}", "InitialSchemaVersionId": "{uuid}"},
            cannot_prove="that the registry finds a version compatible",
        ),
        recorded("AWS::Glue::SchemaVersion", "{uuid}", {"VersionId": "{ref}"}),
    ]


def _cluster() -> ResourceType:
    def create(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
        answer = api.call("kafka", "CreateCluster", **arguments("kafka", "CreateCluster", properties))
        return str(answer["ClusterArn"]), _attributes(str(answer["ClusterArn"]))

    def update(pid: str, old: Properties, new: Properties, stack: str, logical_id: str) -> Provisioned:
        if old.get("ClusterName") != new.get("ClusterName"):
            return replace(resource, pid, old, new, stack, logical_id)
        # One broker stands for all of them, whatever their number, size and storage.
        return pid, _attributes(pid)

    def delete(physical_id: str, _properties: Properties) -> None:
        delete_quietly("kafka", "DeleteCluster", {"ClusterArn": physical_id})

    resource = ResourceType(
        "AWS::MSK::Cluster",
        "real",
        "one broker at its own loopback address, started by the local platform's reconciler",
        "IAM, TLS, replicas, storage and its growth, and that AWS takes the configuration",
        create,
        update,
        delete,
    )
    return resource


def _attributes(arn: str) -> Attributes:
    return {"Arn": arn, "CurrentVersion": "1"}


def _brokers(cluster: str) -> dict[str, str]:
    """GetBootstrapBrokers' answer: the one broker knows no other way than plaintext."""
    return {"BootstrapBrokerString": f"{address_of(get_region(), 'stream', cluster)}:{_PORT}"}


def _listed(cluster: str) -> tuple[int, dict[str, str], bytes]:
    topics: list[_ANSWER] = [
        {
            "topicArn": physical_id,
            "topicName": str(properties["TopicName"]),
            "partitionCount": int(properties["PartitionCount"]),
            "replicationFactor": int(properties["ReplicationFactor"]),
            "outOfSyncReplicaCount": 0,
        }
        for (region, kind, physical_id), properties in sorted(RECORDS.items())
        if region == get_region() and kind == _TOPIC and properties["ClusterArn"] == cluster
    ]
    return 200, {"Content-Type": "application/json"}, json.dumps({"topics": topics}).encode()
