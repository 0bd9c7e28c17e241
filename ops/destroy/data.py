"""Takes global databases and global datastores apart, so that CloudFormation can delete their members.

Instances, clusters and groups are CloudFormation's to delete; what it cannot do is what comes before: turn
protection off, take the last snapshot, and detach the members. The order is `ops.database_plan`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ops.database_plan import GlobalDatabase, Member, PlanError, Step, described, take_apart
from ops.deploy.asking import Account, asking, code
from ops.errors import OperationError
from stacks.environment import Environment

LOOK = 5.0

#: Seconds after which a snapshot or a detachment that does not end is somebody's to look at.
PATIENCE = 4 * 3600.0
Say = Callable[[str], None]


class Databases:
    """The databases of an environment, as its API describes them."""

    def __init__(
        self,
        account: Account,
        environment: Environment,
        say: Say,
        look: float = LOOK,
        patience: float = PATIENCE,
    ) -> None:
        self.account = account
        self.environment = environment
        self.say = say
        self.look = look
        self.patience = patience
        self.home = environment.home_region

    def _rds(self, region: str) -> Any:
        return self.account.client("rds", region)

    def check(self, regions: Collection[str]) -> None:
        """Whether they could be taken apart as they are now: asked before anything that reads them goes.

        Raises:
            OperationError: the writer should go and others stay, something is protected, or RDS refuses.
        """
        with asking(self.environment.name, "the databases cannot be described"):
            self._planned(regions, "")

    def take_apart(self, regions: Collection[str], snapshots: str) -> list[Step]:
        """Detaches the members of these regions, the last snapshot of the writer before anything else of it.
        A cluster that is in no global database leaves one of its own.

        Raises:
            OperationError: as `check`, or a snapshot failed.
        """
        with asking(self.environment.name, "the databases cannot be taken apart"):
            found, arns, steps = self._planned(regions, snapshots)
            done = self._snapshot(steps)
            for step in steps:
                if step.action == "unprotect":
                    self._unprotect(step)
                    done.append(step)
                elif step.action == "detach" and found and (step.region, step.target) in arns:
                    self._detach(step, found.identifier, arns)
                    done.append(step)
            return done

    def _planned(
        self, regions: Collection[str], snapshots: str
    ) -> tuple[GlobalDatabase | None, Mapping[tuple[str, str], str], list[Step]]:
        """The global database, its members' ARNs, and the steps that these regions need."""
        # A region that left the environment's file is not what the file protects.
        protect = self.environment.protect and not set(regions).isdisjoint(self.environment.regions)
        try:
            found, arns = self._described()
            steps = list(take_apart(found, unprotect=not protect, snapshots=snapshots)) if found else []
            if found is None or not found.members:
                # One without members may have lost them by hand: what they were holds the rows still.
                for alone in self._alone(regions):
                    steps += take_apart(alone, unprotect=not protect, snapshots=snapshots)
        except PlanError as error:
            raise OperationError(str(error)) from None
        if found is None:
            return None, {}, steps
        self._check_writer(found, regions)
        whole = {member.region for member in found.members} <= set(regions)
        mine = [
            step if whole else replace(step, snapshot="")
            for step in steps
            if step.region in regions and (whole or step.target != found.identifier)
        ]
        return found, arns, mine

    def _alone(self, regions: Collection[str]) -> list[GlobalDatabase]:
        """The clusters of these regions that are on their own, each as a database of one."""
        return [
            GlobalDatabase(
                name, region, (Member(region, name, (), writer=True, protected=_protected(cluster)),)
            )
            for region in sorted(regions)
            for cluster in self._clusters(region)
            if (name := cluster["DBClusterIdentifier"]) == self.environment.names.database_cluster(region)
            and cluster["Status"] != "deleting"
        ]

    def _clusters(self, region: str) -> list[Mapping[str, Any]]:
        pages = self._rds(region).get_paginator("describe_db_clusters").paginate()
        return [cluster for page in pages for cluster in page["DBClusters"]]

    def _described(self) -> tuple[GlobalDatabase | None, Mapping[tuple[str, str], str]]:
        rds = self._rds(self.home)
        name = self.environment.names.global_cluster
        try:
            answer = rds.describe_global_clusters(GlobalClusterIdentifier=name)["GlobalClusters"]
        except rds.exceptions.GlobalClusterNotFoundFault:
            return None, {}
        if not answer:
            return None, {}
        arns = [member["DBClusterArn"] for member in answer[0].get("GlobalClusterMembers", [])]
        regions = {arn.split(":")[3] for arn in arns}
        clusters = [cluster for region in sorted(regions) for cluster in self._clusters(region)]
        named = {(arn.split(":")[3], arn.rpartition(":")[2]): arn for arn in arns}
        try:
            return described(self.home, answer[0], clusters), named
        except PlanError as error:
            raise OperationError(str(error)) from None

    def _check_writer(self, found: GlobalDatabase, regions: Collection[str]) -> None:
        stay = sorted({member.region for member in found.members} - set(regions))
        for member in found.members:
            if member.writer and member.region in regions and stay:
                raise OperationError(
                    f"{member.cluster} writes for {', '.join(stay)}: switch over first, see"
                    " docs/runbooks/aurora-switchover.md"
                )

    def _snapshot(self, steps: Collection[Step]) -> list[Step]:
        made = []
        for step in steps:
            if step.snapshot:
                self.say(f"last snapshot {step.snapshot} in {step.region}")
                rds = self._rds(step.region)
                try:
                    rds.create_db_cluster_snapshot(
                        DBClusterIdentifier=step.target, DBClusterSnapshotIdentifier=step.snapshot
                    )
                except rds.exceptions.DBClusterSnapshotAlreadyExistsFault:
                    self.say(f"{step.snapshot} was there")
                self._until(partial(self._available, step), f"{step.snapshot} becomes available")
                made.append(step)
        return made

    def _available(self, step: Step) -> bool:
        found = self._rds(step.region).describe_db_cluster_snapshots(
            DBClusterSnapshotIdentifier=step.snapshot
        )["DBClusterSnapshots"]
        if found and found[0]["Status"] == "failed":
            raise OperationError(
                f"the snapshot {step.snapshot} of {step.target} failed: RDS's events of {step.region} say"
                " why. The database is as it was; mend it and repeat"
            )
        return bool(found) and found[0]["Status"] == "available"

    def _unprotect(self, step: Step) -> None:
        self.say(str(step))
        if step.target == self.environment.names.global_cluster:
            self._rds(step.region).modify_global_cluster(
                GlobalClusterIdentifier=step.target, DeletionProtection=False
            )
            return
        self._rds(step.region).modify_db_cluster(
            DBClusterIdentifier=step.target, DeletionProtection=False, ApplyImmediately=True
        )

    def _detach(self, step: Step, identifier: str, arns: Mapping[tuple[str, str], str]) -> None:
        self.say(str(step))
        arn = arns[step.region, step.target]
        self._rds(step.region).remove_from_global_cluster(
            GlobalClusterIdentifier=identifier, DbClusterIdentifier=arn
        )
        self._until(lambda: arn not in self._described()[1].values(), f"{step.target} is detached")

    def _until(self, check: Callable[[], bool], what: str) -> None:
        self.say(f"waiting until {what}")
        deadline = time.monotonic() + self.patience
        while not check():
            if time.monotonic() >= deadline:
                raise OperationError(
                    f"after {self.patience / 60:.0f} minutes it is still not so that {what}: look why in RDS,"
                    " then repeat"
                )
            time.sleep(self.look)


def _protected(cluster: Mapping[str, Any]) -> bool:
    return bool(cluster.get("DeletionProtection"))


class Datastores:
    """The global datastore of an environment: its secondaries are disassociated before they are deleted."""

    def __init__(
        self,
        account: Account,
        environment: Environment,
        say: Say,
        look: float = LOOK,
        patience: float = PATIENCE,
    ) -> None:
        self.account = account
        self.environment = environment
        self.say = say
        self.look = look
        self.patience = patience

    def take_apart(self, regions: Collection[str]) -> list[str]:
        """Disassociates the secondaries of these regions; gives their groups.

        Raises:
            OperationError: ElastiCache refuses, or a disassociation does not end.
        """
        cache = self.account.client("elasticache", self.environment.home_region)
        done = []
        with asking(self.environment.name, "the global datastore cannot be taken apart"):
            for identifier, member in self._secondaries(cache, regions):
                group, region = member["ReplicationGroupId"], member["ReplicationGroupRegion"]
                self.say(f"disassociate {group} in {region}")
                cache.disassociate_global_replication_group(
                    GlobalReplicationGroupId=identifier,
                    ReplicationGroupId=group,
                    ReplicationGroupRegion=region,
                )
                deadline = time.monotonic() + self.patience
                while any(m["ReplicationGroupId"] == group for _, m in self._secondaries(cache, regions)):
                    if time.monotonic() >= deadline:
                        raise OperationError(
                            f"after {self.patience / 60:.0f} minutes {group} in {region} is still a member of"
                            f" {identifier}: look why in ElastiCache, then repeat"
                        )
                    time.sleep(self.look)
                done.append(group)
        return done

    def _secondaries(self, cache: Any, regions: Collection[str]) -> list[tuple[str, Mapping[str, Any]]]:
        try:
            pages = list(
                cache.get_paginator("describe_global_replication_groups").paginate(ShowMemberInfo=True)
            )
        except cache.exceptions.ClientError as error:
            if code(error) != "GlobalReplicationGroupNotFoundFault":
                raise
            return []
        suffix = self.environment.names.global_cluster
        return [
            (store["GlobalReplicationGroupId"], member)
            for page in pages
            for store in page["GlobalReplicationGroups"]
            if store["GlobalReplicationGroupId"].endswith(suffix)
            for member in store.get("Members", [])
            if member["Role"] != "PRIMARY" and member["ReplicationGroupRegion"] in regions
        ]
