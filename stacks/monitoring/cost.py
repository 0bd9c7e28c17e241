"""What the platform may cost: budgets in total, by region and by service, and anomalies.

Budgets and Cost Explorer are global and live in us-east-1; both read the tag ``environment``, which must be
activated as a cost allocation tag once for the account.
"""

from __future__ import annotations

import json

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.base import Site
from stacks.monitoring.settings import BudgetSettings

#: Notices that are no alarms; each has a runbook.
NOTICES = ("budget-exceeded", "cost-anomaly")

#: Percent of a budget that is told when it was spent, and when it is forecast.
ACTUAL_PERCENT, FORECAST_PERCENT = 80, 100


class CostControl(Construct):
    """Notices go to the topic of tickets; their runbooks are NOTICES."""

    def __init__(
        self, scope: Construct, construct_id: str, *, site: Site, settings: BudgetSettings, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, construct_id)
        self.site = site
        self.topic = topic
        self._budget("total", settings.monthly_usd, {})
        for region in site.environment.regions:
            self._budget(region, settings.region_usd, {"Region": [region]})
        for service, usd in sorted(settings.services_usd.items()):
            self._budget(service.lower().replace(" ", "-"), usd, {"Service": [service]})
        self._anomalies(settings.anomaly_usd)

    def _budget(self, name: str, usd: float, filters: dict[str, list[str]]) -> None:
        subscriber = budgets.CfnBudget.SubscriberProperty(
            subscription_type="SNS", address=self.topic.topic_arn
        )
        budgets.CfnBudget(
            self,
            f"Budget-{name}",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{self.site.names.prefix}-{name}",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=usd, unit="USD"),
                cost_filters={
                    "TagKeyValue": [f"user:environment${self.site.environment.name}"],
                    **filters,
                },
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[subscriber],
                )
                for kind, percent in (("ACTUAL", ACTUAL_PERCENT), ("FORECASTED", FORECAST_PERCENT))
            ],
        )

    def _anomalies(self, usd: float) -> None:
        """A monitor of this environment's tag: an account takes only one that is by service."""
        monitor = ce.CfnAnomalyMonitor(
            self,
            "Monitor",
            monitor_name=self.site.names.prefix,
            monitor_type="CUSTOM",
            monitor_specification=json.dumps(
                {"Tags": {"Key": "environment", "Values": [self.site.environment.name]}}
            ),
        )
        ce.CfnAnomalySubscription(
            self,
            "Anomalies",
            subscription_name=self.site.names.prefix,
            monitor_arn_list=[monitor.attr_monitor_arn],
            frequency="IMMEDIATE",  # what SNS takes
            subscribers=[
                ce.CfnAnomalySubscription.SubscriberProperty(type="SNS", address=self.topic.topic_arn)
            ],
            threshold_expression=json.dumps(
                {
                    "Dimensions": {
                        "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                        "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
                        "Values": [f"{usd:g}"],
                    }
                }
            ),
        )
