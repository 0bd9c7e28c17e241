"""The tables that `up` and `status` print."""

from __future__ import annotations

import json

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ops import identity
from ops.errors import OperationError
from ops.local import aws, paths, state
from ops.local.readiness import edge_url
from stacks.environment import Environment

COLOURS = {
    "steady": "green",
    "running": "green",
    "deploying": "yellow",
    "starting": "yellow",
    "restarting": "yellow",
}


def endpoints(console: Console, environment: Environment) -> None:
    """Where everything answers, and lines to paste."""
    published = state.read(paths.STATE_FILE)
    table = Table(title="RichesReach, environment local", title_justify="left", show_header=False, box=None)
    table.add_row("edge", edge_url())
    table.add_row("API document", f"{edge_url()}/api/openapi.json")
    table.add_row("local AWS", f"{aws.endpoint()} (account {aws.ACCOUNT}, credentials test/test)")
    console.print(table)
    table = _table("region", "load balancer", "services healthy", "database", "cache", "stream")
    for region in environment.regions:
        table.add_row(region, *_region(region, published))
    console.print(table)
    console.print("Try it:", style="bold")
    bearer = identity.tokens(environment)
    key, reason = _key(bearer["trader"])
    for line in (
        f"curl {edge_url()}/health/detailed/",
        f"curl -H 'X-Viewer-Location: Frankfurt' {edge_url()}/api/status/services",
        f"curl -H 'X-Viewer-Location: Singapore' {edge_url()}/api/status/services",
        f"curl -H 'X-Api-Key: {key or 'rr_…'}' {edge_url()}/api/users/me",
        "make status    make logs    make down",
    ):
        console.print(f"  {line}", soft_wrap=True, markup=False)
    told = key or f"none was issued: {reason}"
    console.print(f"API key of the trader: {told}", soft_wrap=True, markup=False, highlight=False)
    console.print(
        f"Bearer tokens, for {environment.edge.identity.access_token_minutes} minutes:", style="bold"
    )
    for role, token in bearer.items():
        console.print(f"  {role}: {token}", soft_wrap=True, markup=False)


def _key(token: str) -> tuple[str | None, str]:
    """A key, or why there is none: what serves is worth its table all the same."""
    try:
        return identity.api_key(edge_url(), token), ""
    except OperationError as error:
        return None, str(error)


def _region(region: str, published: state.State) -> tuple[str, str, str, str, str]:
    """One line each: load balancer, services, databases, the caches that are the region's own, the stream."""
    balancers = [p for p in published.processes if p.kind == "load-balancer" and p.region == region]
    services = [s for s in published.services if s.region == region]
    databases = [d for d in published.databases if d.region == region]
    caches = [c for c in published.caches if c.region == region]
    return (
        "\n".join(f"{p.address}:{p.port}" for p in balancers),
        "\n".join(f"{s.name} {s.healthy}/{s.desired}" for s in services),
        "\n".join(f"{d.address} {d.role}" for d in databases),
        "\n".join(
            f"{c.address} {'datastore ' if c.cluster.endswith('-global') else ''}{c.role}" for c in caches
        ),
        "\n".join(f"{s.address}:{s.port}" for s in published.streams if s.region == region),
    )


def processes(console: Console, published: state.State) -> None:
    """Every process, and every service with the reason where it has one."""
    table = _table("process", "address", "pid", "restarts", "status")
    for process in sorted(
        published.processes, key=lambda process: (process.kind, process.region, process.name)
    ):
        address = f"{process.address}:{process.port}" if process.address else ""
        restarts = str(process.restarts or "")
        table.add_row(process.name, address, str(process.pid or ""), restarts, _coloured(process.status))
    console.print(table)
    table = _table("service", "region", "task definition", "healthy", "status")
    for service in sorted(published.services, key=lambda service: (service.name, service.region)):
        revision = service.task_definition.rpartition("/")[2]
        healthy = f"{service.healthy}/{service.desired}"
        table.add_row(service.name, service.region, revision, healthy, _coloured(service.status))
    console.print(table)


def edge(console: Console) -> None:
    """What the edge says of itself: hits, drained regions, rules of the web ACL that only AWS evaluates."""
    try:
        facts = json.loads(paths.EDGE_FILE.read_text())
    except (OSError, ValueError):
        return
    ratio = facts["hit_ratio"]
    hits = "no cacheable request yet" if ratio is None else f"{ratio:.1%} of cacheable requests"
    size = f"{facts['cache']['objects']} objects, {facts['cache']['bytes'] / 1024:.0f} KiB"
    drained = ", ".join(facts["drained"]) or "none"
    console.print(f"edge: {facts['requests']} requests; cache hits: {hits} ({size}); drained: {drained}")
    for rule, reason in facts["firewall"]["not_evaluated_locally"].items():
        console.print(f"  WAF rule {rule} is not evaluated locally: {reason}", markup=False, soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _coloured(status: str) -> str:
    return f"[{COLOURS.get(status, 'red')}]{status}[/]"
