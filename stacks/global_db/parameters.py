"""Parameter groups of Aurora: what belongs to the cluster, and what each instance takes for itself."""

from __future__ import annotations

from aws_cdk import aws_rds as rds
from constructs import Construct

from stacks.base import Site

ENGINE = "aurora-postgresql"

#: Milliseconds after which a transaction that does nothing loses its session: it would hold back vacuum.
IDLE_IN_TRANSACTION = 60_000


class ParameterGroups(Construct):
    """``rds.global_db_rpo`` stands in the home region's cluster group alone: with the primary's group it
    bounds the lag, and AWS advises to leave it out of a secondary's (Aurora user guide, "Managing RPOs")."""

    def __init__(self, scope: Construct, construct_id: str, *, site: Site) -> None:
        super().__init__(scope, construct_id)
        settings = site.environment.database
        family = f"{ENGINE}{settings.engine_version.split('.')[0]}"
        of_cluster = {
            "rds.force_ssl": "1" if settings.tls else "0",
            "shared_preload_libraries": "pg_stat_statements",
        }
        if site.is_home and settings.recovery_point_seconds is not None:
            of_cluster["rds.global_db_rpo"] = str(settings.recovery_point_seconds)
        self.cluster = rds.CfnDBClusterParameterGroup(
            self,
            "Cluster",
            description=f"Cluster parameters of {site.names.prefix}",
            family=family,
            parameters=of_cluster,
        )
        self.instance = rds.CfnDBParameterGroup(
            self,
            "Instance",
            description=f"Instance parameters of {site.names.prefix}",
            family=family,
            parameters={
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION),
                "log_lock_waits": "1",
                "log_min_duration_statement": str(settings.slow_query_milliseconds),
                "pg_stat_statements.track": "ALL",
                "track_io_timing": "1",
            },
        )
