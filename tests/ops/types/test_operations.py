"""Secrets, scaling, alarms, keys and logs, firewalls, and values between stacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import LocalAws, Stack


def _secret(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": name, **more}}


def test_a_secret_refers_to_its_arn_and_its_replica_follows(
    aws: LocalAws, unique: Callable[[str], str]
) -> None:
    name = unique("replicated")
    secret = _secret(name, SecretString='{"a":1}', ReplicaRegions=[{"Region": "eu-west-1"}])
    stack = aws.deploy({"Secret": secret}, {"Ref": {"Ref": "Secret"}})
    assert stack.outputs["Ref"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:")
    replica = aws.client("secretsmanager", "eu-west-1")
    aws.client("secretsmanager").put_secret_value(SecretId=stack.outputs["Ref"], SecretString='{"a":2}')
    assert json.loads(replica.get_secret_value(SecretId=name)["SecretString"]) == {"a": 2}
    stack.delete()
    assert name not in [each["Name"] for each in replica.list_secrets()["SecretList"]]


def _key(alias: str) -> dict[str, dict[str, Any]]:
    return {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17"}}},
        "Alias": {
            "Type": "AWS::KMS::Alias",
            "Properties": {"AliasName": alias, "TargetKeyId": {"Ref": "Key"}},
        },
    }


def test_a_secret_and_its_replica_keep_the_key_that_their_alias_names(
    aws: LocalAws, unique: Callable[[str], str]
) -> None:
    name, alias = unique("encrypted"), f"alias/{unique('secrets')}"
    copy = {"Region": "eu-west-1", "KmsKeyId": alias}
    for region in ("us-east-1", "eu-west-1"):
        aws.deploy(_key(alias), region=region)
    aws.deploy({"Secret": _secret(name, SecretString="value", KmsKeyId=alias, ReplicaRegions=[copy])})
    for region in ("us-east-1", "eu-west-1"):
        manager = aws.client("secretsmanager", region)
        assert manager.describe_secret(SecretId=name)["KmsKeyId"] == alias
        assert manager.get_secret_value(SecretId=name)["SecretString"] == "value"


def test_a_secret_whose_copy_has_no_key_in_its_region_is_refused(
    aws: LocalAws, unique: Callable[[str], str]
) -> None:
    name, alias = unique("early"), f"alias/{unique('secrets')}"
    aws.deploy(_key(alias))
    copy = {"Region": "eu-west-1", "KmsKeyId": alias}
    with pytest.raises(AssertionError, match=f"eu-west-1 has no key {alias}"):
        aws.deploy({"Secret": _secret(name, SecretString="value", KmsKeyId=alias, ReplicaRegions=[copy])})


def test_a_policy_of_a_secret_reads_back(aws: LocalAws, unique: Callable[[str], str]) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"SecretId": {"Ref": "Secret"}, "ResourcePolicy": policy}
    resource = {"Type": "AWS::SecretsManager::ResourcePolicy", "Properties": properties}
    stack = aws.deploy({"Secret": _secret(unique("guarded")), "Policy": resource}, {"Ref": {"Ref": "Secret"}})
    found = aws.client("secretsmanager").get_resource_policy(SecretId=stack.outputs["Ref"])
    assert json.loads(found["ResourcePolicy"]) == policy


def _scaling(service: str, target: int) -> dict[str, Any]:
    policy = {
        "PolicyName": "cpu",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    }
    bounds = {
        "MinCapacity": 2,
        "MaxCapacity": "10",
        "ResourceId": f"service/cluster/{service}",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ServiceNamespace": "ecs",
    }
    return {
        "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": bounds},
        "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
    }


def test_scaling_reads_back_changes_and_goes(aws: LocalAws, unique: Callable[[str], str]) -> None:
    service, scaling = unique("scaled"), aws.client("application-autoscaling")
    stack = aws.deploy(_scaling(service, 60))
    resource = {"ServiceNamespace": "ecs", "ResourceIds": [f"service/cluster/{service}"]}
    (target,) = scaling.describe_scalable_targets(**resource)["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 10)
    stack.apply(_scaling(service, 50), {}, update=True)
    found = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=f"service/cluster/{service}")
    (policy,) = found["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 50
    stack.delete()
    assert scaling.describe_scalable_targets(**resource)["ScalableTargets"] == []


def test_an_alarm_on_an_expression_and_a_composite_of_it_read_back(
    aws: LocalAws, unique: Callable[[str], str]
) -> None:
    burn, composite = unique("burn"), unique("composite")
    metric = {"Metric": {"Namespace": "RichesReach", "MetricName": "errors"}, "Period": "60", "Stat": "Sum"}
    alarm = {
        "AlarmName": burn,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 14.4,
        "Metrics": [
            {"Id": "rate", "Expression": "errors / 100", "ReturnData": True},
            {"Id": "errors", "MetricStat": metric, "ReturnData": False},
        ],
    }
    rule = {"Fn::Join": ["", ["ALARM(", {"Ref": "Burn"}, ")"]]}
    stack = aws.deploy(
        {
            "Burn": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
            "All": {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "Properties": {"AlarmName": composite, "AlarmRule": rule},
            },
        }
    )
    cloudwatch = aws.client("cloudwatch")
    found = cloudwatch.describe_alarms(
        AlarmNames=[burn, composite], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    assert [each["Id"] for each in found["MetricAlarms"][0]["Metrics"]] == ["rate", "errors"]
    assert found["CompositeAlarms"][0]["AlarmRule"] == f"ALARM({burn})"
    stack.delete()
    assert cloudwatch.describe_alarms(AlarmNames=[burn])["MetricAlarms"] == []


def test_a_log_group_keeps_its_key_and_the_key_rotates(aws: LocalAws, unique: Callable[[str], str]) -> None:
    name = unique("/under-test/logs")
    key = {
        "EnableKeyRotation": True,
        "MultiRegion": True,
        "KeyPolicy": {"Version": "2012-10-17", "Statement": []},
    }
    logs = {"LogGroupName": name, "RetentionInDays": 30, "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}
    stack = aws.deploy(
        {
            "Key": {"Type": "AWS::KMS::Key", "Properties": key},
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": logs},
        },
        {"Key": {"Fn::GetAtt": ["Key", "Arn"]}},
    )
    (group,) = aws.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert (group["kmsKeyId"], group["retentionInDays"]) == (stack.outputs["Key"], 30)
    kms = aws.client("kms")
    assert kms.get_key_rotation_status(KeyId=stack.outputs["Key"])["KeyRotationEnabled"] is True
    assert kms.describe_key(KeyId=stack.outputs["Key"])["KeyMetadata"]["MultiRegion"] is True


def test_an_output_of_another_region_resolves(aws: LocalAws, unique: Callable[[str], str]) -> None:
    address = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}
    producer = aws.deploy({"Address": address}, {"Address": {"Ref": "Address"}}, region="eu-west-1")
    spec = {"StackName": producer.name, "Region": "eu-west-1", "OutputName": "Address"}
    value = {"Name": unique("/under-test/address"), "Type": "String", "Value": {"Fn::GetStackOutput": spec}}
    consumer = aws.deploy(
        {"P": {"Type": "AWS::SSM::Parameter", "Properties": value}}, {"Value": {"Fn::GetAtt": ["P", "Value"]}}
    )
    assert consumer.outputs["Value"] == producer.outputs["Address"]


def test_an_unchanged_stack_has_no_update(aws: LocalAws) -> None:
    resources = {"Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}}
    stack = aws.deploy(resources)
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stack.apply(resources, {}, update=True)


def test_a_property_that_the_api_refuses_fails_the_stack_with_its_reason(aws: LocalAws) -> None:
    nat = {"Type": "AWS::EC2::NatGateway", "Properties": {"AllocationId": "eipalloc-1"}}
    stack = Stack(aws, "refused", "us-east-1")
    stack.start({"Nat": nat}, {})
    stack.wait()
    assert stack.status == "ROLLBACK_COMPLETE"
    assert any("SubnetId" in failure for failure in stack.failures())
