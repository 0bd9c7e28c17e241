"""The web ACL of the distribution: managed rule groups, rates by path, countries, bots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from stacks.base import Site
from stacks.edge.prose import bad_body, body_rules, path_is
from stacks.edge.settings import FirewallSettings, RateRule

Acl = waf.CfnWebACL

#: Rule groups of AWS by key of the configuration, in the order in which they look (cheapest first).
MANAGED = {
    "ip_reputation": "AWSManagedRulesAmazonIpReputationList",
    "anonymous_ip": "AWSManagedRulesAnonymousIpList",
    "common": "AWSManagedRulesCommonRuleSet",
    "known_bad_inputs": "AWSManagedRulesKnownBadInputsRuleSet",
    "sql_injection": "AWSManagedRulesSQLiRuleSet",
}

#: It refuses bodies above 8 KB, which a GraphQL document or a prompt exceeds; the services limit bodies
#: themselves.
COUNTED = {"common": ["SizeRestrictions_BODY"]}

WINDOW_SECONDS = 300

TOO_MANY = {"type": "about:blank", "title": "Too Many Requests", "status": 429}


class Firewall(Construct):
    """``log_bucket_arn``: where its log goes; authorization and cookies are taken out of it. Bodies that come
    to the paths of ``prose`` may hold any text.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        site: Site,
        settings: FirewallSettings,
        prose: Sequence[str],
        log_bucket_arn: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.names = site.names
        self.settings = settings
        self.prose = prose
        rules = [self._rule(number, *rule) for number, rule in enumerate(self._rules())]
        self.resource = Acl(
            self,
            "Resource",
            name=self.names.prefix,
            scope="CLOUDFRONT",
            default_action=Acl.DefaultActionProperty(allow=Acl.AllowActionProperty()),
            rules=rules,
            custom_response_bodies={
                "too-many-requests": Acl.CustomResponseBodyProperty(
                    content_type="APPLICATION_JSON", content=json.dumps(TOO_MANY)
                )
            },
            visibility_config=self._visibility("all"),
        )
        if log_bucket_arn:
            waf.CfnLoggingConfiguration(
                self,
                "Logging",
                resource_arn=self.resource.attr_arn,
                log_destination_configs=[log_bucket_arn],
                redacted_fields=[
                    waf.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": name})
                    for name in ("authorization", "cookie", "x-api-key")
                ],
            )

    def _rules(self) -> Iterator[tuple[str, Acl.StatementProperty, str | None]]:
        """Name, statement and action of each rule; a managed group has actions of its own (None or count)."""
        if self.settings.geography.countries:
            yield "geography", self._geography(), "block"
        for key in ("ip_reputation", "anonymous_ip"):
            yield self._managed(key)
        for rate in self.settings.rates:
            yield f"rate-{rate.name}", _rate(rate), "limit" if rate.action == "block" else "watch"
        groups = ("common", "known_bad_inputs", "sql_injection")
        for key in groups:
            yield self._managed(key)
        blocking = [key for key in groups if getattr(self.settings.managed, key) != "count"]
        if self.prose and blocking:
            yield "bodies", bad_body(blocking, self.prose), "block"
        if self.settings.bot_control != "none":
            yield "bot-control", self._bots(), None

    def _managed(self, key: str) -> tuple[str, Acl.StatementProperty, str | None]:
        action = getattr(self.settings.managed, key)
        statement = Acl.StatementProperty(
            managed_rule_group_statement=Acl.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=MANAGED[key],
                rule_action_overrides=[
                    Acl.RuleActionOverrideProperty(
                        name=name, action_to_use=Acl.RuleActionProperty(count=Acl.CountActionProperty())
                    )
                    for name in (*COUNTED.get(key, ()), *(body_rules(key) if self.prose else ()))
                ]
                or None,
            )
        )
        return key.replace("_", "-"), statement, "count" if action == "count" else None

    def _bots(self) -> Acl.StatementProperty:
        return Acl.StatementProperty(
            managed_rule_group_statement=Acl.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name="AWSManagedRulesBotControlRuleSet",
                managed_rule_group_configs=[
                    Acl.ManagedRuleGroupConfigProperty(
                        aws_managed_rules_bot_control_rule_set=Acl.AWSManagedRulesBotControlRuleSetProperty(
                            inspection_level=self.settings.bot_control.upper()
                        )
                    )
                ],
            )
        )

    def _geography(self) -> Acl.StatementProperty:
        geography = self.settings.geography
        named = Acl.StatementProperty(
            geo_match_statement=Acl.GeoMatchStatementProperty(country_codes=sorted(geography.countries))
        )
        if geography.mode == "deny":
            return named
        return Acl.StatementProperty(not_statement=Acl.NotStatementProperty(statement=named))

    def _rule(
        self, priority: int, name: str, statement: Acl.StatementProperty, action: str | None
    ) -> Acl.RuleProperty:
        group = statement.managed_rule_group_statement is not None
        count = Acl.RuleActionProperty(count=Acl.CountActionProperty())
        actions = {
            "block": Acl.RuleActionProperty(block=Acl.BlockActionProperty()),
            "watch": count,
            "limit": Acl.RuleActionProperty(
                block=Acl.BlockActionProperty(
                    custom_response=Acl.CustomResponseProperty(
                        response_code=429,
                        custom_response_body_key="too-many-requests",
                        response_headers=[
                            Acl.CustomHTTPHeaderProperty(name="retry-after", value=str(WINDOW_SECONDS))
                        ],
                    )
                )
            ),
        }
        override = Acl.OverrideActionProperty(count={}) if action else Acl.OverrideActionProperty(none={})
        return Acl.RuleProperty(
            name=name,
            priority=priority,
            statement=statement,
            action=None if group else actions[action or "block"],
            override_action=override if group else None,
            visibility_config=self._visibility(name),
        )

    def _visibility(self, name: str) -> Acl.VisibilityConfigProperty:
        return Acl.VisibilityConfigProperty(
            cloud_watch_metrics_enabled=True,
            sampled_requests_enabled=True,
            metric_name=self.names.firewall_metric(name),
        )


def _rate(rate: RateRule) -> Acl.StatementProperty:
    """Counted by address, and only on its paths; the path is compared as a server would read it."""
    return Acl.StatementProperty(
        rate_based_statement=Acl.RateBasedStatementProperty(
            aggregate_key_type="IP",
            limit=rate.requests,
            evaluation_window_sec=WINDOW_SECONDS,
            scope_down_statement=path_is(f"{rate.path}*") if rate.path != "/" else None,
        )
    )
