"""Listener rules: conditions, priorities, actions."""

from typing import Any

import pytest
from multidict import CIMultiDict

from ops.local.edge.rules import Incoming, NoRuleError, choose, holds, redirect_url, rule_from, target_group


def request(**changes: Any) -> Incoming:
    parts: dict[str, Any] = {
        "method": "GET",
        "host": "api.example.com:8080",
        "path": "/api/orders",
        "query": "version=Beta&debug=",
        "source": "127.0.0.1",
        "headers": CIMultiDict({"X-Client": "Mobile/2"}),
    }
    return Incoming(**{**parts, **changes})


CONDITIONS = {
    "path with star": ({"Field": "path-pattern", "Values": ["/api/*"]}, True),
    "path with one character": (
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/order?"]}},
        True,
    ),
    "path is case-sensitive": ({"Field": "path-pattern", "Values": ["/API/*"]}, False),
    "path dot is a dot": ({"Field": "path-pattern", "Values": ["/api.orders"]}, False),
    "path must fit as a whole": ({"Field": "path-pattern", "Values": ["/api"]}, False),
    "host without its port and case": ({"Field": "host-header", "Values": ["*.EXAMPLE.com"]}, True),
    "method": (
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST", "GET"]}},
        True,
    ),
    "other method": ({"Field": "http-request-method", "Values": ["POST"]}, False),
    "header": (
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-client", "Values": ["mobile*"]}},
        True,
    ),
    "absent header": (
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-other", "Values": ["*"]}},
        False,
    ),
    "query pair": (
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "version", "Value": "b*"}]}},
        True,
    ),
    "query value of any key": (
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Value": "beta"}]}},
        True,
    ),
    "source": ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8", "127.0.0.0/8"]}}, True),
    "other source": ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}, False),
    "unknown field": ({"Field": "moon-phase", "Values": ["full"]}, False),
}


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_holds_as_elb_says(condition: dict[str, Any], expected: bool) -> None:
    assert holds(condition, request()) is expected


def described(priority: str, path: str | None) -> dict[str, Any]:
    conditions = [{"Field": "path-pattern", "Values": [path]}] if path else []
    return {"Priority": priority, "Conditions": conditions, "Actions": [{"Type": "forward"}]}


def test_the_lowest_number_wins_whatever_the_order_of_the_answer() -> None:
    rules = [rule_from(described(*pair)) for pair in [("default", None), ("20", "/api/*"), ("3", "/api/o*")]]
    assert choose(rules, request()).priority == 3
    assert choose(rules, request(path="/api/x")).priority == 20
    assert choose(rules, request(path="/")).conditions == ()


def test_a_listener_without_a_default_rule_is_said_to_be_unfinished() -> None:
    with pytest.raises(NoRuleError):
        choose([rule_from(described("1", "/x"))], request())


@pytest.mark.parametrize(
    ("draw", "group"), [(0.0, "blue"), (0.89, "blue"), (0.91, "green"), (0.999, "green")]
)
def test_weighted_groups_share_by_weight(draw: float, group: str) -> None:
    groups = [{"TargetGroupArn": "blue", "Weight": 90}, {"TargetGroupArn": "green", "Weight": 10}]
    assert target_group({"ForwardConfig": {"TargetGroups": groups}}, draw) == group


def test_a_redirect_fills_its_placeholders() -> None:
    config = {"Protocol": "HTTPS", "Port": "443", "Path": "/v2/#{path}", "Query": "#{query}"}
    assert (
        redirect_url(config, request(query="a=1"), "http", 8080)
        == "https://api.example.com/v2/api/orders?a=1"
    )


def test_a_redirect_keeps_what_it_does_not_change() -> None:
    assert redirect_url({"Path": "/x"}, request(query=""), "http", 8080) == "http://api.example.com:8080/x"
