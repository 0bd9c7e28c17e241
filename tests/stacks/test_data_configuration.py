"""Wrong settings of databases and caches are refused before synth: one line with key and mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.errors import ConfigurationError
from tests.stacks.environments import document, put, read, single_region

ONE_REGION_ALONE = ["us-east-1"]

#: case → (changes, key of the error, part of the problem, part of the mend)
WRONG: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "global member that pauses": (
        {"database.min_capacity": 0, "database.pause_after_seconds": 600},
        "database",
        "lets a member of a global database pause",
        "use 0.5 or more",
    ),
    "pause of a database that never reaches zero": (
        {"database.pause_after_seconds": 600},
        "database",
        "does not fit min_capacity 1.0",
        "null elsewhere",
    ),
    "capacity in quarters": (
        {"database.min_capacity": 0.75},
        "database.min_capacity",
        "multiple of 0.5",
        "correct the value 0.75",
    ),
    "plain database in several regions": (
        {"database.global": False},
        "data_regions",
        "the database is not global",
        "write [us-east-1]",
    ),
    "bound on the lag of a plain database": (
        {
            "database.global": False,
            "database.recovery_point_seconds": 60,
            "data_regions": ONE_REGION_ALONE,
        },
        "database",
        "bounds the lag of a global database",
        "set it to null",
    ),
    "bound on the lag without a secondary": (
        {
            "database.recovery_point_seconds": 60,
            "data_regions": ONE_REGION_ALONE,
            "promotable_regions": ONE_REGION_ALONE,
        },
        "database.recovery_point_seconds",
        "blocks every commit",
        "add a region to data_regions",
    ),
    "bound on the lag below what Aurora takes": (
        {"database.recovery_point_seconds": 19},
        "database.recovery_point_seconds",
        "greater than or equal to 20",
        "correct the value 19",
    ),
    "forwarded writes of a plain database": (
        {"database.global": False, "database.write_forwarding": True, "data_regions": ONE_REGION_ALONE},
        "database",
        "write_forwarding is of secondaries",
        "set it to false",
    ),
    "retention that Performance Insights does not know": (
        {"database.insights": "standard", "database.insights_days": 30},
        "database",
        "insights_days 30 is no retention",
        "use 7",
    ),
    "advanced insights that forget too soon": (
        {"database.insights_days": 31},
        "database",
        "too short for advanced insights",
        "use 465 or more",
    ),
    "maintenance on no day of the week": (
        {"database.maintenance_window": "03:00-04:00"},
        "database.maintenance_window",
        "is no weekly window",
        "such as sun:05:00-sun:06:00",
    ),
    "snapshots at no time of day": (
        {"cache.snapshot_window": "25:00-26:00"},
        "cache.snapshot_window",
        "is no daily window",
        "such as 03:00-04:00",
    ),
    "backup at no schedule": (
        {"database.backup_plan.schedule": "daily"},
        "database.backup_plan.schedule",
        "is no schedule",
        "cron(0 3 * * ? *)",
    ),
    "protected caches without TLS": (
        {"cache.tls": False},
        "cache.tls",
        "ElastiCache takes users with TLS only",
        "set it to true",
    ),
    "misspelt kind of database": (
        {"database.gobal": False},
        "database.gobal",
        "unknown key",
        "did you mean 'global'?",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_setting_of_data_is_refused_with_key_and_mend(case: str, tmp_path: Path) -> None:
    changes, key, problem, mend = WRONG[case]
    contents = document()
    for path, value in changes.items():
        contents = put(contents, path, value)
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, contents)
    assert caught.value.key == key
    assert problem in caught.value.problem
    assert mend in caught.value.mend
    assert "\n" not in str(caught.value)


def test_one_regions_plain_database_may_pause(tmp_path: Path) -> None:
    contents = single_region()
    for key, value in {"global": False, "min_capacity": 0, "pause_after_seconds": 300}.items():
        contents = put(contents, f"database.{key}", value)
    assert read(tmp_path, contents).database.min_capacity == 0
