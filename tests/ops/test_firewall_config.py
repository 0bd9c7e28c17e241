"""What the edge reads of a firewall: the web ACL, and the sets that its rules name."""

from __future__ import annotations

import ipaddress

import pytest

from ops.local import aws
from ops.local.edge import firewall_config

HOME, SCOPE = "us-east-1", "CLOUDFRONT"


@pytest.mark.usefixtures("commanded")
def test_sets_hold_the_networks_and_expressions_that_the_api_was_given() -> None:
    waf = aws.client("wafv2", HOME)
    addresses = waf.create_ip_set(
        Name="offices", Scope=SCOPE, IPAddressVersion="IPV4", Addresses=["192.0.2.0/24"]
    )["Summary"]["ARN"]
    paths = waf.create_regex_pattern_set(
        Name="probes", Scope=SCOPE, RegularExpressionList=[{"RegexString": r"\.php$"}]
    )["Summary"]["ARN"]
    acl = waf.create_web_acl(
        Name="edge",
        Scope=SCOPE,
        DefaultAction={"Block": {}},
        VisibilityConfig={
            "SampledRequestsEnabled": False,
            "CloudWatchMetricsEnabled": False,
            "MetricName": "edge",
        },
    )["Summary"]["ARN"]
    acls, sets = firewall_config.read(frozenset({acl}))
    assert acls[acl].blocks_by_default
    assert sets.networks(addresses) == (ipaddress.ip_network("192.0.2.0/24"),)
    assert sets.patterns(paths) == (r"\.php$",)


@pytest.mark.usefixtures("commanded")
def test_distribution_without_a_firewall_asks_nothing() -> None:
    acls, sets = firewall_config.read(frozenset())
    assert (acls, sets.networks("gone"), sets.patterns("gone")) == ({}, (), ())
