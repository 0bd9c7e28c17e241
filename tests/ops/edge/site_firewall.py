"""The web ACL of the site: what can be decided on this machine, and one managed group that cannot."""

from typing import Any


def rule(
    name: str, priority: int, statement: dict[str, Any], action: str = "Block", **more: Any
) -> dict[str, Any]:
    """A rule of a web ACL."""
    seen = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": name}
    decided: dict[str, Any] = (
        {"OverrideAction": {"None": {}}}
        if "ManagedRuleGroupStatement" in statement
        else {"Action": {action: {}}}
    )
    return {
        "Name": name,
        "Priority": priority,
        "Statement": statement,
        "VisibilityConfig": seen,
        **decided,
        **more,
    }


def path_match(text: str, constraint: str = "STARTS_WITH") -> dict[str, Any]:
    """A statement about the path."""
    return {
        "ByteMatchStatement": {
            "SearchString": text,
            "FieldToMatch": {"UriPath": {}},
            "TextTransformations": [
                {"Priority": 0, "Type": "URL_DECODE"},
                {"Priority": 1, "Type": "LOWERCASE"},
            ],
            "PositionalConstraint": constraint,
        }
    }


def web_acl_template(arn_of_set: Any) -> dict[str, Any]:
    """Properties of AWS::WAFv2::WebACL: what can be decided here, and one managed group that cannot."""
    managed = {"VendorName": "AWS", "Name": "AWSManagedRulesCommonRuleSet"}
    rate = {
        "Limit": 10,
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 60,
        "ScopeDownStatement": path_match("/limited/"),
    }
    return {
        "Name": "site",
        "Scope": "CLOUDFRONT",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": {
            "SampledRequestsEnabled": True,
            "CloudWatchMetricsEnabled": True,
            "MetricName": "site",
        },
        "Rules": [
            rule("addresses", 0, {"IPSetReferenceStatement": {"Arn": arn_of_set}}),
            rule("managed", 1, {"ManagedRuleGroupStatement": managed}),
            rule("limited", 2, {"RateBasedStatement": rate}),
            rule("marked", 3, path_match("/labelled/"), "Count", RuleLabels=[{"Name": "site:labelled"}]),
            rule(
                "labelled-abroad",
                4,
                {
                    "AndStatement": {
                        "Statements": [
                            {"LabelMatchStatement": {"Scope": "LABEL", "Key": "site:labelled"}},
                            {"NotStatement": {"Statement": {"GeoMatchStatement": {"CountryCodes": ["US"]}}}},
                        ]
                    }
                },
            ),
        ],
    }
