"""Who may do more or reach more."""

from typing import Any

from ops.plan.access import between, opens_to_anyone
from tests.ops.plan.templates import resource, stack


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {
        "Policy": resource(
            "AWS::IAM::ManagedPolicy", "Role/Policy", PolicyDocument={"Statement": [*statements]}
        )
    }


def group(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"Group": resource("AWS::EC2::SecurityGroup", "Tasks", SecurityGroupIngress=[*rules])}


READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"}
WRITE = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::lake/*"}
TLS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


def test_a_new_permission_widens_access_and_says_who_may_do_what() -> None:
    change = between([stack(policy(READ))], [stack(policy(READ, WRITE))])
    assert [str(grant) for grant in change.widened] == [
        "Role/Policy: allows s3:PutObject on arn:aws:s3:::lake/*"
    ]
    assert change.removed == ()


def test_statements_split_or_reordered_are_no_change() -> None:
    joined = READ | {"Action": ["s3:PutObject", "s3:GetObject"]}
    change = between([stack(policy(READ, WRITE))], [stack(policy(joined))])
    assert change.added == change.removed == ()


def test_a_denial_that_goes_widens_and_one_that_comes_does_not() -> None:
    deny = READ | {"Effect": "Deny"}
    assert between([stack(policy(deny))], [stack(policy())]).widened
    assert not between([stack(policy())], [stack(policy(deny))]).widened


def test_a_condition_that_goes_is_a_wider_grant() -> None:
    bounded = READ | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    (grant,) = between([stack(policy(bounded))], [stack(policy(READ))]).widened
    assert "aws:SecureTransport" not in str(grant)


def test_a_port_opened_to_the_internet_is_named_so() -> None:
    opened = group(TLS | {"CidrIp": "0.0.0.0/0"})
    (grant,) = between([stack(group())], [stack(opened)]).widened
    assert str(grant) == "Tasks: lets in tcp 443 from anyone (0.0.0.0/0)"
    assert opens_to_anyone(grant)


def test_a_port_opened_to_a_network_is_not_open_to_anyone() -> None:
    (grant,) = between([stack(group())], [stack(group(TLS | {"CidrIp": "10.0.0.0/8"}))]).widened
    assert not opens_to_anyone(grant)


def test_a_closed_port_is_told_and_does_not_widen() -> None:
    change = between([stack(group(TLS | {"CidrIp": "10.0.0.0/8"}))], [stack(group())])
    assert change.widened == ()
    assert len(change.removed) == 1


def test_inline_trust_and_managed_policies_of_a_role_are_read() -> None:
    trust = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}}
    role = resource(
        "AWS::IAM::Role",
        "Role",
        AssumeRolePolicyDocument=trust,
        Policies=[{"PolicyDocument": {"Statement": [READ]}}],
        ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"],
    )
    words = {str(grant) for grant in between([], [stack({"Role": role})]).widened}
    assert words == {
        "Role: allows anyone sts:AssumeRole",
        "Role: allows s3:GetObject on arn:aws:s3:::lake/*",
        "Role: has the managed policy arn:aws:iam::aws:policy/AdministratorAccess",
    }
