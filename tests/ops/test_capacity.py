"""What regions must hold when another is lost: for the committed environments, and for any."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ops import capacity
from stacks.ecs.capacity import asked, evacuation, running
from stacks.environment import Environment, load_environment
from stacks.manifest import Manifest, load_manifests
from stacks.settings import TaskCount
from tests.stacks import environments

GATEWAY = next(found for found in load_manifests() if found.default)
PROD = load_environment("prod")

counts = st.lists(st.integers(1, 30), min_size=3, max_size=3).map(sorted)
placements = st.sampled_from(["every-region", "writer-region"])


def with_counts(bounds: list[int]) -> Environment:
    low, desired, high = bounds
    tasks = TaskCount(min=low, desired=desired, max=high)
    return PROD.model_copy(update={"services": PROD.services.model_copy(update={"tasks": tasks})})


def service(placement: str) -> Manifest:
    return GATEWAY.model_copy(update={"placement": placement})


@pytest.mark.parametrize("name", ["prod", "staging", "dev", "local"])
def test_committed_environments_survive_the_loss_of_any_region(name: str) -> None:
    console = Console(file=io.StringIO(), width=150)
    assert capacity.capacity(console, name) == 0


def test_region_holds_its_own_tasks_and_the_lost_regions(tmp_path: Path) -> None:
    (tasks,) = [n for n in evacuation(PROD, [GATEWAY]) if n.region == "eu-west-1" and "tasks" in n.what]
    assert (tasks.normal, tasks.needed, tasks.limit) == (3, 6, 10)


@given(counts, placements)
def test_no_task_of_a_lost_region_is_forgotten(bounds: list[int], placement: str) -> None:
    environment, manifest = with_counts(bounds), service(placement)
    writer = environment.writer_region
    for lost in environment.regions:
        for region in set(environment.regions) - {lost}:
            needed = asked(environment, manifest, region, lost)
            assert needed >= running(environment, manifest, lost, writer)
            assert needed >= running(environment, manifest, region, writer)


@given(counts)
def test_maximum_below_twice_the_desired_count_is_told(bounds: list[int]) -> None:
    environment = with_counts(bounds)
    told = [need for need in evacuation(environment, [GATEWAY]) if "tasks" in need.what and not need.holds]
    assert bool(told) == (bounds[2] < 2 * bounds[1])


@given(counts)
def test_higher_maximum_never_breaks_what_held(bounds: list[int]) -> None:
    low, desired, high = bounds
    before = {n.what + n.region for n in evacuation(with_counts(bounds), [GATEWAY]) if n.holds}
    after = {
        n.what + n.region for n in evacuation(with_counts([low, desired, high + 1]), [GATEWAY]) if n.holds
    }
    assert before <= after


def test_too_small_a_quota_is_one_line_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    small = PROD.services.capacity.model_copy(update={"fargate_vcpus": 1})
    services = PROD.services.model_copy(update={"capacity": small})
    monkeypatch.setattr(
        capacity, "load_environment", lambda _: PROD.model_copy(update={"services": services})
    )
    out = io.StringIO()
    assert capacity.capacity(Console(file=out, width=200), "prod") == 1
    assert "Fargate vCPUs in us-east-1: 60 are needed when" in out.getvalue()
    assert "raise the quota, then services.capacity.fargate_vcpus" in out.getvalue()


def test_one_region_alone_needs_what_it_runs(tmp_path: Path) -> None:
    single = environments.read(tmp_path, environments.single_region())
    assert all(
        need.needed <= need.normal or "tasks" not in need.what for need in evacuation(single, [GATEWAY])
    )
