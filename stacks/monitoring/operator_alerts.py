"""Alerts on what becomes of ticks, for a service that makes indicators of them.

The series are those of `richesreach.stream.metrics`; nothing here names a service. Lag of its group and dead
letters have alarms of the stream's own (`stream.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from stacks.manifest import Manifest
from stacks.monitoring.condition import Condition, OwnAlert, Severity

#: The topic that only such a service writes.
MADE = "market.indicators"
#: Seconds from receiving a tick to its vector, that one of a hundred takes may exceed.
LATE_FEATURES = 0.25
#: Seconds since the last snapshot of a partition that goes on: what a new task would have to read again.
OLD_SNAPSHOT = 600
#: Times in a quarter of an hour that an operator begins anew from its snapshots.
RESTARTS = 3


def operator_alerts(manifest: Manifest) -> Iterator[OwnAlert]:
    """Those of one service; none where it makes no indicators."""
    if MADE not in manifest.stream.writes:
        return
    name, of = manifest.name, f'service="{manifest.name}"'
    yield OwnAlert(
        Condition(
            "ticks-missing",
            Severity.TICKET,
            f"Numbers of ticks never came to {name}: bars and features were made without them.",
        ),
        f"sum by (service) (delta(richesreach_stream_missing_ticks{{{of}}}[15m])) > 0",
        "5m",
        "{{ $value | humanize }} ticks in 15 minutes",
    )
    yield OwnAlert(
        Condition(
            "features-late",
            Severity.TICKET,
            f"Vectors of {name} can be read later than {LATE_FEATURES:g} s after their ticks were received.",
        ),
        "histogram_quantile(0.99, sum by (service, le)"
        f" (rate(richesreach_stream_feature_delay_seconds_bucket{{{of}}}[5m]))) > {LATE_FEATURES:g}",
        "10m",
        "99 of 100 takes within {{ $value | humanizeDuration }}",
    )
    yield OwnAlert(
        Condition(
            "snapshots-old",
            Severity.TICKET,
            f"{name} cannot keep snapshots: a task that takes over reads again all since the last.",
        ),
        f"max by (service) (richesreach_stream_snapshot_age_seconds{{{of}}}) > {OLD_SNAPSHOT}",
        "5m",
        "the oldest is of {{ $value | humanizeDuration }} ago",
    )
    yield OwnAlert(
        Condition(
            "operator-restarts",
            Severity.TICKET,
            f"{name} begins anew from its snapshots again and again: outputs come late, and more than once.",
        ),
        f"sum by (service) (increase(richesreach_stream_restarts_total{{{of}}}[15m])) > {RESTARTS}",
        "0m",
        "{{ $value | humanize }} times in 15 minutes",
    )
