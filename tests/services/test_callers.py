"""Who asks: the address that our own proxies saw, never one that a viewer wrote; and keys that are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core.auth import credentials
from richesreach.core.auth.identity import Identity
from richesreach.core.limits.callers import Callers
from richesreach.core.limits.gcra import Tier
from richesreach.core.problems import Problem
from starlette.types import Scope

TIERS = {"anonymous": Tier("anonymous", 60, 60, 60), "key": Tier("key", 200, 60, 200)}
KEY = "rr_0123456789abcdef"
VIEWER, EDGE, BALANCER = "203.0.113.7", "192.0.2.10", "10.0.1.5"


async def known(asked: Scope) -> Identity | None:
    """As an authenticator that knows one key judges."""
    shown = credentials.of_headers(asked["headers"])
    if shown is None:
        return None
    if shown.value != KEY:
        raise Problem(401, "unauthenticated", "unknown")
    return Identity("user-1", frozenset({"viewer"}), frozenset(), "key", key_id="k1")


CALLERS = Callers(TIERS, trusted=["10.0.0.0/8", "fd00::/8"], proxies=2, identify=known)


def scope(peer: str | None, *forwarded: str, **headers: str) -> Scope:
    given = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    given += [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    return {"type": "http", "path": "/", "headers": given, "client": (peer, 4711) if peer else None}


async def name(peer: str | None, *forwarded: str) -> str:
    return (await CALLERS.of(scope(peer, *forwarded))).name


def test_who_is_known_already_is_a_caller_without_being_asked_about() -> None:
    identity = Identity("user-1", frozenset({"viewer"}), frozenset(), "key", key_id="k1")
    callers = Callers(TIERS, trusted=[], proxies=0, known=lambda _scope: identity)
    found = callers.at_once(scope(VIEWER, x_api_key=KEY))
    assert found is not None
    assert (found.name, found.tier) == ("key:k1", TIERS["key"])
    assert Callers(TIERS, trusted=[], proxies=0).at_once(scope(VIEWER, x_api_key=KEY)) is None


async def test_the_viewer_is_two_proxies_away() -> None:
    assert await name(BALANCER, f"{VIEWER}, {EDGE}") == VIEWER


@given(
    st.ip_addresses().map(str) | st.text(st.characters(codec="latin-1", exclude_characters="\r\n")),
)
async def test_what_a_viewer_writes_itself_changes_nothing(written: str) -> None:
    assert await name(BALANCER, f"{written},{VIEWER},{EDGE}") == VIEWER
    assert await name(BALANCER, written, f"{VIEWER}, {EDGE}") == VIEWER


async def test_what_a_viewer_writes_takes_no_memory_however_long_it_is() -> None:
    callers = Callers(TIERS, trusted=["10.0.0.0/8"], proxies=2)
    for number in range(10):
        written = f"{number}" * 5000
        assert (await callers.of(scope(BALANCER, f"{written},{VIEWER},{EDGE}"))).name == VIEWER
    assert callers._anonymous.cache_info().currsize == 0


async def test_a_peer_that_is_no_proxy_of_ours_is_the_caller() -> None:
    assert await name("198.51.100.1", f"{VIEWER}, {EDGE}") == "198.51.100.1"


async def test_with_one_proxy_less_the_address_that_it_saw_counts() -> None:
    assert await name(BALANCER, VIEWER) == VIEWER


@pytest.mark.parametrize("forwarded", [(), ("",), ("unknown",), ("x, y",)])
async def test_without_a_readable_address_the_peer_is_the_caller(forwarded: tuple[str, ...]) -> None:
    assert await name(BALANCER, *forwarded) == BALANCER


async def test_a_connection_without_an_address_is_unknown() -> None:
    assert await name(None, VIEWER) == "unknown"


@pytest.mark.parametrize(
    ("written", "caller"),
    [
        ("203.0.113.7:51234", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
async def test_an_address_is_read_in_every_form(written: str, caller: str) -> None:
    assert await name(BALANCER, f"{written}, {EDGE}") == caller


@pytest.mark.parametrize(
    "headers",
    [{"x_api_key": KEY}, {"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer  {KEY} "}],
)
async def test_a_known_key_is_the_caller_wherever_it_comes_from(headers: dict[str, str]) -> None:
    caller = await CALLERS.of(scope(BALANCER, f"{VIEWER}, {EDGE}", **headers))
    assert (caller.name, caller.tier.name) == ("key:k1", "key")


async def test_a_caller_that_is_printed_shows_no_key() -> None:
    assert KEY not in repr(await CALLERS.of(scope(BALANCER, x_api_key=KEY)))


@pytest.mark.parametrize("key", ["rr_guessed", "", "rr_" + "x" * 200, "\x00"])
async def test_a_key_that_nobody_knows_lifts_no_limit(key: str) -> None:
    caller = await CALLERS.of(scope(BALANCER, f"{VIEWER}, {EDGE}", x_api_key=key))
    assert (caller.name, caller.tier.name) == (VIEWER, "anonymous")


WITH_NEIGHBOURS = Callers(
    {**TIERS, "neighbour": Tier("neighbour", 10_000, 60, 10_000)}, trusted=["10.0.0.0/8"], proxies=2
)


@pytest.mark.parametrize(
    ("peer", "forwarded", "tier"),
    [
        ("10.0.2.9", (), "neighbour"),
        (BALANCER, (f"{VIEWER}, {EDGE}",), "anonymous"),
        (BALANCER, ("",), "anonymous"),
        (VIEWER, (), "anonymous"),
        (None, (), "anonymous"),
    ],
)
async def test_only_who_is_inside_and_came_by_no_balancer_is_a_neighbour(
    peer: str | None, forwarded: tuple[str, ...], tier: str
) -> None:
    assert (await WITH_NEIGHBOURS.of(scope(peer, *forwarded))).tier.name == tier


async def test_where_no_proxy_is_expected_nobody_is_a_neighbour() -> None:
    direct = Callers(WITH_NEIGHBOURS.tiers, trusted=["10.0.0.0/8"], proxies=0)
    assert (await direct.of(scope("10.0.2.9"))).tier.name == "anonymous"
