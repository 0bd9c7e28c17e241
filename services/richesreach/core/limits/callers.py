"""Who asks: somebody who proved who they are, or the address that the request came from."""

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from starlette.types import Scope

from richesreach.core.auth.identity import Identity
from richesreach.core.limits.gcra import Tier
from richesreach.core.problems import Problem

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
# Who a request comes from, None where it does not say. Raises Problem for a credential that is not accepted.
Identify: TypeAlias = Callable[[Scope], Awaitable[Identity | None]]
# The same where nobody is to be asked for it; None where somebody is.
Known: TypeAlias = Callable[[Scope], Identity | None]

FORWARDED = b"x-forwarded-for"
ANONYMOUS = "anonymous"
# Of an identity whose key has no tier of its own.
KNOWN = "key"
# Of another service, where there is such a tier.
NEIGHBOUR = "neighbour"
# Characters of `X-Forwarded-For`; a viewer may write far more than is worth its memory.
_MAX_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` tells callers apart: the kind of identity and its id, or an address."""

    name: str
    tier: Tier


async def nobody_known(_scope: Scope) -> Identity | None:
    """Where nobody can prove anything, all are anonymous."""
    return None


def nobody_at_once(_scope: Scope) -> Identity | None:
    """Where nobody is known without asking."""
    return None


def address_of(
    peer_address: str | None, forwarded: tuple[str, ...], trusted: tuple[Network, ...], proxies: int
) -> str:
    """The viewer's address: an IPv4 address, the /64 network of an IPv6 one, or `unknown`.

    Each proxy appends the address that it was called from to `X-Forwarded-For`, so with `proxies` of ours
    before the service, the viewer's is that many from the right; what is further left, the viewer wrote
    itself. The header counts only where the connection comes from one of the `trusted` networks.
    """
    peer = _parsed(peer_address) if peer_address is not None else None
    if peer is None or not proxies or not any(peer in network for network in trusted):
        return _named(peer)
    chain = [part for value in forwarded for part in value.split(",")]
    for text in chain[-proxies:]:
        address = _parsed(text)
        if address is not None:
            return _named(address)
    return _named(peer)


class Callers:
    """A credential that `identify` refuses counts for nothing: guessing lifts no limit."""

    def __init__(
        self,
        tiers: Mapping[str, Tier],
        *,
        trusted: Sequence[str],
        proxies: int,
        identify: Identify = nobody_known,
        known: Known = nobody_at_once,
    ) -> None:
        self.tiers = tiers
        self._identify = identify
        self._known = known
        self._trusted = tuple(ip_network(network) for network in trusted)
        self._proxies = proxies
        # To read addresses takes longer than all else; the same callers come again.
        self._anonymous = functools.lru_cache(maxsize=8192)(self._from)

    async def of(self, scope: Scope) -> Caller:
        try:
            known = await self._identify(scope)
        except Problem:  # the route tells the caller, where it matters there
            known = None
        if known is not None:
            return self._named(known)
        return self.unnamed(scope, [v.decode("latin-1") for n, v in scope["headers"] if n == FORWARDED])

    def at_once(self, scope: Scope) -> Caller | None:
        """As `of`, for who is known already; else None."""
        known = self._known(scope)
        return None if known is None else self._named(known)

    def _named(self, known: Identity) -> Caller:
        tier = self.tiers.get(known.tier or KNOWN, self.tiers[KNOWN])
        return Caller(f"{known.kind}:{known.key_id or known.subject}", tier)

    def unnamed(self, scope: Scope, forwarded: Sequence[str]) -> Caller:
        """Who shows nothing, by the values of `X-Forwarded-For`."""
        client = scope.get("client")
        found = self._anonymous if sum(map(len, forwarded)) <= _MAX_REMEMBERED else self._from
        return found(client[0] if client else None, tuple(forwarded))

    def _from(self, peer: str | None, forwarded: tuple[str, ...]) -> Caller:
        if NEIGHBOUR in self.tiers and not forwarded and self._inside(peer):
            return Caller(f"{NEIGHBOUR}:{peer}", self.tiers[NEIGHBOUR])
        return Caller(address_of(peer, forwarded, self._trusted, self._proxies), self.tiers[ANONYMOUS])

    def _inside(self, peer: str | None) -> bool:
        """Whether the caller is in our networks.

        Without `X-Forwarded-For` it did not come by a load balancer, which sets that always, and so is one of
        those whom the security groups let connect: a neighbour.
        """
        address = _parsed(peer) if peer and self._proxies else None
        return address is not None and any(address in network for network in self._trusted)


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
