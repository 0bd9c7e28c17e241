"""What holds for every input: networks, counts and names."""

from __future__ import annotations

import ipaddress
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stacks.environment import Environment
from stacks.errors import ConfigurationError
from stacks.naming import Names
from stacks.regions import REGIONS
from stacks.settings import TaskCount
from tests.stacks.environments import document, put, read

AREAS = (
    "dns",
    "network-state",
    "network",
    "peering",
    "datalake",
    "global-db",
    "rotation",
    "ecs",
    "edge",
    "monitoring",
)
ACCOUNT = "123456789012"

networks = st.builds(
    lambda second, third, prefix: ipaddress.ip_network(f"10.{second}.{third}.0/{prefix}", strict=False),
    st.integers(0, 20),
    st.integers(0, 255),
    st.integers(16, 19),
)
environment_names = st.from_regex(r"\A[a-z][a-z0-9]{1,11}\Z")


def accepted(one: str, other: str) -> bool:
    contents = put(document(), "regions.eu-west-1.cidr", one)
    contents = put(contents, "regions.us-east-1.cidr", other)
    contents = put(contents, "regions.ap-southeast-1.cidr", "10.63.0.0/16")
    with tempfile.TemporaryDirectory() as folder:
        try:
            read(Path(folder), contents)
        except ConfigurationError as error:
            assert " overlaps " in error.problem, str(error)  # noqa: PT017  (the refusal is the answer)
            return False
    return True


@settings(max_examples=60, deadline=None)
@given(networks, networks)
@example(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("10.1.32.0/19"))
@example(ipaddress.ip_network("10.1.0.0/17"), ipaddress.ip_network("10.1.128.0/17"))
def test_networks_are_accepted_exactly_when_they_share_no_address(
    one: ipaddress.IPv4Network, other: ipaddress.IPv4Network
) -> None:
    disjoint = one.broadcast_address < other.network_address or other.broadcast_address < one.network_address
    assert accepted(str(one), str(other)) is disjoint


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 1000))
@example(2, 3, 10)
@example(3, 3, 3)
@example(3, 2, 10)
@example(2, 11, 10)
def test_task_counts_are_accepted_exactly_when_in_order(least: int, desired: int, most: int) -> None:
    try:
        TaskCount(min=least, desired=desired, max=most)
    except ValidationError:
        ordered = False
    else:
        ordered = True
    assert ordered == (least <= desired <= most)


def every_name(names: Names) -> dict[tuple[str, str], tuple[str, int, str]]:
    """(kind, region) → (name, longest that AWS takes, its pattern); limits from the API references."""
    found: dict[tuple[str, str], tuple[str, int, str]] = {}
    words = r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*"
    bucket = r"[a-z0-9][a-z0-9.-]*[a-z0-9]"
    for region in REGIONS:
        for area in AREAS:
            found[f"stack {area}", region] = (names.stack(region, area), 128, words)
        found["lake", region] = (names.lake_bucket(ACCOUNT, region), 63, bucket)
        found["logs", region] = (names.log_bucket(ACCOUNT, region), 63, bucket)
        found["database cluster", region] = (names.database_cluster(region), 63, words)
        found["database instance", region] = (names.database_instance(region, 16), 63, words)
        found["cache", region] = (names.cache(region), 40, words)
        found["datastore member", region] = (names.global_cache_member(region), 40, words)
        found["dashboard", region] = (names.dashboard(region), 255, r"[A-Za-z0-9_-]+")
    for store in ("cache", "global"):
        found[f"users of {store}", ""] = (names.cache_users(store), 40, words)
        found[f"administrator of {store}", ""] = (names.cache_user(store, "admin"), 40, words)
    found["backup vault", ""] = (names.backup_vault, 50, r"[A-Za-z0-9_-]{2,}")
    found["global cluster", ""] = (names.global_cluster, 63, words)
    # The suffix of the datastore's id: AWS puts five characters and a hyphen before it, in 40 at most.
    found["datastore", ""] = (names.prefix, 34, words)
    found["load balancer", ""] = (names.load_balancer, 32, words)
    found["cluster", ""] = (names.cluster, 255, r"[A-Za-z0-9_-]+")
    found["task family", ""] = (names.task_family("s" * 30 + "-" + "t" * 30), 255, r"[A-Za-z0-9_-]+")
    found["routing store", ""] = (names.routing_store, 64, r"[A-Za-z0-9_-]+")
    found["function", ""] = (names.viewer_request_function(), 64, r"[A-Za-z0-9_-]+")
    found["secret", ""] = (names.secret("database"), 512, r"[A-Za-z0-9/_+=.@-]+")
    found["parameter", ""] = (
        names.parameter("global-db", "database-reader-endpoint"),
        1011,
        r"[A-Za-z0-9/_.-]+",
    )
    return found


@settings(deadline=None)
@given(environment_names)
@example("production12")
@example("staging")
@example("prod")
def test_every_name_fits_what_aws_takes(environment: str) -> None:
    for where, (name, limit, pattern) in every_name(Names(environment)).items():
        assert len(name) <= limit, f"{where}: {name} has {len(name)} of {limit} characters"
        assert re.fullmatch(pattern, name), f"{where}: {name}"


@settings(deadline=None)
@given(environment_names)
@example("production12")
def test_no_two_stacks_buckets_or_caches_share_a_name(environment: str) -> None:
    named: dict[str, tuple[str, str]] = {}
    kinds = {kind for kind, _ in every_name(Names(environment))}
    for kinds_of_one_space in (
        [k for k in kinds if k.startswith("stack")],
        ["lake", "logs"],
        ["cache", "datastore member"],
    ):
        named.clear()
        for where, (name, _, _) in every_name(Names(environment)).items():
            if where[0] in kinds_of_one_space:
                assert named.setdefault(name, where) == where, f"{name} is {named[name]} and {where}"


@given(environment_names, environment_names, st.sampled_from(sorted(REGIONS)))
def test_environments_never_share_a_name(one: str, other: str, region: str) -> None:
    if one != other:
        assert Names(one).stack(region, "ecs") != Names(other).stack(region, "ecs")
        assert Names(one).global_cache_member(region) != Names(other).global_cache_member(region)


@pytest.mark.parametrize("environment", ["prod", "local", "dev"])
def test_names_keep_their_contract(environment: str) -> None:
    names = Names(environment)
    assert names.stack("eu-west-1", "ecs") == f"richesreach-{environment}-eu-west-1-ecs"
    assert names.parameter("edge", "distribution-id") == f"/richesreach/{environment}/edge/distribution-id"
    assert names.secret("database") == f"richesreach/{environment}/database"
    assert names.global_cache_member("eu-west-1") == f"richesreach-{environment}-eu-west-1-global"


@pytest.mark.parametrize("name", ["Prod", "p", "1prod", "pro-d", "thirteenchars", "prod_"])
def test_name_of_an_environment_that_no_resource_could_take_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="should match pattern"):
        Environment.model_validate(document() | {"name": name})
