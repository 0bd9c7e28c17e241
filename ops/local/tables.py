"""The tables that `up` and `status` print."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

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
    table = Table(title="RichesReach, environment local", title_justify="left")
    for column in ("what", "where", "state"):
        table.add_column(column, overflow="fold")
    table.add_row("edge", edge_url(), "the site: CloudFront as deployed")
    table.add_row("API document", f"{edge_url()}/api/openapi.json", "")
    table.add_row("local AWS", aws.endpoint(), "account 000000000000, credentials test/test")
    for region in environment.regions:
        for name, where, what in _regional(region, published):
            table.add_row(f"{region} {name}", where, what)
    console.print(table)
    console.print("Try it:", style="bold")
    for line in (
        f"curl {edge_url()}/health/detailed/",
        f"curl -H 'X-Viewer-Location: Frankfurt' {edge_url()}/api/status/services",
        f"curl -H 'X-Viewer-Location: Singapore' {edge_url()}/api/status/services",
    ):
        console.print(f"  {line}", soft_wrap=True, markup=False)


def _regional(region: str, published: state.State) -> list[tuple[str, str, str]]:
    rows = [
        (f"load balancer {process.name}", f"http://{process.address}:{process.port}", process.status)
        for process in published.processes
        if process.kind == "load-balancer" and process.region == region
    ]
    rows += [
        (f"service {service.name}", f"{service.healthy} of {service.desired} healthy", service.status)
        for service in published.services
        if service.region == region
    ]
    rows += [
        (f"database {database.instance}", f"{database.address}:{database.port}", database.role)
        for database in published.databases
        if database.region == region
    ]
    rows += [
        (f"cache {cache.instance}", f"{cache.address}:{cache.port}", cache.role)
        for cache in published.caches
        if cache.region == region
    ]
    return rows


def processes(console: Console, published: state.State) -> None:
    """Every process, and every service with the reason where it has one."""
    table = Table(title="Processes", title_justify="left")
    for column in ("name", "kind", "region", "address", "pid", "restarts", "status", "reason"):
        table.add_column(column, overflow="fold")
    for process in sorted(
        published.processes, key=lambda process: (process.kind, process.region, process.name)
    ):
        colour = COLOURS.get(process.status, "red")
        address = f"{process.address}:{process.port}" if process.address else ""
        table.add_row(
            process.name,
            process.kind,
            process.region,
            address,
            str(process.pid or ""),
            str(process.restarts),
            f"[{colour}]{process.status}[/]",
            process.reason,
        )
    console.print(table)
    table = Table(title="Services", title_justify="left")
    for column in ("service", "region", "task definition", "healthy", "status", "reason"):
        table.add_column(column, overflow="fold")
    for service in sorted(published.services, key=lambda service: (service.name, service.region)):
        colour = COLOURS.get(service.status, "red")
        table.add_row(
            service.name,
            service.region,
            service.task_definition.rpartition("/")[2],
            f"{service.healthy}/{service.desired}",
            f"[{colour}]{service.status}[/]",
            service.reason,
        )
    console.print(table)
