"""Alerts on how old the features are that a service gives, for one whose objective says so (`fresh_seconds`).

The series are those of `richesreach.features.metrics`; nothing here names a service.
"""

from __future__ import annotations

from collections.abc import Iterator

from stacks.manifest import Manifest
from stacks.monitoring.condition import Condition, OwnAlert, Severity

#: Share of the reads of live features that may find a stale one, and how many times that share is told.
OBJECTIVE, BURN = 0.01, 14.4
#: Reads in an hour below which a share says nothing.
LEAST_READS = 100
#: Symbols whose ticks are due, by market; the one task that publishes tells it.
AWAITED = "max by (market) (richesreach_market_symbols_awaited)"


def feature_alerts(manifest: Manifest) -> Iterator[OwnAlert]:
    """Those of one service; none where its objective says nothing of freshness."""
    fresh = manifest.slo.fresh_seconds
    if fresh is None:
        return
    name, of = manifest.name, f'service="{manifest.name}"'
    newest = f'richesreach_feature_age_seconds{{{of}, vector="newest"}}'
    yield OwnAlert(
        Condition(
            "features-stale",
            Severity.TICKET,
            f"The newest feature that {name} can give is older than {fresh:g} seconds: no tick reaches it.",
        ),
        # Where market-data says that no tick is due, as every market is closed, none is missed.
        f"min by (service) ({newest}) > {fresh:g} unless on () (sum({AWAITED}) == 0)",
        "5m",
        "the newest is {{ $value | humanizeDuration }} old",
    )
    live = f'{of}, view=~"market_data_features|technical_indicators_features"'
    yield OwnAlert(
        Condition(
            "feature-reads-stale",
            Severity.TICKET,
            f"{name} spends its error budget of fresh features {BURN:g} times faster than 30 days allow.",
        ),
        f"{_stale(live, '1h')} > {OBJECTIVE * BURN:g} and {_stale(live, '5m')} > {OBJECTIVE * BURN:g}"
        f" and sum by (service) (increase(richesreach_feature_reads_total{{{live}}}[1h])) > {LEAST_READS}",
        "2m",
        "{{ $value | humanizePercentage }} of the reads found a stale feature",
    )


def _stale(live: str, window: str) -> str:
    """The share of stale ones among the vectors that should have been fresh: those of open markets."""
    stale = f'richesreach_feature_reads_total{{{live}, outcome="stale"}}[{window}]'
    there = f'richesreach_feature_reads_total{{{live}, outcome=~"fresh|stale"}}[{window}]'
    return f"sum by (service) (rate({stale})) / sum by (service) (rate({there}))"
