"""A collector beside each task reads its metrics and takes its traces, and takes nothing from the service."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from stacks.environment import load_environment
from stacks.errors import ConfigurationError
from stacks.manifest import Manifest, load_manifests
from tests.stacks.assembly import Assembly, Resource, walk
from tests.stacks.conftest import Synthesise

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
SETTINGS = load_environment("prod").telemetry
GATEWAY = next(found for found in load_manifests() if found.default)
every_region = pytest.mark.parametrize("region", REGIONS)

ENDPOINT = "https://aps-workspaces.example/workspaces/ws-1/"


def task(assembly: Assembly, region: str, family: str = "gateway") -> Resource:
    name = f"richesreach-{assembly.environment}-{family}"
    return assembly.one(region, "ecs", "AWS::ECS::TaskDefinition", Family=name)


def containers(assembly: Assembly, region: str, family: str = "gateway") -> dict[str, dict[str, Any]]:
    return {c["Name"]: c for c in task(assembly, region, family).properties["ContainerDefinitions"]}


def variables(container: dict[str, Any]) -> dict[str, Any]:
    return {each["Name"]: each["Value"] for each in container["Environment"]}


def configuration(assembly: Assembly, region: str) -> dict[str, Any]:
    """The collector's configuration as it arrives, with ENDPOINT for the workspace's."""
    value = variables(containers(assembly, region)["collector"])["AOT_CONFIG_CONTENT"]
    parts = value["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else ENDPOINT for part in parts)
    assert "__" not in text, "a place was left empty"
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@every_region
def test_service_outlives_its_collector(region: str, prod: Assembly) -> None:
    found = containers(prod, region)
    assert set(found) == {"gateway", "collector"}
    assert found["gateway"]["Essential"] is True
    assert found["collector"]["Essential"] is False
    assert not [c for c in found.values() if "DependsOn" in c]


def test_collector_reserves_its_own_share_and_writes_nowhere(prod: Assembly) -> None:
    assert SETTINGS is not None
    collector = containers(prod, "eu-west-1")["collector"]
    assert (collector["Cpu"], collector["Memory"]) == (SETTINGS.cpu, SETTINGS.memory)
    assert collector["ReadonlyRootFilesystem"] is True
    assert collector["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert "PortMappings" not in collector
    assert collector["LogConfiguration"]["Options"]["awslogs-stream-prefix"] == "gateway-collector"


def test_collector_is_named_by_digest(prod: Assembly) -> None:
    image = containers(prod, "eu-west-1")["collector"]["Image"]
    assert image.startswith("public.ecr.aws/aws-observability/aws-otel-collector@sha256:")


@every_region
def test_collector_reads_the_services_own_metrics_and_writes_to_the_regions_workspace(
    region: str, prod: Assembly
) -> None:
    found = configuration(prod, region)
    (job,) = found["receivers"]["prometheus"]["config"]["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{GATEWAY.port}"]}]
    assert job["metrics_path"] == "/metrics/"
    exporter = found["exporters"]["prometheus_remote_write"]
    assert exporter["endpoint"] == f"{ENDPOINT}api/v1/remote_write"
    assert exporter["external_labels"] == {"environment": "prod", "region": region, "service": "gateway"}
    assert found["extensions"]["sigv4auth"] == {"region": region, "service": "aps"}
    value = variables(containers(prod, region)["collector"])["AOT_CONFIG_CONTENT"]
    (endpoint,) = [part for part in value["Fn::Join"][1] if not isinstance(part, str)]
    assert endpoint["Fn::GetStackOutput"]["StackName"] == f"richesreach-prod-{region}-monitoring-state"


def test_nothing_of_the_collector_listens_beyond_the_task(prod: Assembly) -> None:
    ends = [value for key, value in walk(configuration(prod, "us-east-1")) if key == "endpoint"]
    listening = [value for value in ends if not value.startswith("https://")]
    assert len(listening) == 3
    assert all(value.startswith("127.0.0.1:") for value in listening)


def test_every_part_of_the_collector_is_used_and_exists(prod: Assembly) -> None:
    found = configuration(prod, "us-east-1")
    used: dict[str, set[str]] = {"extensions": set(found["service"]["extensions"])}
    for pipeline in found["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            used.setdefault(kind, set()).update(names)
    assert used == {kind: set(found[kind]) for kind in ("extensions", "receivers", "processors", "exporters")}


def test_service_sends_its_spans_to_the_collector(prod: Assembly) -> None:
    receivers = configuration(prod, "eu-west-1")["receivers"]["otlp"]["protocols"]
    sent = variables(containers(prod, "eu-west-1")["gateway"])
    assert sent["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://{receivers['http']['endpoint']}"
    assert sent["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"


@every_region
def test_collector_may_write_to_one_workspace_and_put_traces(region: str, prod: Assembly) -> None:
    role = task(prod, region).properties["TaskRoleArn"]["Fn::GetAtt"][0]
    writing = [p for p in prod.policies(region, "ecs") if "aps:RemoteWrite" in json.dumps(p.properties)]
    (policy,) = [p for p in writing if {"Ref": role} in p.properties["Roles"]]
    assert policy.type == "AWS::IAM::ManagedPolicy"
    assert policy.properties["Roles"] == [{"Ref": role}]
    statements = {s["Sid"]: s for s in policy.properties["PolicyDocument"]["Statement"]}
    assert statements["WriteMetrics"]["Action"] == "aps:RemoteWrite"
    assert "monitoring-state" in json.dumps(statements["WriteMetrics"]["Resource"])
    assert statements["PutTraces"]["Action"] == ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    assert len(statements) == 2


def test_task_that_runs_to_its_end_has_no_collector(prod: Assembly) -> None:
    assert set(containers(prod, "us-east-1", "gateway-migrate")) == {"gateway"}


@pytest.mark.parametrize("name", ["local", "dev"])
def test_without_telemetry_there_is_neither_collector_nor_workspace(
    name: str, request: pytest.FixtureRequest
) -> None:
    assembly: Assembly = request.getfixturevalue(name)
    assert set(containers(assembly, "us-east-1")) == {"gateway"}
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in variables(containers(assembly, "us-east-1")["gateway"])
    kinds = {r["Type"] for t in assembly.templates.values() for r in t.get("Resources", {}).values()}
    assert not [kind for kind in kinds if kind.startswith("AWS::APS::")]


@every_region
def test_workspace_is_there_before_the_services_and_is_kept(region: str, prod: Assembly) -> None:
    assert SETTINGS is not None
    workspace = prod.one(region, "monitoring-state", "AWS::APS::Workspace")
    assert workspace.whole["DeletionPolicy"] == "Retain"
    assert workspace.properties["WorkspaceConfiguration"] == {
        "RetentionPeriodInDays": SETTINGS.retention_days
    }
    assert prod.stack_id(region, "monitoring-state") in prod.depends(prod.stack_id(region, "ecs"))


def test_workspace_and_its_log_are_encrypted_with_a_key_of_their_own(prod: Assembly) -> None:
    workspace = prod.one("eu-west-1", "monitoring-state", "AWS::APS::Workspace").properties
    log = prod.one("eu-west-1", "monitoring-state", "AWS::Logs::LogGroup")
    assert log.properties["LogGroupName"] == "/aws/vendedlogs/prometheus/richesreach-prod"
    assert workspace["KmsKeyArn"] == log.properties["KmsKeyId"]
    assert workspace["LoggingConfiguration"]["LogGroupArn"] == {"Fn::GetAtt": [log.logical_id, "Arn"]}
    alias = prod.one(
        "eu-west-1", "monitoring-state", "AWS::KMS::Alias", AliasName="alias/richesreach-prod-metrics"
    )
    assert alias.properties["TargetKeyId"] == workspace["KmsKeyArn"]


@every_region
def test_workspace_tells_the_regions_topics_and_only_it_may(region: str, prod: Assembly) -> None:
    definition = yaml.safe_load(
        prod.one(region, "monitoring-state", "AWS::APS::Workspace").properties["AlertManagerDefinition"]
    )
    receivers = yaml.safe_load(definition["alertmanager_config"])["receivers"]
    told = {r["name"]: r["sns_configs"][0]["topic_arn"] for r in receivers}
    arn = f"arn:aws:sns:{region}:111111111111:richesreach-prod-"
    assert told == {"page": f"{arn}page", "ticket": f"{arn}ticket"}
    for policy in prod.all(region, "monitoring", "AWS::SNS::TopicPolicy"):
        (allowed,) = [
            s for s in policy.properties["PolicyDocument"]["Statement"] if s.get("Sid") == "Metrics"
        ]
        assert allowed["Principal"] == {"Service": "aps.amazonaws.com"}
        assert "MetricsWorkspace" in json.dumps(allowed["Condition"]["ArnEquals"]["aws:SourceArn"])


def test_collector_that_takes_more_than_half_of_a_task_is_refused(synthesise: Synthesise) -> None:
    prod = load_environment("prod")
    assert prod.telemetry is not None
    greedy = prod.model_copy(update={"telemetry": prod.telemetry.model_copy(update={"memory": 768})})
    small = Manifest.model_validate(GATEWAY.model_dump() | {"cpu": 512, "memory": 1024})
    with pytest.raises(ConfigurationError, match=r"gateway/service.yaml: memory: .*lower telemetry.memory"):
        synthesise(greedy, (small,))
