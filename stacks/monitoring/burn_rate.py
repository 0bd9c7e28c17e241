"""Multi-window, multi-burn-rate alerting: when is an error budget being spent too fast?

Source: Google, *The Site Reliability Workbook*, chapter 5 "Alerting on SLOs", section 6 and table 5-8
(https://sre.google/workbook/alerting-on-slos/). Windows and rates are the book's for a budget of 30 days.

A burn rate of 1 spends the whole budget in exactly ``BUDGET_DAYS``. A rule fires while both of its windows
burn faster than its rate: the long one says that it matters, the short one that it still goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

BUDGET_DAYS = 30
BUDGET_MINUTES = BUDGET_DAYS * 24 * 60


@dataclass(frozen=True)
class BurnRule:
    """Windows in minutes; ``rate`` in budgets per ``BUDGET_DAYS``."""

    long: int
    short: int
    rate: float

    @property
    def budget_spent(self) -> float:
        """Fraction of the budget that is gone when the long window has burnt at ``rate``."""
        return self.rate * self.long / BUDGET_MINUTES

    def threshold(self, objective: float) -> float:
        """Percent of bad requests above which a window burns faster than ``rate``.

        ``objective`` is the percent of requests that must be good. Rounded, as 100 - 99.9 is a little
        less than 0.1 in binary. Above 100 the rule can never fire.
        """
        return round(self.rate * (100 - objective), 6)

    def detection_minutes(self, objective: float, bad: float) -> float | None:
        """Minutes until the rule fires when, after peace, ``bad`` percent of requests fail from now on;
        None when it never does."""
        threshold = self.threshold(objective)
        return self.long * threshold / bad if bad > threshold else None


#: Fast: 2 % of the budget in an hour, or 5 % in six. Somebody is woken.
FAST = (BurnRule(60, 5, 14.4), BurnRule(360, 30, 6))

#: Slow: 10 % of the budget in three days. Somebody looks in working hours.
SLOW = (BurnRule(4320, 360, 1),)


def least_objective() -> float:
    """The objective, in percent, at or below which the fastest rule can never fire."""
    return 100 - 100 / max(rule.rate for rule in FAST)


def label(minutes: int) -> str:
    """``5`` → ``5m``, ``60`` → ``1h``, ``4320`` → ``3d``."""
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
