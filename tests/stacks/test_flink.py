"""The Flink job of a region: what it runs, what it may do, who starts it, who is told when it is down."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stacks.base import Site
from stacks.ecs.stream import stream_statements
from stacks.environment import load_environment
from stacks.errors import ConfigurationError
from stacks.flink.contents import fingerprint
from stacks.manifest import load_manifests
from stacks.stream_access import StreamAccess
from stacks.streaming.cluster import StreamCluster
from tests.stacks.alarms import alarms, expression
from tests.stacks.assembly import Assembly
from tests.stacks.environments import document, put, write

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
EUROPE = "eu-west-1"
STATE = "flink-state"
KIND = "AWS::KinesisAnalyticsV2::Application"


def application(assembly: Assembly, region: str = EUROPE) -> dict[str, Any]:
    properties: dict[str, Any] = assembly.one(region, STATE, KIND).properties
    return properties


def configuration(assembly: Assembly) -> dict[str, Any]:
    found: dict[str, Any] = application(assembly)["ApplicationConfiguration"]
    return found


def statements(assembly: Assembly, area: str, name: str) -> dict[str, Any]:
    (policy,) = [p for p in assembly.policies(EUROPE, area) if p.logical_id.startswith(name)]
    return {s["Sid"]: s for s in policy.properties["PolicyDocument"]["Statement"]}


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_has_a_job_of_its_own_on_the_newest_runtime(region: str, prod: Assembly) -> None:
    made = application(prod, region)
    assert (made["ApplicationName"], made["RuntimeEnvironment"]) == ("richesreach-prod-bars", "FLINK-2_3")


def test_environments_without_flink_have_none_of_it() -> None:
    local = load_environment("local").streaming
    assert load_environment("dev").streaming is None
    assert local is not None
    assert (local.flink, local.job) == (None, "operator")


def test_size_and_checkpoints_are_those_of_the_environments_file(prod: Assembly) -> None:
    flink = configuration(prod)["FlinkApplicationConfiguration"]
    assert flink["ParallelismConfiguration"] == {
        "ConfigurationType": "CUSTOM",
        "AutoScalingEnabled": True,
        "Parallelism": 4,
        "ParallelismPerKPU": 1,
    }
    assert flink["CheckpointConfiguration"]["CheckpointInterval"] == 60_000
    assert flink["MonitoringConfiguration"]["MetricsLevel"] == "TASK"


def test_update_goes_on_from_a_snapshot_and_is_taken_back_when_it_does_not_run(prod: Assembly) -> None:
    made = configuration(prod)
    assert made["ApplicationSnapshotConfiguration"] == {"SnapshotsEnabled": True}
    assert made["ApplicationSystemRollbackConfiguration"] == {"RollbackEnabled": True}
    assert application(prod)["RunConfiguration"] == {
        "ApplicationRestoreConfiguration": {"ApplicationRestoreType": "RESTORE_FROM_LATEST_SNAPSHOT"},
        "FlinkRunConfiguration": {"AllowNonRestoredState": False},
    }


def test_application_outlives_its_stack_with_its_snapshots(prod: Assembly) -> None:
    whole = prod.templates[prod.stack_id(EUROPE, STATE)]["Resources"]
    (kept,) = [r["DeletionPolicy"] for r in whole.values() if r["Type"] == KIND]
    assert kept == "Retain"


def test_state_rests_under_a_key_that_serves_this_application_alone(prod: Assembly) -> None:
    key = prod.one(EUROPE, STATE, "AWS::KMS::Key")
    named = configuration(prod)["ApplicationEncryptionConfiguration"]
    assert named == {"KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": {"Fn::GetAtt": [key.logical_id, "Arn"]}}
    arn = "arn:aws:kinesisanalytics:eu-west-1:111111111111:application/richesreach-prod-bars"
    used = [s for s in key.properties["KeyPolicy"]["Statement"] if "kinesisanalytics" in str(s["Principal"])]
    assert len(used) == 5
    assert all(arn in json.dumps(s["Condition"]) for s in used)


def test_job_stands_in_the_private_subnets_and_reaches_the_brokers_alone(prod: Assembly) -> None:
    (placed,) = configuration(prod)["VpcConfigurations"]
    assert len(placed["SubnetIds"]) == 3
    assert all("private" in str(subnet) for subnet in placed["SubnetIds"])
    group = prod.one(EUROPE, STATE, "AWS::EC2::SecurityGroup").properties
    (out,) = group["SecurityGroupEgress"]
    assert (out["CidrIp"], out["FromPort"], out["ToPort"]) == ("10.20.0.0/16", 9098, 9098)
    rule = prod.one(EUROPE, STATE, "AWS::EC2::SecurityGroupIngress").properties
    assert (rule["FromPort"], rule["ToPort"]) == (9098, 9098)
    assert "streaming-state" in str(rule["GroupId"])


def test_job_reads_ticks_and_writes_bars_indicators_and_dead_letters_and_no_other_topic(
    prod: Assembly,
) -> None:
    granted = statements(prod, STATE, "ApplicationPolicy")
    assert str(granted["ReadTopics"]["Resource"]).count("topic/") == 1
    assert "/market.ticks'" in str(granted["ReadTopics"]["Resource"])
    written = [str(each).split("'/")[-1].split("'")[0] for each in granted["WriteTopics"]["Resource"]]
    assert written == ["dlq", "market.bars", "market.indicators"]
    assert "/flink'" in str(granted["TellHowFar"]["Resource"])
    actions = {
        a for s in granted.values() for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])
    }
    assert {action.split(":")[0] for action in actions} == {"s3", "logs", "ec2", "kafka-cluster"}
    assert not any(a.endswith("*") or "Delete" in a or "Create" in a for a in actions - INTERFACES)


INTERFACES = {
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
}


@pytest.mark.parametrize(("environment", "written"), [("prod", []), ("local", ["market.bars"])])
def test_no_task_writes_what_flink_makes(environment: str, written: list[str]) -> None:
    settings = load_environment(environment)
    access = StreamAccess(
        reads=["market.ticks"], writes=["market.bars"], groups={"gateway": ["market.ticks"]}
    )
    manifest = load_manifests()[0].model_copy(update={"needs": ["stream"], "stream": access})
    cluster = SimpleNamespace(arn="arn:aws:kafka:::cluster/x/1", path="x/1", settings=settings.streaming)
    site = Site(settings, "111111111111", settings.home_region)
    granted = {s.sid: s.resources for s in stream_statements(manifest, site, cast(StreamCluster, cluster))}
    assert [each.rpartition("/")[2] for each in granted["WriteTopics"]] == sorted(["dlq", *written])


def test_every_task_is_told_which_job_makes_bars(prod: Assembly) -> None:
    task = prod.one(EUROPE, "ecs", "AWS::ECS::TaskDefinition", Family="richesreach-prod-gateway")
    told = [
        variable["Value"]
        for container in task.properties["ContainerDefinitions"]
        for variable in container.get("Environment", [])
        if variable["Name"] == "STREAM_JOB"
    ]
    assert told == ["flink"]


def test_job_finds_the_brokers_in_its_properties_and_signs_in_by_iam(prod: Assembly) -> None:
    groups = configuration(prod)["EnvironmentProperties"]["PropertyGroups"]
    properties = {group["PropertyGroupId"]: group["PropertyMap"] for group in groups}
    own = properties["stream"]
    assert "richesreach-prod-eu-west-1-streaming" in str(own["brokers"])
    assert (own["security"], own["group"]) == ("iam", "flink")
    assert properties["kinesis.analytics.flink.run.options"] == {
        "python": "main.py",
        "jarfile": "lib/connectors.jar",
        "pyFiles": "lib/bars.zip",
    }


def test_job_writes_its_log_under_its_own_key(prod: Assembly) -> None:
    group = prod.one(EUROPE, STATE, "AWS::Logs::LogGroup").properties
    assert group["LogGroupName"] == "/aws/kinesis-analytics/richesreach-prod-bars"
    assert group["KmsKeyId"]["Fn::GetAtt"][0] == prod.one(EUROPE, STATE, "AWS::KMS::Key").logical_id
    option = prod.one(EUROPE, STATE, "AWS::KinesisAnalyticsV2::ApplicationCloudWatchLoggingOption")
    stream = prod.one(EUROPE, STATE, "AWS::Logs::LogStream")
    assert stream.logical_id in str(option.properties["CloudWatchLoggingOption"]["LogStreamARN"])


def test_package_is_known_by_what_it_is_made_of_and_built_by_whoever_deploys(prod: Assembly) -> None:
    (assets,) = prod.folder.glob(f"{prod.stack_id(EUROPE, STATE)}.assets.json")
    (asset,) = [f for f in json.loads(assets.read_text())["files"].values() if "executable" in f["source"]]
    location = configuration(prod)["ApplicationCodeConfiguration"]["CodeContent"]["S3ContentLocation"]
    (destination,) = asset["destinations"].values()
    assert location["FileKey"] == destination["objectKey"] == fingerprint()
    assert location["BucketARN"] == f"arn:aws:s3:::{destination['bucketName']}"
    assert asset["source"] == {"executable": ["python", "-m", "ops.flink"]}
    granted = statements(prod, STATE, "ApplicationPolicy")["ReadThePackage"]["Resource"]
    assert granted == f"arn:aws:s3:::{destination['bucketName']}/{destination['objectKey']}"


def test_package_of_another_job_or_other_jars_has_another_name(tmp_path: Path) -> None:
    job, jars = tmp_path / "job", tmp_path / "jars.txt"
    (job / "part").mkdir(parents=True)
    (job / "main.py").write_text("one")
    (job / "part" / "a.py").write_text("two")
    jars.write_text("jar  sum\n")
    names = [fingerprint(job, jars)]
    jars.write_text("jar  another sum\n")
    names.append(fingerprint(job, jars))
    (job / "part" / "a.py").rename(job / "part" / "b.py")
    names.append(fingerprint(job, jars))
    (job / "main.py").write_text("three")
    names.append(fingerprint(job, jars))
    assert len(set(names)) == 4
    (job / "__pycache__").mkdir()
    (job / "__pycache__" / "main.pyc").write_bytes(b"left behind")
    assert fingerprint(job, jars) == names[-1]


def test_starter_acts_on_the_regions_application_alone(prod: Assembly) -> None:
    granted = statements(prod, "flink", "StarterPolicy")
    arn = "arn:aws:kinesisanalytics:eu-west-1:111111111111:application/richesreach-prod-bars"
    assert granted["RunTheApplication"]["Resource"] == arn
    for sid in ("SeeTheKey", "UseTheKey", "LendTheKey"):
        assert granted[sid]["Condition"]["StringEquals"]["kms:ViaService"] == (
            "kinesisanalytics.eu-west-1.amazonaws.com"
        )


def test_starter_is_asked_again_when_what_runs_changes(prod: Assembly) -> None:
    asked = prod.one(EUROPE, "flink", "Custom::FlinkRun").properties
    assert (asked["Application"], asked["Running"]) == ("richesreach-prod-bars", "true")
    assert fingerprint() in asked["Revision"]
    assert "FLINK-2_3" in asked["Revision"]
    assert prod.stack_id(EUROPE, STATE) in prod.depends(prod.stack_id(EUROPE, "flink"))


ALARMS = ("flink-down", "flink-watermark", "flink-checkpoints", "flink-restarts", "flink-back-pressure")


def test_alarms_tell_of_a_job_that_is_down_late_or_ailing(prod: Assembly) -> None:
    made = alarms(prod, EUROPE)
    assert set(ALARMS) <= made.keys()
    down = made["flink-down"].properties
    assert (down["MetricName"], down["TreatMissingData"]) == ("runningTime", "breaching")
    assert expression(made["flink-watermark"]) == "EPOCH(watermark) - watermark / 1000"
    assert made["flink-watermark"].properties["Threshold"] == 60
    assert expression(made["flink-checkpoints"]) == "DIFF(numberOfFailedCheckpoints)"
    assert "Application = 'richesreach-prod-bars'" in expression(made["flink-back-pressure"])


def test_dashboard_of_a_region_shows_its_job(prod: Assembly) -> None:
    boards = [
        json.dumps(board.properties["DashboardBody"])
        for region in prod.regions("monitoring")
        for board in prod.all(region, "monitoring", "AWS::CloudWatch::Dashboard")
    ]
    assert sum("currentOutputWatermark" in board for board in boards) == len(REGIONS)


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "more KPUs than an application has": ({"parallelism": 128}, "takes 128 KPUs"),
    "no parallelism": ({"parallelism": 0}, "parallelism"),
    "checkpoints without a pause": ({"checkpoint_seconds": 1}, "checkpoint_seconds"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_settings_say_what_to_mend(case: str, tmp_path: Path) -> None:
    changes, problem = WRONG[case]
    contents = document()
    for path, value in changes.items():
        contents = put(contents, f"streaming.flink.{path}", value)
    write(tmp_path, contents)
    with pytest.raises(ConfigurationError) as caught:
        load_environment("prod", tmp_path)
    assert problem in str(caught.value)
