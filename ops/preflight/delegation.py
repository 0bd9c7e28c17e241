"""The domain's zone is there, and its parent sends the world to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dns.exception
import dns.name
import dns.resolver
from botocore.exceptions import ClientError

from ops.preflight.result import Reporter, Result
from ops.preflight.site import Site

#: Top-level domains that nobody can register (RFC 2606, RFC 6762).
RESERVED = frozenset({"example", "invalid", "local", "localhost", "test"})
_SECONDS = 5.0
_FIRST = (
    "deploy the zone alone, `richesreach cdk --env {name} deploy {stack}`, then enter its name servers at the"
    " registrar of {domain}"
)


def check(site: Site, report: Reporter) -> Iterator[Result]:
    """Whether public DNS finds the domain; with credentials also whether it finds this zone's servers."""
    environment = site.environment
    domain = environment.domain
    if not environment.edge.certificate:
        yield report.ok("no certificate, so nothing waits for public DNS")
        return
    if domain.rsplit(".", 1)[-1] in RESERVED:
        yield report.failed(
            f"{domain} can never be delegated: .{domain.rsplit('.', 1)[-1]} is reserved",
            f"set domain in environments/{environment.name}.yaml to one that you own",
        )
        return
    found = answers(domain, "NS")
    if found is None:
        yield report.unknown("no DNS server that knows the internet answers", "look again from elsewhere")
        return
    servers = name_servers(site)
    mend = _FIRST.format(
        name=environment.name, stack=environment.names.stack(environment.dns_region, "dns"), domain=domain
    )
    if not found:
        yield report.failed(f"no parent of {domain} delegates it", mend)
    elif servers is None:
        yield report.unknown(f"{domain} is delegated to {_listed(found)}; the zone's servers are unknown")
    elif found != servers:
        yield report.failed(
            f"{domain} is delegated to {_listed(found)}, its zone is on {_listed(servers)}", mend
        )
    else:
        yield report.ok(f"{domain} is delegated to its zone")


def check_zone(site: Site, report: Reporter) -> Iterator[Result]:
    """An imported zone is that of the domain; one that the stacks make is the only one of its name."""
    environment = site.environment
    route53 = site.client("route53", environment.dns_region)
    wanted = f"{environment.domain}."
    if environment.hosted_zone_id:
        zone = _zone(route53, environment.hosted_zone_id)
        if zone is None:
            yield report.failed(
                f"there is no zone {environment.hosted_zone_id}", "correct hosted_zone_id, or leave it out"
            )
        elif zone["HostedZone"]["Name"] != wanted or zone["HostedZone"]["Config"].get("PrivateZone"):
            yield report.failed(
                f"zone {environment.hosted_zone_id} is no public zone of {environment.domain}",
                "name the public zone of the domain in hosted_zone_id",
            )
        else:
            yield report.ok(f"zone {environment.hosted_zone_id} is that of {environment.domain}")
        return
    own = site.deployed_ids("AWS::Route53::HostedZone", environment.dns_region)
    listed = route53.list_hosted_zones_by_name(DNSName=wanted)["HostedZones"]
    others = [
        zone["Id"].rsplit("/", 1)[-1]
        for zone in listed
        if zone["Name"] == wanted and not zone.get("Config", {}).get("PrivateZone")
    ]
    others = [zone for zone in others if zone not in own]
    if others:
        yield report.failed(
            f"the account has another public zone of {environment.domain}: {', '.join(others)}",
            f"import it, `hosted_zone_id: {others[0]}`, or delete it: a domain is delegated to one zone",
        )
    else:
        yield report.ok("the zone is there" if own else "the stacks make the zone, the first of its name")


def name_servers(site: Site) -> frozenset[str] | None:
    """Servers of the environment's zone; None where there are no credentials or no zone yet."""
    if site.account is None:
        return None
    environment = site.environment
    ids = (
        {environment.hosted_zone_id}
        if environment.hosted_zone_id
        else site.deployed_ids("AWS::Route53::HostedZone", environment.dns_region)
    )
    zone = _zone(site.client("route53", environment.dns_region), min(ids)) if ids else None
    if zone is None:
        return None
    return frozenset(each.rstrip(".").lower() for each in zone.get("DelegationSet", {})["NameServers"])


def answers(name: str, kind: str) -> frozenset[str] | None:
    """Records of a name as public DNS gives them, maybe none; None where no public DNS answers."""
    try:
        found = _resolver().resolve(name, kind)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return frozenset() if _online() else None
    except dns.exception.DNSException:
        return None
    return frozenset(record.to_text().rstrip(".").lower() for record in found)


def _online() -> bool:
    """A resolver that knows no root knows nothing of the rest either, whatever it says does not exist."""
    try:
        return bool(_resolver().resolve(dns.name.root, "NS"))
    except dns.exception.DNSException:
        return False


def _resolver() -> dns.resolver.Resolver:
    resolver = dns.resolver.get_default_resolver()
    resolver.lifetime = _SECONDS
    return resolver


def _zone(route53: Any, zone_id: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = route53.get_hosted_zone(Id=zone_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchHostedZone":
            raise
        return None
    return found


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
