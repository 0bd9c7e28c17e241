"""A custom resource whose Lambda calls the server and waits, as the migration of the deploy does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .conftest import LocalAws, Stack, start_server

WAITING = """
import json, time, urllib.request
import boto3

def handler(event, context):
    data, name = {}, event["ResourceProperties"]["Parameter"]
    if event["RequestType"] == "Create":
        ssm = boto3.client("ssm")
        ssm.put_parameter(Name=name + "/asked", Value="yes", Type="String")
        while not ssm.get_parameters(Names=[name + "/answered"])["Parameters"]:
            time.sleep(0.05)
        data = {"Answer": ssm.get_parameter(Name=name + "/answered")["Parameter"]["Value"]}
    body = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    body.update(Status="SUCCESS", PhysicalResourceId="waited", Data=data)
    sent, url = json.dumps(body).encode(), event["ResponseURL"]
    request = urllib.request.Request(url, sent, {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request)
"""


def _resources(name: str) -> dict[str, Any]:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Code": {"ZipFile": WAITING},
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": 60,
            },
        },
        "Waiting": {
            "Type": "Custom::Waiting",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Parameter": name},
        },
    }


def test_others_reach_the_server_while_a_custom_resource_waits(aws: LocalAws) -> None:
    name, ssm = "/under-test/waiting", aws.client("ssm")
    stack = Stack(aws, "waiting", "us-east-1")
    stack.start(_resources(name), {"Answer": {"Fn::GetAtt": ["Waiting", "Answer"]}})
    while not ssm.get_parameters(Names=[f"{name}/asked"])["Parameters"]:
        time.sleep(0.05)
    aws.deploy({"Other": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}})
    ssm.put_parameter(Name=f"{name}/answered", Value="done", Type="String")
    stack.wait()
    assert (stack.status, stack.outputs.get("Answer")) == ("CREATE_COMPLETE", "done"), stack.failures()


def test_the_server_ends_while_a_custom_resource_waits(tmp_path: Path) -> None:
    server, local_aws = start_server(tmp_path)
    stack, ssm = Stack(local_aws, "waiting", "us-east-1"), local_aws.client("ssm")
    stack.start(_resources("/under-test/ending"), {})
    while not ssm.get_parameters(Names=["/under-test/ending/asked"])["Parameters"]:
        time.sleep(0.05)
    server.terminate()
    assert server.wait(timeout=20) == 0
