"""Who asks: a known API key, or the address that the request came from."""

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.types import Scope

from richesreach.core.limits.gcra import Tier

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
# The name of the tier of a key, or None for one that is not known, expired or revoked.
KeyTiers: TypeAlias = Callable[[str], Awaitable[str | None]]

ANONYMOUS = "anonymous"
KEY_PREFIX = "rr_"
# Longer ones are none of ours, and not worth a look into a database.
_MAX_KEY = 128


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` tells callers apart; it holds the key itself, so that it is not printed."""

    name: str = field(repr=False)
    tier: Tier


async def no_keys(_key: str) -> str | None:
    """Where no key is known, a caller with one is as good as one without."""
    return None


def presented_key(headers: Headers) -> str | None:
    """The API key that the request shows, as `X-Api-Key` or as a bearer token."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    for key in (headers.get("x-api-key", "").strip(), bearer):
        if key.startswith(KEY_PREFIX) and len(key) <= _MAX_KEY:
            return key
    return None


def address_of(scope: Scope, trusted: tuple[Network, ...], proxies: int) -> str:
    """The viewer's address: an IPv4 address, the /64 network of an IPv6 one, or `unknown`.

    Each proxy appends the address that it was called from to `X-Forwarded-For`, so with `proxies` of ours
    before the service, the viewer's is that many from the right; what is further left, the viewer wrote
    itself. The header counts only where the connection comes from one of the `trusted` networks.
    """
    client = scope.get("client")
    peer = _parsed(client[0]) if client else None
    if peer is None or not proxies or not _within(peer, trusted):
        return _named(peer)
    chain = [part for value in Headers(scope=scope).getlist("x-forwarded-for") for part in value.split(",")]
    for text in chain[-proxies:]:
        address = _parsed(text)
        if address is not None:
            return _named(address)
    return _named(peer)


class Callers:
    """`key_tier` judges keys. One that it does not know counts for nothing: guessing lifts no limit."""

    def __init__(
        self,
        tiers: Mapping[str, Tier],
        *,
        trusted: Sequence[str],
        proxies: int,
        key_tier: KeyTiers = no_keys,
    ) -> None:
        self.tiers = tiers
        self.key_tier = key_tier
        self._trusted = tuple(ip_network(network) for network in trusted)
        self._proxies = proxies

    async def of(self, scope: Scope) -> Caller:
        key = presented_key(Headers(scope=scope))
        name = await self.key_tier(key) if key else None
        if key is not None and name is not None and name in self.tiers:
            return Caller(key, self.tiers[name])
        return Caller(address_of(scope, self._trusted, self._proxies), self.tiers[ANONYMOUS])


@functools.lru_cache(maxsize=4096)
def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _named(address: Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return str(address) if address is not None else "unknown"
