"""Alerts on the ticks of a region, for the service that publishes them (`market: true`).

The series are those of `richesreach.market_data.metrics`, told by the one task that publishes; nothing here
names a service.
"""

from __future__ import annotations

from collections.abc import Iterator

from stacks.manifest import Manifest
from stacks.monitoring.condition import Condition, OwnAlert, Severity

#: Ticks that a stage may be behind the source for ten minutes.
BEHIND = 10_000


def market_alerts(manifest: Manifest) -> Iterator[OwnAlert]:
    """Those of one service; none where it publishes no ticks."""
    if not manifest.market:
        return
    name, of = manifest.name, f'service="{manifest.name}"'
    publishing = f"sum by (service) (richesreach_market_publishing{{{of}}})"
    yield OwnAlert(
        Condition(
            "market-unpublished",
            Severity.PAGE,
            f"No task of {name} publishes ticks in this region: prices and bars stand still.",
        ),
        f"{publishing} < 1",
        "3m",
        "{{ $value | humanize }} tasks publish",
    )
    yield OwnAlert(
        Condition(
            "market-source-down",
            Severity.TICKET,
            f"A source of {name} that has a key is not live; another one takes its place where any can.",
        ),
        f"max by (service, source) (richesreach_market_source_live{{{of}}}) < 1",
        "15m",
        "{{ $labels.source }} is not live",
    )
    missing = f"max by (service, stage, source) (richesreach_market_ticks_lost{{{of}}})"
    yield OwnAlert(
        Condition(
            "market-ticks-missing",
            Severity.TICKET,
            f"A stage of the ticks of {name} has missed numbers: ticks are lost on the way to it.",
        ),
        f"{missing} - min by (service, stage, source)"
        f" (min_over_time(richesreach_market_ticks_lost{{{of}}}[15m])) > 0",
        "5m",
        "{{ $labels.stage }} misses {{ $value | humanize }} of {{ $labels.source }}",
    )
    yield OwnAlert(
        Condition(
            "market-stage-behind",
            Severity.TICKET,
            f"A stage is more than {BEHIND} ticks behind the sources of {name}, or has stopped.",
        ),
        f"max by (service, stage, source) (richesreach_market_ticks_behind{{{of}}}) > {BEHIND}",
        "10m",
        "{{ $labels.stage }} is {{ $value | humanize }} ticks behind",
    )
    yield OwnAlert(
        Condition(
            "market-ticks-unknown",
            Severity.TICKET,
            f"What a source of {name} said for a while is unknown: nobody heard it, and it tells it no more.",
        ),
        f"max by (service, source) (richesreach_market_unknown_seconds{{{of}}}) > 0",
        "5m",
        "of {{ $labels.source }} {{ $value | humanizeDuration }} are unknown",
    )
