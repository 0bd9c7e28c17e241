"""Takes global databases and global datastores apart, so that CloudFormation can delete their members.

Instances, clusters and groups are CloudFormation's to delete; what it cannot do is what comes before: turn
protection off, take the last snapshot, and detach the members. The order is `ops.database_plan`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from ops.database_plan import GlobalDatabase, PlanError, Step, described, take_apart
from ops.deploy.asking import Account, asking, code
from ops.errors import OperationError
from stacks.environment import Environment

LOOK = 5.0
Say = Callable[[str], None]


class Databases:
    """The databases of an environment, as its API describes them."""

    def __init__(self, account: Account, environment: Environment, say: Say, look: float = LOOK) -> None:
        self.account = account
        self.environment = environment
        self.say = say
        self.look = look
        self.home = environment.home_region

    def _rds(self, region: str) -> Any:
        return self.account.client("rds", region)

    def take_apart(self, regions: Collection[str], snapshots: str) -> list[Step]:
        """Detaches the members of these regions, the last snapshot of the writer before anything else of it.

        Raises:
            OperationError: the writer should go and others stay, or RDS refuses.
        """
        # A region that left the environment's file is not what the file protects.
        protect = self.environment.protect and not set(regions).isdisjoint(self.environment.regions)
        with asking(self.environment.name, "the global database cannot be taken apart"):
            found, arns = self._described()
            if found is None:
                return []
            try:
                steps = take_apart(found, unprotect=not protect, snapshots=snapshots)
            except PlanError as error:
                raise OperationError(str(error)) from None
            self._check_writer(found, regions)
            mine = [step for step in steps if step.region in regions and step.action != "delete-global"]
            whole = {member.region for member in found.members} <= set(regions)
            done = self._snapshot(mine) if whole else []
            for step in mine:
                if step.action == "unprotect" and (whole or step.target != found.identifier):
                    self._unprotect(step, found)
                    done.append(step)
                elif step.action == "detach":
                    self._detach(step, found.identifier, arns)
                    done.append(step)
            return done

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
        clusters = [
            cluster
            for region in sorted(regions)
            for page in self._rds(region).get_paginator("describe_db_clusters").paginate()
            for cluster in page["DBClusters"]
        ]
        named = {(arn.split(":")[3], arn.rpartition(":")[2]): arn for arn in arns}
        return described(self.home, answer[0], clusters), named

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
        return bool(found) and found[0]["Status"] == "available"

    def _unprotect(self, step: Step, found: GlobalDatabase) -> None:
        self.say(str(step))
        if step.target == found.identifier and step.region == found.region:
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
        while not check():
            time.sleep(self.look)


class Datastores:
    """The global datastore of an environment: its secondaries are disassociated before they are deleted."""

    def __init__(self, account: Account, environment: Environment, say: Say, look: float = LOOK) -> None:
        self.account = account
        self.environment = environment
        self.say = say
        self.look = look

    def take_apart(self, regions: Collection[str]) -> list[str]:
        """Disassociates the secondaries of these regions; gives their groups."""
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
                while any(m["ReplicationGroupId"] == group for _, m in self._secondaries(cache, regions)):
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
