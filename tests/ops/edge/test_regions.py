"""The table of regions and the distances in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.regions import REGIONS, Location, UnknownRegionError, distance_km, nearest, region

HALF_WAY_ROUND_KM = 20_016
locations = st.builds(Location, st.floats(-90, 90), st.floats(-180, 180))


@given(locations, locations)
def test_distance_is_the_same_both_ways(a: Location, b: Location) -> None:
    assert distance_km(a, b) == pytest.approx(distance_km(b, a))


@given(locations, locations)
def test_distance_is_between_nothing_and_half_way_round_the_earth(a: Location, b: Location) -> None:
    assert 0 <= distance_km(a, b) <= HALF_WAY_ROUND_KM


@given(locations, locations, locations)
def test_a_detour_is_never_shorter(a: Location, b: Location, c: Location) -> None:
    assert distance_km(a, c) <= distance_km(a, b) + distance_km(b, c) + 1e-6


@given(locations, st.lists(st.sampled_from(sorted(REGIONS)), min_size=1, unique=True))
def test_no_region_is_nearer_than_the_nearest(viewer: Location, codes: list[str]) -> None:
    shortest = distance_km(viewer, region(nearest(viewer, codes)).location)
    assert all(shortest <= distance_km(viewer, region(code).location) for code in codes)


@pytest.mark.parametrize("code", sorted(REGIONS))
def test_a_region_is_nearest_to_itself(code: str) -> None:
    assert nearest(region(code).location, REGIONS) == code


def test_paris_to_new_york_is_5837_km() -> None:
    assert distance_km(Location(48.8566, 2.3522), Location(40.7128, -74.0060)) == pytest.approx(5837, abs=5)


def test_pop_codes_are_unique() -> None:
    assert len({entry.pop for entry in REGIONS.values()}) == len(REGIONS) >= 30


def test_an_unknown_region_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownRegionError, match=r"'eu-west-9' is not an AWS region; use one of .*eu-west-1"):
        region("eu-west-9")
