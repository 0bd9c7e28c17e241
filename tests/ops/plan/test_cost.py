"""What an environment costs: sums worked out by hand from the table's figures."""

from __future__ import annotations

import io
import json
from decimal import Decimal

from rich.console import Console

from ops.plan.cost import CostChange, compare
from ops.plan.cost_report import bill, document, show, totals, unknown
from ops.plan.prices import price
from tests.ops.plan.stacks import resource, stack

GATEWAY = resource("AWS::EC2::NatGateway")
KEY = resource("AWS::KMS::Key")
ODD = resource("AWS::Redshift::Cluster")
EU = "eu-west-1"


def changes(before: list[dict[str, object]], after: list[dict[str, object]]) -> dict[str, CostChange]:
    return {change.item: change for change in compare([stack(*before)], [stack(*after)])}


def test_a_second_gateway_costs_its_hours_more() -> None:
    (change,) = changes([GATEWAY], [GATEWAY, GATEWAY]).values()
    assert (change.monthly_before, change.monthly_after) == (Decimal("32.850"), Decimal("65.700"))
    assert change.delta == Decimal("32.850")  # 730 hours at 0.045


def test_what_goes_away_costs_less() -> None:
    found = changes([GATEWAY, KEY], [GATEWAY])
    assert found["keys"].delta == -1
    assert found["nat-gateway-hours"].delta == 0


def test_what_has_no_price_has_no_cost() -> None:
    (change,) = changes([], [ODD]).values()
    assert (change.monthly_before, change.monthly_after, change.delta) == (None, None, None)
    assert change.after == 1


def test_the_price_of_a_region_is_the_one_asked_there() -> None:
    lines = bill([stack(GATEWAY), stack(GATEWAY, region=EU)])
    assert {line.region: line.monthly_after for line in lines} == {
        "us-east-1": Decimal("32.85"),
        EU: Decimal("35.04"),  # 730 hours at 0.048
    }


def test_a_region_costs_the_sum_of_what_is_known() -> None:
    lines = bill([stack(GATEWAY, KEY, KEY, ODD)])
    assert totals(lines) == {"us-east-1": Decimal("34.85")}
    assert unknown(lines) == {"us-east-1": ["1 resources of AWS::Redshift::Cluster"]}


def test_the_dearest_item_comes_first_and_the_unknown_last() -> None:
    lines = bill([stack(KEY, ODD, GATEWAY)])
    assert [line.item for line in lines] == ["nat-gateway-hours", "keys", "AWS::Redshift::Cluster"]


def test_the_document_has_decimal_strings_and_a_source_for_each_figure() -> None:
    whole = json.loads(json.dumps(document("prod", bill([stack(GATEWAY, ODD)]))))
    assert whole["total"] == whole["regions"]["us-east-1"] == "32.85"
    gateway, odd = whole["items"]
    assert (gateway["quantity"], gateway["usd_a_unit"], gateway["usd_a_month"]) == ("730", "0.045", "32.85")
    known = price("nat-gateway-hours", "us-east-1")
    assert known is not None
    assert gateway["source"]["url"] == known.source.url
    assert gateway["source"]["read"] == known.source.read.isoformat()
    assert (odd["usd_a_unit"], odd["usd_a_month"], odd["source"]) == (None, None, None)
    assert any(line.startswith("traffic") for line in whole["not_counted"])


def test_the_table_shows_totals_sources_and_what_is_unknown() -> None:
    written = io.StringIO()
    show(Console(file=written, width=150), "prod", bill([stack(GATEWAY, ODD)]))
    said = written.getvalue()
    known = price("nat-gateway-hours", "us-east-1")
    assert known is not None
    assert f"1  {known.source}" in said
    assert "No price known in us-east-1: 1 resources of AWS::Redshift::Cluster." in said
    assert "Not in these figures: traffic" in said
    (total,) = (line for line in said.splitlines() if line.split()[:1] == ["all"])
    assert total.split() == ["all", "total,", "at", "least", "32.85"]


def test_a_total_that_lacks_nothing_is_no_lower_bound() -> None:
    written = io.StringIO()
    show(Console(file=written, width=150), "prod", bill([stack(GATEWAY)]))
    said = written.getvalue()
    assert "at least" not in said
    assert "No price known" not in said


def test_an_empty_environment_costs_nothing() -> None:
    assert document("prod", bill([]))["total"] == "0.00"
