"""Run by the Python of `.venv-policy`: cloudsplaining's view of every policy in a folder of templates.

Prints ``{"version", "policies", "findings": [{"stack", "logical_id", "kind", "name"}]}``. A policy that
allows every action has one finding of each kind, named ``*``, instead of thousands.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

Json = Any

#: Reading what only secrets and data hold, wherever it lies.
EXFILTRATION = (
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
)

POLICIES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
INLINE = ("AWS::IAM::Group", "AWS::IAM::Role", "AWS::IAM::User")


def documents(body: Json) -> list[Json]:
    """Policy documents of one resource."""
    properties = body.get("Properties", {})
    if body["Type"] in POLICIES:
        return [properties["PolicyDocument"]]
    if body["Type"] in INLINE:
        return [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    return []


def flat(value: Json) -> Json:
    """Intrinsic functions as the text of some resource: what they name is one thing, and never a wildcard."""
    if isinstance(value, list):
        return [flat(each) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return separator.join(str(flat(part)) for part in parts)
    if set(value) == {"Ref"}:
        return {"AWS::Partition": "aws"}.get(value["Ref"], value["Ref"].replace("::", "-"))
    if len(value) == 1 and next(iter(value)).startswith("Fn::"):
        return "arn:aws:service:region:account:resource"
    return {key: flat(each) for key, each in value.items()}


def findings(document: Json) -> Iterator[tuple[str, str]]:
    """Kind and name of what one policy allows beyond single resources."""
    from cloudsplaining.scan.policy_document import PolicyDocument  # noqa: PLC0415  (in .venv-policy alone)

    policy = PolicyDocument(flat(document))
    kinds = {
        "CredentialsExposure": policy.credentials_exposure,
        "DataExfiltration": policy.allows_specific_actions_without_constraints(list(EXFILTRATION)),
        "InfrastructureModification": policy.infrastructure_modification,
        "PrivilegeEscalation": [path["type"] for path in policy.allows_privilege_escalation],
        "ResourceExposure": policy.permissions_management_without_constraints,
        "ServiceWildcard": policy.service_wildcard,
    }
    everything = any(
        statement.get("Effect") == "Allow" and statement.get("Action") in ("*", ["*"])
        for statement in document["Statement"]
    )
    for kind, names in kinds.items():
        for name in ["*"] if everything and names else sorted(set(names)):
            yield kind, name


def main(folder: Path) -> None:
    found, policies = [], 0
    for path in sorted(folder.iterdir()):
        resources = json.loads(path.read_text(encoding="utf-8")).get("Resources", {})
        for logical_id, body in resources.items():
            for document in documents(body):
                policies += 1
                place = {"stack": path.name.removesuffix(".template.json"), "logical_id": logical_id}
                found += [{**place, "kind": kind, "name": name} for kind, name in findings(document)]
    report = {"version": version("cloudsplaining"), "policies": policies, "findings": found}
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
