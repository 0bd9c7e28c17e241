"""What each region must be able to hold when another one is lost, computed from manifests and environment.

Viewers of a lost region go to the nearest other one, and nobody knows where they stand: the worst case is
that a single region takes all of them. So each remaining region must hold its own tasks and the lost one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stacks.environment import Environment
from stacks.manifest import Manifest
from stacks.settings import TaskCount

#: CPU units of one vCPU (task definition parameters, ECS developer guide).
UNITS = 1024


@dataclass(frozen=True)
class Need:
    """Of one thing in one region: what it has normally, what an evacuation asks, what it may have."""

    region: str
    what: str
    normal: float
    needed: float
    limit: float
    lost: str
    key: str

    @property
    def holds(self) -> bool:
        return self.needed <= self.limit

    def __str__(self) -> str:
        return (
            f"{self.what} in {self.region}: {self.needed:g} are needed when {self.lost} is lost, but"
            f" {self.limit:g} are allowed; raise {self.key}"
        )


def counts(environment: Environment, manifest: Manifest) -> TaskCount:
    """The environment's counts where it sets them, else the manifest's."""
    return environment.services.tasks or manifest.count


def evacuation(environment: Environment, manifests: Sequence[Manifest]) -> list[Need]:
    """Every need of every region, for the loss that asks most of it."""
    found: list[Need] = []
    for region in environment.regions:
        losses = [other for other in environment.regions if other != region] or ["no other region"]
        found += [_tasks(environment, manifest, region, losses) for manifest in manifests]
        found.append(_vcpus(environment, manifests, region, losses))
    return found


def running(environment: Environment, manifest: Manifest, region: str, writer: str) -> int:
    """Tasks of a service in a region while the writer is in ``writer``."""
    if region not in environment.regions:
        return 0
    placed = manifest.placement == "every-region" or region == writer
    return counts(environment, manifest).desired if placed else 0


def asked(environment: Environment, manifest: Manifest, region: str, lost: str) -> int:
    """Tasks of a service that a region must run after ``lost`` is lost; singletons may have to move to it."""
    writer = environment.writer_region
    if manifest.placement == "writer-region":
        return max(
            running(environment, manifest, region, writer), running(environment, manifest, lost, writer)
        )
    return running(environment, manifest, region, writer) + running(environment, manifest, lost, writer)


def _tasks(environment: Environment, manifest: Manifest, region: str, losses: Sequence[str]) -> Need:
    worst = max(losses, key=lambda lost: asked(environment, manifest, region, lost))
    own = environment.services.tasks is not None
    return Need(
        region=region,
        what=f"tasks of {manifest.name}",
        normal=running(environment, manifest, region, environment.writer_region),
        needed=asked(environment, manifest, region, worst),
        limit=counts(environment, manifest).max,
        lost=worst,
        key="services.tasks.max of the environment" if own else f"max of {manifest.name}'s service.yaml",
    )


def _vcpus(
    environment: Environment, manifests: Sequence[Manifest], region: str, losses: Sequence[str]
) -> Need:
    """A deployment in the middle of it all: both revisions run at once, as far as the settings allow."""
    both = environment.services.deployment.maximum_percent / 100

    def of(lost: str) -> float:
        return both * sum(m.cpu / UNITS * asked(environment, m, region, lost) for m in manifests)

    worst = max(losses, key=of)
    writer = environment.writer_region
    return Need(
        region=region,
        what="Fargate vCPUs",
        normal=sum(m.cpu / UNITS * running(environment, m, region, writer) for m in manifests),
        needed=of(worst),
        limit=environment.services.capacity.fargate_vcpus,
        lost=worst,
        key="the quota, then services.capacity.fargate_vcpus",
    )
