"""Alerts on what language models cost and whether they answer, for a service that asks them (`models: true`).

The series are those of `richesreach.ai_router.tracking.metrics`; nothing here names a service.
"""

from __future__ import annotations

from collections.abc import Iterator

from stacks.manifest import Manifest
from stacks.monitoring.condition import Condition, OwnAlert, Severity

#: Requests in a quarter of an hour that a spent budget refused, before somebody is told.
REFUSED = 20
#: An hour that costs so many times what an hour of the day before did, and more than so many microdollars.
TIMES, LEAST_COST = 4, 5_000_000
#: Share of the requests to one provider that fail, of at least so many in a quarter of an hour.
FAILING, LEAST_ATTEMPTS = 0.5, 20


def model_alerts(manifest: Manifest) -> Iterator[OwnAlert]:
    """Those of one service; none where it asks no model."""
    if manifest.models:
        of = f'service="{manifest.name}"'
        yield from _of_budgets(manifest.name, of)
        yield from _of_spending(manifest.name, of)
        yield from _of_providers(manifest.name, of)


def _ticket(name: str, says: str, expression: str, pending: str, reason: str) -> OwnAlert:
    return OwnAlert(Condition(name, Severity.TICKET, says), expression, pending, reason)


def _of_budgets(name: str, of: str) -> Iterator[OwnAlert]:
    exhausted = f'richesreach_ai_budget_events_total{{{of}, what="exhausted"}}'
    unasked = f'richesreach_ai_budget_events_total{{{of}, what=~"unavailable|unasked"}}'
    yield _ticket(
        "ai-budget-exhausted",
        f"{name} refuses requests because a budget for language models is spent.",
        f"sum by (service) (increase({exhausted}[15m])) > {REFUSED}",
        "5m",
        "{{ $value | humanize }} requests refused in 15 minutes",
    )
    yield _ticket(
        "ai-budgets-unavailable",
        f"{name} cannot ask its budgets: it spends what was set aside before, and then refuses.",
        f"sum by (service) (rate({unasked}[5m])) > 0",
        "10m",
        "{{ $value | humanize }} requests a second",
    )


def _of_spending(name: str, of: str) -> Iterator[OwnAlert]:
    cost = f"richesreach_ai_cost_microdollars_total{{{of}}}"
    hour = f"sum by (service) (increase({cost}[1h]))"
    before = f"sum by (service) (increase({cost}[24h] offset 1h))"
    yield _ticket(
        "ai-spend-anomaly",
        f"{name} spends {TIMES} times as much on language models as an hour of the day before.",
        f"{hour} > {TIMES} * {before} / 24 and {hour} > {LEAST_COST}",
        "10m",
        "{{ $value | humanize }} microdollars in the hour",
    )


def _of_providers(name: str, of: str) -> Iterator[OwnAlert]:
    """Whether they answer, and whether what they did is on record."""
    attempts = f"richesreach_ai_attempts_total{{{of}}}"
    failed = f'richesreach_ai_attempts_total{{{of}, outcome!="ok"}}'
    yield _ticket(
        "ai-provider-failing",
        f"A provider fails most of what {name} asks it; others answer as far as there are any.",
        f"sum by (service, provider) (rate({failed}[15m]))"
        f" / sum by (service, provider) (rate({attempts}[15m])) > {FAILING}"
        f" and sum by (service, provider) (increase({attempts}[15m])) > {LEAST_ATTEMPTS}",
        "10m",
        "{{ $labels.provider }}: {{ $value | humanizePercentage }} fail",
    )
    yield _ticket(
        "ai-records-lost",
        f"{name} loses records of what models were asked and cost; budgets are not touched by it.",
        f"sum by (service) (increase(richesreach_ai_records_lost_total{{{of}}}[15m])) > 0",
        "5m",
        "{{ $value | humanize }} records in 15 minutes",
    )
