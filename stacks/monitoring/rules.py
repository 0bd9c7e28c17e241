"""Rules over what services measure of themselves: recorded series, and alerts on their objectives.

Written once for a service, from its manifest; the metrics are those of `richesreach.core.metrics`, with the
labels ``service``, ``region``, ``environment`` and ``task`` that the collector adds (`ecs/collector.yaml`).

CloudWatch's alarms see an exposed service from the load balancer. These see it from inside, and see the
services that no viewer reaches: there they page, elsewhere they are tickets beside the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from stacks.base import Site
from stacks.manifest import Manifest
from stacks.monitoring.burn_rate import FAST, SLOW, BurnRule, label
from stacks.monitoring.condition import Condition, Severity
from stacks.monitoring.feature_alerts import feature_alerts
from stacks.monitoring.history_alerts import history_alerts
from stacks.monitoring.market_alerts import market_alerts
from stacks.monitoring.model_alerts import model_alerts
from stacks.monitoring.operator_alerts import operator_alerts
from stacks.monitoring.slo import LATENCY_OBJECTIVE

#: What asks a service about itself says nothing about how it serves.
OWN = 'endpoint!~"/(health|metrics).*"'

WINDOWS = sorted({minutes for rule in (*FAST, *SLOW) for minutes in (rule.long, rule.short)})

#: What dashboards draw by service: record, and what it records. First the requirements' metrics, then those
#: of a service in trouble.
DRAWN = {
    "richesreach_active_connections:sum": "sum by (service) (richesreach_active_connections{%s})",
    "richesreach_api_errors:rate5m": "sum by (service, status) (rate(richesreach_api_errors_total{%s}[5m]))",
    "richesreach_cache_hit_ratio:avg": "avg by (service, cache) (richesreach_cache_hit_ratio{%s})",
    "richesreach_database_connections:sum": "sum by (service, pool) (richesreach_database_connections{%s})",
    "richesreach_ml_predictions:rate5m": (
        "sum by (service, model, outcome) (rate(richesreach_ml_predictions_total{%s}[5m]))"
    ),
    "richesreach_auth_failures:rate5m": (
        "sum by (service, reason) (rate(richesreach_auth_failures_total{%s}[5m]))"
    ),
    "richesreach_bulkhead_active:sum": "sum by (service, dependency) (richesreach_bulkhead_active{%s})",
    "richesreach_bulkhead_refused:rate5m": (
        "sum by (service, dependency) (rate(richesreach_bulkhead_refused_total{%s}[5m]))"
    ),
    "richesreach_cache_lookups:rate5m": (
        "sum by (service, kind, outcome) (rate(richesreach_cache_lookups_total{%s}[5m]))"
    ),
    "richesreach_circuit_changes:increase5m": (
        "sum by (service, dependency, state) (increase(richesreach_circuit_changes_total{%s}[5m]))"
    ),
    "richesreach_circuit_state:max": "max by (service, dependency) (richesreach_circuit_state{%s})",
    "richesreach_dependency_duration_seconds:p99_5m": (
        "histogram_quantile(0.99, sum by (service, dependency, le)"
        " (rate(richesreach_dependency_duration_seconds_bucket{%s}[5m])))"
    ),
    "richesreach_event_loop_lag_seconds:max": "max by (service) (richesreach_event_loop_lag_seconds{%s})",
    "richesreach_rate_limited:rate5m": (
        "sum by (service, tier) (rate(richesreach_rate_limited_total{%s}[5m]))"
    ),
    "richesreach_retries:rate5m": "sum by (service, dependency) (rate(richesreach_retries_total{%s}[5m]))",
    "richesreach_rpc_calls:rate5m": (
        "sum by (service, method, code) (rate(richesreach_rpc_calls_total{%s}[5m]))"
    ),
    "richesreach_rpc_call_duration_seconds:p99_5m": (
        "histogram_quantile(0.99, sum by (service, method, le)"
        " (rate(richesreach_rpc_call_duration_seconds_bucket{%s}[5m])))"
    ),
    "richesreach_shed_requests:rate5m": (
        "sum by (service, why) (rate(richesreach_shed_requests_total{%s}[5m]))"
    ),
    "richesreach_feature_age_seconds:max": ("max by (service, vector) (richesreach_feature_age_seconds{%s})"),
    "richesreach_feature_reads:rate5m": (
        "sum by (service, view, outcome) (rate(richesreach_feature_reads_total{%s}[5m]))"
    ),
    "richesreach_feature_rows_recorded:rate5m": (
        "sum by (service) (rate(richesreach_feature_rows_recorded_total{%s}[5m]))"
    ),
    "richesreach_feature_vectors_unreadable:increase5m": (
        "sum by (service) (increase(richesreach_feature_vectors_unreadable_total{%s}[5m]))"
    ),
    "richesreach_stream_bars:rate5m": "sum by (service) (rate(richesreach_stream_bars_total{%s}[5m]))",
    "richesreach_stream_feature_delay_seconds:p99_5m": (
        "histogram_quantile(0.99, sum by (service, le)"
        " (rate(richesreach_stream_feature_delay_seconds_bucket{%s}[5m])))"
    ),
    "richesreach_stream_missing_ticks:sum": "sum by (service) (richesreach_stream_missing_ticks{%s})",
    "richesreach_stream_partitions:sum": "sum by (service) (richesreach_stream_partitions{%s})",
    "richesreach_stream_restarts:increase5m": (
        "sum by (service, why) (increase(richesreach_stream_restarts_total{%s}[5m]))"
    ),
    "richesreach_stream_snapshot_age_seconds:max": (
        "max by (service) (richesreach_stream_snapshot_age_seconds{%s})"
    ),
    "richesreach_stream_snapshots:rate5m": (
        "sum by (service, outcome) (rate(richesreach_stream_snapshots_total{%s}[5m]))"
    ),
    "richesreach_stream_ticks:rate5m": (
        "sum by (service, outcome) (rate(richesreach_stream_ticks_total{%s}[5m]))"
    ),
    "richesreach_stream_vectors:rate5m": (
        "sum by (service, outcome) (rate(richesreach_stream_vectors_total{%s}[5m]))"
    ),
    "richesreach_history_bars:rate5m": (
        "sum by (service, outcome) (rate(richesreach_history_bars_total{%s}[5m]))"
    ),
    "richesreach_history_files:increase1h": (
        "sum by (service, dataset) (increase(richesreach_history_files_total{%s}[1h]))"
    ),
    "richesreach_history_gone_messages:increase1h": (
        "sum by (service, dataset) (increase(richesreach_history_gone_messages_total{%s}[1h]))"
    ),
    "richesreach_history_repeated_rows:increase1h": (
        "sum by (service, dataset) (increase(richesreach_history_repeated_rows_total{%s}[1h]))"
    ),
    "richesreach_history_rows:rate5m": (
        "sum by (service, dataset) (rate(richesreach_history_rows_total{%s}[5m]))"
    ),
    "richesreach_history_unreadable_messages:increase1h": (
        "sum by (service, dataset) (increase(richesreach_history_unreadable_messages_total{%s}[1h]))"
    ),
    "richesreach_history_void_ticks:increase1h": (
        "sum by (service) (increase(richesreach_history_void_ticks_total{%s}[1h]))"
    ),
    "richesreach_history_write_duration_seconds:p99_5m": (
        "histogram_quantile(0.99, sum by (service, dataset, le)"
        " (rate(richesreach_history_write_duration_seconds_bucket{%s}[5m])))"
    ),
    "richesreach_ai_attempts:rate5m": (
        "sum by (service, provider, outcome) (rate(richesreach_ai_attempts_total{%s}[5m]))"
    ),
    "richesreach_ai_budget_events:rate5m": (
        "sum by (service, what) (rate(richesreach_ai_budget_events_total{%s}[5m]))"
    ),
    "richesreach_ai_cost_microdollars:increase1h": (
        "sum by (service, model) (increase(richesreach_ai_cost_microdollars_total{%s}[1h]))"
    ),
    "richesreach_ai_first_token_seconds:p95_5m": (
        "histogram_quantile(0.95, sum by (service, model, le)"
        " (rate(richesreach_ai_first_token_seconds_bucket{%s}[5m])))"
    ),
    "richesreach_ai_records_lost:increase5m": (
        "sum by (service, where) (increase(richesreach_ai_records_lost_total{%s}[5m]))"
    ),
    "richesreach_ai_request_duration_seconds:p99_5m": (
        "histogram_quantile(0.99, sum by (service, model, le)"
        " (rate(richesreach_ai_request_duration_seconds_bucket{%s}[5m])))"
    ),
    "richesreach_ai_requests:rate5m": (
        "sum by (service, model, outcome, cached) (rate(richesreach_ai_requests_total{%s}[5m]))"
    ),
    "richesreach_ai_tokens:rate5m": (
        "sum by (service, model, direction) (rate(richesreach_ai_tokens_total{%s}[5m]))"
    ),
}

UNREAD = Condition(
    "metrics-unread",
    Severity.TICKET,
    "The service's metrics have not been read for ten minutes, so that no rule over them can fire.",
)

Rule = dict[str, Any]


def rules(site: Site, manifests: Sequence[Manifest]) -> str:
    """The rule file of a region, for the services that are placed there."""
    groups = [group for manifest in manifests for group in ServiceRules(site, manifest).groups()]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, width=10_000)


class ServiceRules:
    """Two groups a service: what is recorded, and the alerts that read it."""

    def __init__(self, site: Site, manifest: Manifest) -> None:
        self.site = site
        self.manifest = manifest
        self.of = f'service="{manifest.name}"'
        self.bad = {
            "availability": 1 - manifest.slo.availability / 100,
            "latency": 1 - LATENCY_OBJECTIVE / 100,
        }

    def groups(self) -> list[dict[str, Any]]:
        name = self.manifest.name
        return [
            {"name": f"{name}-recorded", "interval": "1m", "rules": self._recorded()},
            {"name": f"{name}-objectives", "interval": "1m", "rules": self._alerts()},
        ]

    def _recorded(self) -> list[Rule]:
        found: list[Rule] = []
        for minutes in WINDOWS:
            window = label(minutes)
            asked = f"richesreach_requests_total{{{self.of}, {OWN}}}[{window}]"
            failed = f'richesreach_requests_total{{{self.of}, {OWN}, status=~"5.."}}[{window}]'
            timed = f"richesreach_request_duration_seconds_count{{{self.of}, {OWN}}}[{window}]"
            fast = (
                f"richesreach_request_duration_seconds_bucket{{{self.of}, {OWN},"
                f' le="{self.manifest.slo.latency_p99_ms / 1000:g}"}}[{window}]'
            )
            found += [
                _record(_requests(window), f"sum by (service) (increase({asked}))"),
                # A service that never failed has no series of failures: its share is 0, not unknown.
                _record(
                    _share("availability", window),
                    f"(sum by (service) (rate({failed})) or 0 * sum by (service) (rate({asked})))"
                    f" / sum by (service) (rate({asked}))",
                ),
                _record(
                    _share("latency", window),
                    f"1 - sum by (service) (rate({fast})) / sum by (service) (rate({timed}))",
                ),
            ]
        found += [_record(f"service:{name}", text % self.of) for name, text in DRAWN.items()]
        # Every service records the same names: its own label is what tells their rules apart.
        return [rule | {"labels": {"service": self.manifest.name}} for rule in found]

    def _alerts(self) -> list[Rule]:
        found = []
        severe = Severity.TICKET if self.manifest.exposed else Severity.PAGE
        for indicator, word in (("availability", "fails"), ("latency", "is slow")):
            for speed, severity, burns in (("fast", severe, FAST), ("slow", Severity.TICKET, SLOW)):
                condition = Condition(
                    f"inside-{indicator}-{speed}-burn",
                    severity,
                    f"{self.manifest.name} {word}, measured inside it, and spends its error budget"
                    f" {' or '.join(f'{rule.rate:g}' for rule in burns)} times faster than 30 days allow.",
                    runbook=f"{indicator}-{speed}-burn",
                )
                expression = " or ".join(f"({self._burns(indicator, rule)})" for rule in burns)
                reason = "bad share {{ $value | humanizePercentage }}"
                found.append(self._alert(condition, expression, reason))
        alerts = (model_alerts, feature_alerts, market_alerts, operator_alerts, history_alerts)
        for own in (alert for of in alerts for alert in of(self.manifest)):
            found.append(self._alert(own.condition, own.expression, own.reason) | {"for": own.pending})
        unread = self._alert(UNREAD, f"absent(up{{{self.of}}} == 1)", "no task answers the collector")
        return [*found, unread | {"for": "10m"}]

    def _burns(self, indicator: str, rule: BurnRule) -> str:
        """Both windows burn, over requests enough to judge by. Its value is the long window's bad share."""
        limit = f"{round(rule.rate * self.bad[indicator], 8):g}"
        long, short = label(rule.long), label(rule.short)
        least = self.site.environment.monitoring.minimum_requests
        return (
            f"{_share(indicator, long)}{{{self.of}}} > {limit}"
            f" and {_share(indicator, short)}{{{self.of}}} > {limit}"
            f" and {_requests(long)}{{{self.of}}} >= {least}"
        )

    def _alert(self, condition: Condition, expression: str, reason: str) -> Rule:
        site = self.site
        base = site.environment.monitoring.runbook_base_url.rstrip("/")
        annotations: Mapping[str, str] = {
            "description": (
                f"{condition.meaning} Region: {site.region}. Severity: {condition.severity}."
                f" Runbook: {base}/{condition.page}.md"
            ),
            "reason": reason,
        }
        return {
            "alert": f"{site.names.prefix}-{self.manifest.name}-{condition.name}",
            "expr": expression,
            "labels": {"severity": condition.severity.value, "service": self.manifest.name},
            "annotations": dict(annotations),
        }


def _record(name: str, expression: str) -> Rule:
    return {"record": name, "expr": expression}


def _requests(window: str) -> str:
    return f"service:richesreach_requests:increase{window}"


def _share(indicator: str, window: str) -> str:
    """Share of requests, 0 to 1, that were bad by an indicator."""
    return f"service:richesreach_{indicator}_bad:ratio_rate{window}"
