"""Findings of the policy packs that the datalake area accepts: exactly which, where, and why."""

from __future__ import annotations

from stacks.acknowledgements import Acknowledged
from stacks.controls import BUCKET_KEY, BUCKET_REPLICATION, LOGS_OF_LOGS

LOGS_STAY = "logs tell of their own region and expire; what must outlast it, the trail, is of all regions"

ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    Acknowledged(
        "Lake/Resource",
        BUCKET_REPLICATION,
        "the lake-replication area replicates it once every region has its lake, by a custom resource",
    ),
    Acknowledged("Logs/Resource", BUCKET_REPLICATION, LOGS_STAY),
    Acknowledged(
        "Logs/Resource",
        BUCKET_KEY,
        "load balancers and S3 deliver access logs to SSE-S3 and to no key (their user guides)",
    ),
    Acknowledged(
        "Logs/Resource",
        LOGS_OF_LOGS,
        "the bucket that the others log to; to log its own writes would log without end",
    ),
    Acknowledged(
        "Queries/Resource",
        BUCKET_REPLICATION,
        "results of queries, gone after days: the same query makes them again in any region",
    ),
)
