"""What `up` and `status` say when something does not come up: the thing, and its reason."""

from __future__ import annotations

import dataclasses

from ops.local import deployment, readiness
from ops.local.state import LocalAws, ProcessState, ServiceState, State
from stacks.environment import load_environment

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
LOCAL = load_environment("local")


def service(region: str) -> ServiceState:
    return ServiceState(
        region, "richesreach-local", "gateway", desired=1, running=1, healthy=1, status="steady"
    )


SERVING = State(
    local_aws=LocalAws("http://127.0.0.1:4566", "running"),
    processes=(ProcessState("edge", "edge", status="running"),),
    services=tuple(service(region) for region in REGIONS),
)


def with_service(region: str, **changes: object) -> State:
    changed = tuple(
        dataclasses.replace(each, **changes) if each.region == region else each  # type: ignore[arg-type]
        for each in SERVING.services
    )
    return dataclasses.replace(SERVING, services=changed)


def test_everything_that_serves_leaves_nothing_to_say() -> None:
    assert readiness.unready(LOCAL, SERVING) == []


def test_nothing_published_says_so_of_every_part() -> None:
    assert readiness.unready(LOCAL, State()) == [
        "the local AWS is stopped: no reason",
        "no service runs in us-east-1",
        "no service runs in eu-west-1",
        "no service runs in ap-southeast-1",
        "the edge has not started: no distribution is deployed",
    ]


def test_service_that_fails_is_named_with_its_reason() -> None:
    published = with_service("eu-west-1", status="failing", healthy=0, reason="exited with 1: no database")
    assert readiness.unready(LOCAL, published) == [
        "gateway in eu-west-1 does not start: exited with 1: no database"
    ]


def test_service_that_deploys_is_not_ready_though_it_gives_no_reason() -> None:
    published = with_service("eu-west-1", status="deploying")
    assert readiness.unready(LOCAL, published) == ["gateway in eu-west-1 does not start: it is deploying"]


def test_service_with_too_few_healthy_tasks_is_not_ready() -> None:
    assert len(readiness.unready(LOCAL, with_service("ap-southeast-1", healthy=0))) == 1


def test_process_that_restarts_is_named_with_its_reason() -> None:
    postgres = ProcessState("postgres-1", "postgres", status="restarting", reason="disk full")
    published = dataclasses.replace(SERVING, processes=(*SERVING.processes, postgres))
    assert readiness.unready(LOCAL, published) == ["postgres-1 is restarting: disk full"]


def test_failed_local_aws_is_named_with_its_reason() -> None:
    published = dataclasses.replace(SERVING, local_aws=LocalAws("", "failed", "port taken"))
    assert readiness.unready(LOCAL, published) == ["the local AWS is failed: port taken"]


EVENTS = [
    "richesreach-local-us-east-1-ecs: creating CloudFormation changeset...",
    "richesreach-local-us-east-1-ecs |  3/40 | 10:00:00 | CREATE_COMPLETE | AWS::ECS::Cluster | Cluster",
    "richesreach-local-us-east-1-ecs |  4/40 | 10:00:01 | CREATE_FAILED | Custom::RunTask | exited with 1",
    "richesreach-local-us-east-1-ecs |  5/40 | 10:00:01 | UPDATE_FAILED | AWS::ECS::Service | cancelled",
    "richesreach-local-us-east-1-ecs |  6/40 | 10:00:01 | CREATE_FAILED | AWS::ECS::Service | a third",
    "❌  richesreach-local-us-east-1-ecs failed: ToolkitError: the stack did not stabilise",
    "",
]


def test_reason_of_a_failed_deployment_is_cloudformations_first() -> None:
    said = deployment.reason(EVENTS)
    assert said.split(" | ")[3:6] == ["CREATE_FAILED", "Custom::RunTask", "exited with 1"]
    assert "UPDATE_FAILED" in said
    assert said.endswith("the stack did not stabilise")
    assert "CREATE_COMPLETE" not in said
    assert "a third" not in said


def test_reason_of_a_failed_synthesis_is_the_apps_own_line() -> None:
    lines = [
        "reading",
        "error: environments/local.yaml: zzz: unknown key; known keys are …",
        "",
        "Subprocess exited",
    ]
    assert deployment.reason(lines) == "error: environments/local.yaml: zzz: unknown key; known keys are …"


def test_reason_without_any_known_line_is_the_end_of_the_story() -> None:
    assert deployment.reason(["one", "two", "", "three", "four", " "]) == "two | three | four"


def test_silence_is_said() -> None:
    assert deployment.reason([]) == deployment.reason(["", " "]) == "the CDK CLI said nothing"


def test_table_of_finished_stacks_follows_the_clis_lines() -> None:
    for line in ("✅  richesreach-local-eu-west-1-ecs", " ✅  richesreach-local-eu-west-1-ecs (no changes)"):
        found = deployment._FINISHED.match(line)
        assert found is not None
        assert found[1] == "richesreach-local-eu-west-1-ecs"
    assert deployment._FINISHED.match("❌  richesreach-local-eu-west-1-ecs failed") is None
