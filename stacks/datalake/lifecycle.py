"""Lifecycle rules of the lake's zones: Standard → Standard-IA → Glacier → Deep Archive, days from config."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from stacks.datalake.settings import ArchiveTiers, LakeSettings, ZoneLifecycle

#: Tag of the files that a larger one has replaced: no manifest names them any more.
REPLACED = "replaced"

ZONES = ("raw", "processed", "curated", "metadata")

#: Beside the zones: what a service of one region goes on from. It replaces all of it again and again, tags
#: what it writes as replaced, and no other region reads it.
STATE = "state"


def zone_rules(lake: LakeSettings) -> list[s3.LifecycleRule]:
    """One rule a zone, one for files that were replaced, one for state, whose older versions nobody wants,
    and one for what interrupted uploads leave behind anywhere in the bucket."""
    rules = [_zone_rule(zone, getattr(lake.zones, zone), lake) for zone in ZONES]
    rules.append(
        s3.LifecycleRule(
            id="replaced-files",
            tag_filters={REPLACED: "true"},
            expiration=cdk.Duration.days(lake.replaced_days),
        )
    )
    rules.append(
        s3.LifecycleRule(
            id="old-state", prefix=f"{STATE}/", noncurrent_version_expiration=cdk.Duration.days(1)
        )
    )
    rules.append(
        s3.LifecycleRule(
            id="abort-uploads",
            abort_incomplete_multipart_upload_after=cdk.Duration.days(lake.abort_upload_days),
            expired_object_delete_marker=True,
        )
    )
    return rules


def _zone_rule(zone: str, days: ZoneLifecycle, lake: LakeSettings) -> s3.LifecycleRule:
    steps = (
        (s3.StorageClass.INTELLIGENT_TIERING, days.intelligent_tiering),
        (s3.StorageClass.INFREQUENT_ACCESS, days.standard_ia),
        (s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, days.glacier_instant),
        (s3.StorageClass.GLACIER, days.glacier),
        (s3.StorageClass.DEEP_ARCHIVE, days.deep_archive),
    )
    return s3.LifecycleRule(
        id=f"{zone}-tiers",
        prefix=f"{zone}/",
        transitions=[
            s3.Transition(storage_class=storage, transition_after=cdk.Duration.days(after))
            for storage, after in steps
            if after is not None
        ],
        expiration=None if days.expire is None else cdk.Duration.days(days.expire),
        noncurrent_version_expiration=cdk.Duration.days(lake.noncurrent_days),
        noncurrent_versions_to_retain=lake.noncurrent_versions,
    )


def archive_tiers(tiers: ArchiveTiers | None) -> list[s3.IntelligentTieringConfiguration]:
    """What Intelligent-Tiering does with objects that nobody reads; nothing unless configured."""
    if tiers is None:
        return []
    return [
        s3.IntelligentTieringConfiguration(
            name="archive-unread",
            archive_access_tier_time=None if tiers.archive is None else cdk.Duration.days(tiers.archive),
            deep_archive_access_tier_time=(
                None if tiers.deep_archive is None else cdk.Duration.days(tiers.deep_archive)
            ),
        )
    ]
