"""The stream of a region: brokers that the tasks alone reach, topics, and schemas that may only grow."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from stacks.environment import load_environment
from stacks.errors import ConfigurationError
from stacks.streaming.settings import SCHEMAS
from tests.stacks.assembly import Assembly
from tests.stacks.environments import document, put, write

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
HOME, EUROPE, _ = REGIONS
STATE = "streaming-state"
TOPICS = {folder.name for folder in SCHEMAS.iterdir()}


def cluster(assembly: Assembly, region: str = EUROPE) -> dict[str, Any]:
    properties: dict[str, Any] = assembly.one(region, STATE, "AWS::MSK::Cluster").properties
    return properties


def task_statements(assembly: Assembly, region: str = EUROPE) -> dict[str, Any]:
    (policy,) = [p for p in assembly.policies(region, "ecs") if "gatewayTaskPolicy" in p.logical_id]
    statements = policy.properties["PolicyDocument"]["Statement"]
    return {s["Sid"]: s for s in statements if "kafka-cluster:" in str(s["Action"])}


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_has_a_broker_in_every_zone(region: str, prod: Assembly) -> None:
    made = cluster(prod, region)
    assert made["NumberOfBrokerNodes"] == 3
    assert len(made["BrokerNodeGroupInfo"]["ClientSubnets"]) == 3
    assert "data" in str(made["BrokerNodeGroupInfo"]["ClientSubnets"][0])


def test_clients_show_who_they_are_by_iam_over_tls_and_in_no_other_way(prod: Assembly) -> None:
    made = cluster(prod)
    assert made["ClientAuthentication"] == {
        "Sasl": {"Iam": {"Enabled": True}},
        "Unauthenticated": {"Enabled": False},
    }
    assert made["EncryptionInfo"]["EncryptionInTransit"] == {"ClientBroker": "TLS", "InCluster": True}
    assert made["BrokerNodeGroupInfo"]["ConnectivityInfo"] == {"PublicAccess": {"Type": "DISABLED"}}


def test_data_rests_under_a_key_of_the_streams_own(prod: Assembly) -> None:
    key = prod.one(EUROPE, STATE, "AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True
    named = cluster(prod)["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"]
    assert named == {"Fn::GetAtt": [key.logical_id, "Arn"]}


def test_brokers_log_and_their_storage_grows(prod: Assembly) -> None:
    assert cluster(prod)["LoggingInfo"]["BrokerLogs"]["CloudWatchLogs"]["Enabled"] is True
    target = prod.one(EUROPE, STATE, "AWS::ApplicationAutoScaling::ScalableTarget").properties
    assert (target["ServiceNamespace"], target["MaxCapacity"]) == ("kafka", 2000)
    policy = prod.one(EUROPE, STATE, "AWS::ApplicationAutoScaling::ScalingPolicy").properties
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert (tracking["TargetValue"], tracking["DisableScaleIn"]) == (60, True)


def test_topics_come_from_templates_alone_and_a_write_is_on_two_brokers(prod: Assembly) -> None:
    configuration = prod.one(EUROPE, STATE, "AWS::MSK::Configuration").properties["ServerProperties"]
    lines = dict(line.split("=") for line in configuration.splitlines())
    assert lines["auto.create.topics.enable"] == "false"
    assert lines["unclean.leader.election.enable"] == "false"
    assert (lines["default.replication.factor"], lines["min.insync.replicas"]) == ("3", "2")


def test_every_topic_is_a_resource_with_its_retention(prod: Assembly) -> None:
    topics = {t.properties["TopicName"]: t.properties for t in prod.all(EUROPE, STATE, "AWS::MSK::Topic")}
    assert topics.keys() == TOPICS
    assert {topic["ReplicationFactor"] for topic in topics.values()} == {3}
    configuration = base64.b64decode(topics["market.ticks"]["Configs"]).decode().splitlines()
    assert configuration == ["cleanup.policy=delete", "min.insync.replicas=2", "retention.ms=86400000"]


def test_registry_has_every_version_of_every_schema_and_takes_readable_ones_alone(prod: Assembly) -> None:
    registry = prod.one(EUROPE, STATE, "AWS::Glue::Registry")
    schemas = {s.properties["Name"]: s.properties for s in prod.all(EUROPE, STATE, "AWS::Glue::Schema")}
    assert schemas.keys() == TOPICS
    for name, schema in schemas.items():
        assert (schema["Compatibility"], schema["DataFormat"]) == ("BACKWARD", "JSON")
        assert schema["Registry"] == {"Arn": {"Fn::GetAtt": [registry.logical_id, "Arn"]}}
        assert json.loads(schema["SchemaDefinition"]) == json.loads((SCHEMAS / name / "1.json").read_text())


def test_later_versions_come_to_the_registry_one_after_the_other(prod: Assembly) -> None:
    schemas = {s.logical_id: s.properties["Name"] for s in prod.all(EUROPE, STATE, "AWS::Glue::Schema")}
    found = [
        (schemas[v.properties["Schema"]["SchemaArn"]["Fn::GetAtt"][0]], v.properties["SchemaDefinition"])
        for v in prod.all(EUROPE, STATE, "AWS::Glue::SchemaVersion")
    ]
    committed = sorted(file for file in SCHEMAS.glob("*/*.json") if file.stem != "1")
    assert committed, "market.ticks has a second version"
    assert sorted(name for name, _ in found) == [file.parent.name for file in committed]
    definitions = [json.loads(definition) for _, definition in found]
    assert all(json.loads(file.read_text()) in definitions for file in committed)


def test_tasks_alone_are_let_through_to_the_brokers(prod: Assembly) -> None:
    group = prod.one(EUROPE, STATE, "AWS::EC2::SecurityGroup").properties
    assert "SecurityGroupIngress" not in group
    rules = [
        rule.properties
        for rule in prod.all(EUROPE, "ecs", "AWS::EC2::SecurityGroupIngress")
        if rule.properties.get("FromPort") == 9098
    ]
    sources = sorted(str(rule["SourceSecurityGroupId"]["Fn::GetAtt"][0]) for rule in rules)
    assert [source.rpartition("SecurityGroup")[0] for source in sources] == [
        "airouter",
        "gateway",
        "history",
        "marketdata",
        "stream",
    ]
    assert all(rule["ToPort"] == 9098 and "CidrIp" not in rule for rule in rules)


def test_task_reads_and_writes_the_topics_of_its_manifest_and_no_other(prod: Assembly) -> None:
    statements = task_statements(prod)
    read = str(statements["ReadTopics"]["Resource"])
    assert "/market.ticks'" in read
    assert "/ml.predictions'" in read
    assert "/trading.events" not in str(statements)
    assert "/analytics.events'" in str(statements["WriteTopics"]["Resource"])
    assert "*" not in read
    actions = {action for s in statements.values() for action in s["Action"]}
    assert actions == {
        "kafka-cluster:Connect",
        "kafka-cluster:WriteDataIdempotently",
        "kafka-cluster:DescribeTopic",
        "kafka-cluster:ReadData",
        "kafka-cluster:WriteData",
        "kafka-cluster:AlterGroup",
        "kafka-cluster:DescribeGroup",
    }


def test_tasks_find_the_brokers_in_their_environment_and_people_in_a_parameter(prod: Assembly) -> None:
    found = prod.one(EUROPE, "streaming", "Custom::StreamBrokers")
    assert found.properties["Security"] == "iam"
    task = prod.one(EUROPE, "ecs", "AWS::ECS::TaskDefinition", Family="richesreach-prod-gateway")
    container = next(c for c in task.properties["ContainerDefinitions"] if c["Name"] == "gateway")
    variables = {v["Name"]: v["Value"] for v in container["Environment"]}
    assert variables["KAFKA_SECURITY"] == "iam"
    assert "streaming" in str(variables["KAFKA_BOOTSTRAP_SERVERS"])
    parameter = prod.one(EUROPE, "streaming", "AWS::SSM::Parameter").properties
    assert parameter["Name"] == "/richesreach/prod/streaming/brokers"
    assert parameter["Value"] == {"Fn::GetAtt": [found.logical_id, "Brokers"]}


def test_an_environment_without_a_stream_has_none_of_it_and_its_tasks_are_not_told_of_one() -> None:
    assert load_environment("dev").streaming is None


WRONG: dict[str, tuple[dict[str, object], str, str]] = {
    "topic without a schema": (
        {"topics": {"orders": {"partitions": 1, "retention_hours": 1}}},
        "topics lacks",
        "add it",
    ),
    "more copies than brokers": ({"replicas": 5}, "has 3 brokers", "brokers_per_zone"),
    "no replica to lose": ({"replicas_in_sync": 3}, "leaves no replica to lose", "use 2"),
    "more in sync than there are": ({"replicas_in_sync": 4}, "exceeds replicas 3", "order them"),
    "plaintext in production": ({"security": "plaintext"}, "is plaintext", "set it to iam"),
    "storage that would shrink": ({"storage.most_gib": 10}, "exceeds most_gib 10", "order them"),
    "instance of another service": ({"instance_type": "cache.r7g.large"}, "kafka", ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings_say_what_to_mend(case: str, tmp_path: Path) -> None:
    changes, problem, mend = WRONG[case]
    contents = document()
    for path, value in changes.items():
        contents = put(contents, f"streaming.{path}", value)
    write(tmp_path, contents)
    with pytest.raises(ConfigurationError) as caught:
        load_environment("prod", tmp_path)
    assert problem in str(caught.value)
    assert mend in str(caught.value)
