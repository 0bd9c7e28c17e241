"""Who may do more, or reach more, after a deployment than before: IAM and security groups in plain words.

A statement is compared as the set of its (principal, effect, action, resource, condition); an order, an id or
a statement split in two is no change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.plan.assembly import Stack

#: Where each type keeps policy documents; a list holds inline policies.
_DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "AWS::IAM::Policy": ("PolicyDocument",),
    "AWS::IAM::ManagedPolicy": ("PolicyDocument",),
    "AWS::IAM::Role": ("AssumeRolePolicyDocument", "Policies"),
    "AWS::S3::BucketPolicy": ("PolicyDocument",),
    "AWS::SQS::QueuePolicy": ("PolicyDocument",),
    "AWS::SNS::TopicPolicy": ("PolicyDocument",),
    "AWS::KMS::Key": ("KeyPolicy",),
    "AWS::SecretsManager::ResourcePolicy": ("ResourcePolicy",),
}
_RULES: Mapping[str, tuple[str, str]] = {
    "SecurityGroupIngress": ("lets in", "from"),
    "SecurityGroupEgress": ("reaches", "to"),
}
_PEERS = (
    "CidrIp",
    "CidrIpv6",
    "SourceSecurityGroupId",
    "DestinationSecurityGroupId",
    "SourcePrefixListId",
    "DestinationPrefixListId",
)
_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})


@dataclass(frozen=True, order=True)
class Grant:
    """One thing allowed or denied. ``subject`` is the construct that holds it; ``widens`` where there is one
    more of it: a permission, an open port, or a denial that is gone."""

    region: str
    stack: str
    subject: str
    words: str
    denies: bool = False

    def __str__(self) -> str:
        return f"{self.subject}: {self.words}"


@dataclass(frozen=True)
class AccessChange:
    """``added`` and ``removed`` of one environment, sorted."""

    added: tuple[Grant, ...]
    removed: tuple[Grant, ...]

    @property
    def widened(self) -> tuple[Grant, ...]:
        """What somebody or something may do after that it might not before."""
        new = [grant for grant in self.added if not grant.denies]
        gone = [grant for grant in self.removed if grant.denies]
        return tuple(sorted([*new, *gone]))


def between(before: Iterable[Stack], after: Iterable[Stack]) -> AccessChange:
    """Compares what all stacks of an environment grant.

    A resource that is new brings its grants with it: they count as added, and as widening.
    """
    old = {grant for stack in before for grant in _of_stack(stack)}
    new = {grant for stack in after for grant in _of_stack(stack)}
    return AccessChange(tuple(sorted(new - old)), tuple(sorted(old - new)))


def opens_to_anyone(grant: Grant) -> bool:
    """Whether a security group lets the whole internet in by this grant."""
    return grant.words.startswith("lets in") and any(block in grant.words for block in _ANYWHERE)


def _of_stack(stack: Stack) -> Iterator[Grant]:
    for logical_id, resource in stack.resources.items():
        properties = resource.get("Properties", {})
        path = str(resource.get("Metadata", {}).get("aws:cdk:path", logical_id))
        subject = path.removeprefix(f"{stack.name}/").removesuffix("/Resource")
        for words, denies in (
            *_policies(resource["Type"], properties),
            *((words, False) for words in _network(resource["Type"], properties)),
        ):
            yield Grant(stack.region, stack.name, subject, words, denies)


def _policies(kind: str, properties: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    for name in _DOCUMENTS.get(kind, ()):
        value = properties.get(name)
        for document in [each["PolicyDocument"] for each in value] if isinstance(value, list) else [value]:
            if isinstance(document, Mapping):
                for statement in _listed(document.get("Statement", [])):
                    yield from _statement(statement)
    for arn in _listed(properties.get("ManagedPolicyArns", [])) if kind == "AWS::IAM::Role" else ():
        if "arn:aws" in _plain(arn) or "policy/" in _plain(arn):
            yield f"has the managed policy {_plain(arn)}", False
    if kind == "AWS::Lambda::Permission":
        yield (
            f"lets {_plain(properties.get('Principal'))} call {_plain(properties.get('FunctionName'))}",
            False,
        )


def _statement(statement: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    denies = statement.get("Effect") == "Deny"
    verb = "denies" if denies else "allows"
    principal = statement.get("Principal", statement.get("NotPrincipal"))
    whom = f"{_principal(principal)} " if principal is not None else ""
    condition = statement.get("Condition")
    when = f" if {_plain(condition)}" if condition else ""
    resources = _listed(statement.get("Resource", statement.get("NotResource", "")))
    for action in _listed(statement.get("Action", statement.get("NotAction", ""))):
        for resource in resources:
            where = f" on {_plain(resource)}" if resource else ""
            yield f"{verb} {whom}{action}{where}{when}", denies


def _network(kind: str, properties: Mapping[str, Any]) -> Iterator[str]:
    if kind == "AWS::EC2::SecurityGroup":
        for direction in _RULES:
            for rule in properties.get(direction, []):
                yield _rule(direction, rule)
    elif kind.removeprefix("AWS::EC2::") in _RULES:
        yield _rule(kind.removeprefix("AWS::EC2::"), properties)


def _rule(direction: str, rule: Mapping[str, Any]) -> str:
    verb, preposition = _RULES[direction]
    ends = [rule.get("FromPort"), rule.get("ToPort")]
    protocol = {"-1": "everything", "icmp": "ICMP"}.get(str(rule["IpProtocol"]), str(rule["IpProtocol"]))
    ports = "" if None in ends or protocol == "everything" else f" {ends[0]}"
    if ports and ends[0] != ends[1]:
        ports += f" to {ends[1]}"
    peer = next((_plain(rule[name]) for name in _PEERS if name in rule), "?")
    if peer in _ANYWHERE:
        peer = f"anyone ({peer})"
    return f"{verb} {protocol}{ports} {preposition} {peer}"


def _principal(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "anyone" if value == "*" else _plain(value)
    named = [_plain(each) for whom in value.values() for each in _listed(whom)]
    return ", ".join("anyone" if each == "*" else each for each in named)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> str:
    """A value as a reader knows it: references by logical id, joins as one string."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, inner),) = value.items()
        if name == "Ref":
            return f"<{inner}>"
        if name == "Fn::GetAtt" and isinstance(inner, list):
            return f"<{'.'.join(map(str, inner))}>"
        if name == "Fn::Join" and isinstance(inner, list):
            return str(inner[0]).join(_plain(part) for part in inner[1])
        if name == "Fn::GetStackOutput" and isinstance(inner, Mapping):
            return f"<{inner.get('StackName')}.{inner.get('OutputName')}>"
    return json.dumps(value, sort_keys=True)
