"""Alerts on what is kept of the stream, for a service that writes ticks into the lake.

The series are those of `richesreach.history.metrics`; nothing here names a service. Lag of its groups, dead
letters and datasets that grow old have alarms of their own (`stream.py`, `freshness.py`), and so has what its
scheduled tasks say in the log (`log_words.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from stacks.manifest import Manifest
from stacks.monitoring.condition import Condition, OwnAlert, Severity

#: The prefix of the lake below which only such a service writes.
TICKS = "raw/market_data/ticks"
#: What a writer has done at least once in half an hour: heartbeats come also while no market trades.
WRITTEN = 'dataset="market_ticks"'


def history_alerts(manifest: Manifest) -> Iterator[OwnAlert]:
    """Those of one service; none where it keeps no ticks."""
    if TICKS not in manifest.lake_prefixes:
        return
    name, of = manifest.name, f'service="{manifest.name}"'
    yield OwnAlert(
        Condition(
            "history-messages-gone",
            Severity.TICKET,
            f"Messages left their topic before {name} had them: they are in no file of the lake.",
        ),
        f"sum by (service, dataset) (increase(richesreach_history_gone_messages_total{{{of}}}[1h])) > 0",
        "0m",
        "{{ $value | humanize }} messages of {{ $labels.dataset }} in an hour",
    )
    yield OwnAlert(
        Condition(
            "history-stalled",
            Severity.TICKET,
            f"{name} has written no file of ticks for half an hour: what it reads stays in the topic.",
        ),
        f"sum by (service) (increase(richesreach_history_files_total{{{of}, {WRITTEN}}}[30m])) < 1",
        "5m",
        "{{ $value | humanize }} files in 30 minutes",
    )
