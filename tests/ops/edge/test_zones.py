"""Route 53: which region a viewer is sent to."""

import pytest

from ops.local.edge.places import UnknownPlaceError, find
from ops.local.edge.zones import BalancerPlace, Endpoint, Record, UnresolvedError, World

REGIONS = {"us-east-1": "127.80.1.1", "eu-west-1": "127.80.2.1", "ap-southeast-1": "127.80.3.1"}
ORIGIN = "origin.example.test"


def world(down: frozenset[str] = frozenset(), without_targets: frozenset[str] = frozenset()) -> World:
    latency = tuple(
        Record(
            ORIGIN, alias=f"dualstack.LB-{r}.elb.amazonaws.com.", evaluate=True, check=f"check-{r}", region=r
        )
        for r in REGIONS
    )
    named = {
        f"origin-{r}.example.test": (Record(f"origin-{r}.example.test", alias=f"lb-{r}.elb.amazonaws.com"),)
        for r in REGIONS
    }
    balancers = {
        f"lb-{r}.elb.amazonaws.com": BalancerPlace(r, "lb", address, r not in without_targets)
        for r, address in REGIONS.items()
    }
    return World({ORIGIN: latency, **named}, balancers, down)


@pytest.mark.parametrize(
    ("viewer", "region"),
    [
        ("Frankfurt", "eu-west-1"),
        ("new york", "us-east-1"),
        ("SIN", "ap-southeast-1"),
        ("ap-northeast-1", "ap-southeast-1"),
        ("sa-east-1", "us-east-1"),
    ],
)
def test_a_viewer_gets_the_nearest_region(viewer: str, region: str) -> None:
    assert world().resolve(ORIGIN, find(viewer).location) == Endpoint(REGIONS[region], region)


def test_a_region_whose_health_check_fails_is_left() -> None:
    assert world(frozenset(["check-eu-west-1"])).resolve(ORIGIN, find("FRA").location).region == "us-east-1"


def test_a_region_whose_load_balancer_has_no_healthy_target_is_left() -> None:
    without = frozenset(["eu-west-1"])
    assert world(without_targets=without).resolve(ORIGIN, find("FRA").location).region == "us-east-1"


def test_when_every_region_is_unhealthy_all_are_used() -> None:
    everywhere = frozenset(f"check-{r}" for r in REGIONS)
    assert world(everywhere, frozenset(REGIONS)).resolve(ORIGIN, find("FRA").location).region == "eu-west-1"


def test_a_regional_name_leads_to_its_region_whoever_asks() -> None:
    assert (
        world().resolve("Origin-AP-Southeast-1.example.test.", find("FRA").location).region
        == "ap-southeast-1"
    )


def test_an_alias_to_another_record_is_followed() -> None:
    records = {**world().records, "www.example.test": (Record("www.example.test", alias=ORIGIN),)}
    assert World(records, world().balancers).resolve("www.example.test", find("SIN").location).region == (
        "ap-southeast-1"
    )


def test_failover_leaves_the_primary_only_when_it_fails() -> None:
    records = {
        "f": (
            Record("f", values=("127.0.0.2",), failover="SECONDARY"),
            Record("f", values=("127.0.0.1",), failover="PRIMARY", check="p"),
        )
    }
    assert World(records).resolve("f", find("FRA").location).address == "127.0.0.1"
    assert World(records, down=frozenset(["p"])).resolve("f", find("FRA").location).address == "127.0.0.2"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.test", "no Route 53 record nowhere.test"),
        ("loop.test", "loop of aliases"),
        ("gone.test", "alias of lb-gone.elb.amazonaws.com, where no load balancer runs"),
    ],
)
def test_a_name_that_leads_nowhere_says_why(name: str, reason: str) -> None:
    records = {
        "loop.test": (Record("loop.test", alias="loop.test"),),
        "gone.test": (Record("gone.test", alias="lb-gone.elb.amazonaws.com."),),
    }
    with pytest.raises(UnresolvedError, match=reason):
        World(records).resolve(name, find("FRA").location)


def test_an_unknown_place_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownPlaceError, match=r"'Atlantis' is not known; .*Frankfurt \(FRA\)"):
        find("Atlantis")
