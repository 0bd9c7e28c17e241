"""An assembly of one small stack, as a synthesis leaves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.policy.assembly import REPORT, Assembly

STACK = "richesreach-prod-eu-west-1-datalake"

TEMPLATE = {
    "Resources": {
        "Lake1": {
            "Type": "AWS::S3::Bucket",
            "Properties": {},
            "Metadata": {"aws:cdk:path": f"{STACK}/Lake/Resource"},
        },
        "Reader2": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["s3:GetObject"],
                            "Resource": {"Fn::Join": ["", [{"Fn::GetAtt": ["Lake1", "Arn"]}, "/raw/*"]]},
                        }
                    ],
                }
            },
            "Metadata": {"aws:cdk:path": f"{STACK}/Reader/Resource"},
        },
    }
}


def nag(name: str, violations: list[Any] | None = None, accepted: list[Any] | None = None) -> dict[str, Any]:
    """A pack's part of the validation report."""
    return {"pluginName": name, "violations": violations or [], "suppressedViolations": accepted or []}


def violation(rule: str, path: str, **more: str) -> dict[str, Any]:
    constructs = [{"constructPath": path}]
    return {"ruleName": rule, "description": "what is wrong", "violatingConstructs": constructs, **more}


def write(folder: Path, template: object = TEMPLATE, reports: list[Any] | None = None) -> Assembly:
    (folder / f"{STACK}.template.json").write_text(json.dumps(template))
    (folder / REPORT).write_text(json.dumps({"pluginReports": reports or []}))
    return Assembly(folder)


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    return write(tmp_path)
