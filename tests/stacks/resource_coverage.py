"""How each resource type of the platform is tested, read from the tests themselves.

``make resource-coverage`` writes docs/resource-coverage.md.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.local.paths import LOCAL_PYTHON
from stacks.environment import PLACEHOLDER_ACCOUNT, Environment, load_environment
from stacks.manifest import Manifest, load_manifests
from stacks.node import NODE
from stacks.yaml_file import ROOT
from tests.aws_calls import calls
from tests.stacks import environments
from tests.stacks.assembly import Assembly

PAGE = ROOT / "docs" / "resource-coverage.md"
ENVIRONMENTS = ("local", "dev", "staging", "prod")

#: Modules here that name types without saying anything of a resource.
SILENT = {"resource_coverage.py", "test_resource_coverage.py", "test_stateful_lock.py"}

#: Calls of ``ops/`` and ``lambda/`` that act on a resource of the type, through moto.
MOTO: Mapping[str, tuple[str, ...]] = {
    "AWS::CloudFront::Distribution": ("cloudfront.update_distribution",),
    "AWS::EC2::SecurityGroup": ("ec2.revoke_security_group_ingress", "ec2.revoke_security_group_egress"),
    "AWS::ECS::Service": ("ecs.update_service",),
    "AWS::ECS::TaskDefinition": ("ecs.run_task",),
    "AWS::ElasticLoadBalancingV2::Listener": ("elbv2.describe_listeners",),
    "AWS::ElasticLoadBalancingV2::ListenerRule": ("elbv2.modify_rule",),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("elbv2.describe_load_balancers",),
    "AWS::Lambda::Function": ("lambda.invoke",),
    "AWS::S3::Bucket": ("s3.put_object", "s3.delete_objects", "s3.put_bucket_replication"),
    "AWS::SSM::Parameter": ("ssm.get_parameter",),
    "AWS::SecretsManager::Secret": ("secretsmanager.put_secret_value", "secretsmanager.get_secret_value"),
    "AWS::KinesisAnalyticsV2::Application": ("kinesisanalyticsv2.describe_application",),
    "Custom::ClosedSecurityGroup": ("ec2.revoke_security_group_ingress",),
    "Custom::FlinkRun": ("kinesisanalyticsv2.describe_application",),
    "Custom::LakeReplication": ("s3.put_bucket_replication",),
    "Custom::LakeSchemas": ("s3.put_object",),
    "Custom::PrefixLists": ("ec2.describe_managed_prefix_lists",),
    "Custom::RunTask": ("ecs.run_task",),
}

#: Types that requests or rows pass through, by acceptance test.
DATA_PLANE: Mapping[str, tuple[str, ...]] = {
    "test_an_answer_of_the_api_is_never_served_to_another_viewer_from_the_cache": (
        "AWS::CloudFront::CachePolicy",
    ),
    "test_viewer_is_served_by_the_nearest_region": (
        "AWS::CloudFront::Distribution",
        "AWS::CloudFront::OriginRequestPolicy",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::Route53::RecordSet",
    ),
    "test_what_is_internal_is_not_reachable_through_the_edge": ("AWS::CloudFront::Function",),
    "test_drain_flag_moves_a_regions_viewers_and_its_removal_brings_them_back": (
        "AWS::CloudFront::KeyValueStore",
        "AWS::SSM::Parameter",
    ),
    "test_killed_process_comes_back_in_place": (
        "AWS::ECS::Cluster",
        "AWS::ECS::Service",
    ),
    "test_wrong_template_names_the_service_that_does_not_start": (
        "AWS::ECS::TaskDefinition",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
    ),
    "test_failover_of_the_datastore_moves_the_real_primary_and_the_services_follow": (
        "AWS::ElastiCache::GlobalReplicationGroup",
    ),
    "test_services_reach_both_stores_under_their_names": ("AWS::ElastiCache::ReplicationGroup",),
    "test_cache_admits_its_own_regions_user_and_nobody_else": (
        "AWS::ElastiCache::User",
        "AWS::SecretsManager::Secret",
    ),
    "test_services_user_cannot_empty_a_cache_and_the_administrator_can_look_into_it": (
        "AWS::ElastiCache::UserGroup",
    ),
    "test_row_written_at_home_is_read_in_singapore": (
        "AWS::RDS::DBCluster",
        "Custom::RunTask",
    ),
    "test_row_written_from_singapore_goes_to_the_writer_at_home": ("AWS::RDS::DBInstance",),
    "test_switchover_moves_the_real_writer_and_the_services_follow": ("AWS::RDS::GlobalCluster",),
    "test_default_security_group_holds_no_rule": ("Custom::ClosedSecurityGroup",),
    "test_message_published_in_a_region_arrives_there_and_in_no_other": (
        "AWS::MSK::Cluster",
        "AWS::MSK::Topic",
        "Custom::StreamBrokers",
    ),
}

_INTRODUCTION = """\
# Every resource type and how it is tested

Written by `make resource-coverage`; a test fails when it is stale, and when a type is asserted nowhere.

- **asserted**: a test of `tests/stacks` reads resources of the type out of a template (grep its name).
- **moto**: `ops/` or `lambda/` acts on such a resource in a test through moto ([calls](aws-calls.md)).
- **local AWS**: what `make up` makes of it. *Real*: the service's API answers from it, or a process runs;
  *recorded*: the declaration is kept and nothing acts on it; *no-op*: nothing is. Empty: none in `local`.
- **data plane**: an acceptance test whose requests or rows pass through it, of `tests/acceptance`.

`options` is prod with what it leaves off and what adds a type: a staging distribution, a task on a schedule.

| type | in | asserted | moto | local AWS | data plane |
| --- | --- | --- | --- | --- | --- |
"""


def options() -> tuple[Environment, tuple[Manifest, ...]]:
    """Prod with a staging distribution, and a task on a schedule."""
    contents = environments.document()
    for path, value in {"edge.http3": False, "edge.staging": {"weight": 0.05}}.items():
        contents = environments.put(contents, path, value)
    with tempfile.TemporaryDirectory() as folder:
        environment = environments.read(Path(folder), contents)
    first, *others = load_manifests()
    nightly = {"name": "nightly", "command": ["true"], "run": "schedule", "schedule": "cron(0 3 * * ? *)"}
    tasks = [*(task.model_dump() for task in first.tasks), nightly]
    return environment, (Manifest.model_validate(first.model_dump() | {"tasks": tasks}), *others)


def types(assemblies: Mapping[str, Assembly]) -> dict[str, list[str]]:
    """Names of the environments that have a resource of each type."""
    found: dict[str, list[str]] = {}
    for name, assembly in assemblies.items():
        for kind in {
            whole["Type"]
            for template in assembly.templates.values()
            for whole in template.get("Resources", {}).values()
        }:
            found.setdefault(kind, []).append(name)
    return dict(sorted(found.items()))


def asserted() -> set[str]:
    """Every text of the modules of ``tests/stacks``, the names of the types that they read among them."""
    found: set[str] = set()
    for path in sorted((ROOT / "tests" / "stacks").glob("*.py")):
        if path.name in SILENT:
            continue
        found |= {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return found


def fidelities() -> dict[str, str]:
    """Mark of each type on the local AWS, from its own environment; a custom type runs its function."""
    done = subprocess.run(
        [str(LOCAL_PYTHON), "-m", "ops.local.types", "--fidelity"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    marks: dict[str, str] = json.loads(done.stdout)
    return marks


def page(assemblies: Mapping[str, Assembly]) -> str:
    """docs/resource-coverage.md."""
    named, marks, places_of_tests = asserted(), fidelities(), acceptance_tests()
    rows = []
    for kind, places in types(assemblies).items():
        mark = "real" if kind.startswith("Custom::") else marks.get(kind, "")
        everywhere = len(places) == len(assemblies)
        cells = (
            f"`{kind}`",
            "every" if everywhere else ", ".join(places),
            "yes" if kind in named else "",
            ", ".join(f"`{operation}`" for operation in MOTO.get(kind, ())),
            mark if "local" in places else "",
            ", ".join(sorted({places_of_tests[test] for test, kinds in DATA_PLANE.items() if kind in kinds})),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return _INTRODUCTION + "\n".join(rows) + "\n"


def unknown_operations() -> list[str]:
    """Operations of ``MOTO`` that no test calls through moto."""
    answered = {call.operation for call in calls.read() if call.layer == "moto"}
    return sorted({operation for operations in MOTO.values() for operation in operations} - answered)


def acceptance_tests() -> dict[str, str]:
    """Module of each acceptance test."""
    return {
        node.name: path.stem.removeprefix("test_")
        for path in sorted((ROOT / "tests" / "acceptance").glob("test_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


def unknown_tests() -> list[str]:
    """Tests of ``DATA_PLANE`` that do not exist."""
    return sorted(DATA_PLANE.keys() - acceptance_tests().keys())


def synthesised(
    environment: Environment, folder: Path, manifests: Sequence[Manifest] | None = None
) -> Assembly:
    """The environment with the committed services; the policy packs are the subject of other tests."""
    os.environ.setdefault("JSII_NODE", str(NODE))
    from stacks.platform import build  # noqa: PLC0415  (starts Node)

    unruled = environment.model_copy(update={"cdk_nag": False})
    build(unruled, PLACEHOLDER_ACCOUNT, manifests or load_manifests(), outdir=str(folder)).synth()
    return Assembly(folder, environment.name)


def main() -> None:
    """Writes the page."""
    with tempfile.TemporaryDirectory() as folder:
        assemblies = {name: synthesised(load_environment(name), Path(folder) / name) for name in ENVIRONMENTS}
        environment, manifests = options()
        assemblies["options"] = synthesised(environment, Path(folder) / "options", manifests)
        PAGE.write_text(page(assemblies), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)}: {len(types(assemblies))} types\n")


if __name__ == "__main__":
    main()
