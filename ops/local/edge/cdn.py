"""The local CloudFront: `python -m ops.local.edge.cdn --port 8080`, on 127.0.0.1.

It holds no configuration of its own: distributions, functions, KeyValueStores, web ACLs, Route 53 records and
health checks are read from the local AWS about once a second (less often while nothing changes), the load
balancers' addresses from the supervisor's file. Viewers are accepted over HTTP whatever the viewer protocol
policy says: there is no certificate here.
"""

import argparse
import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp

from ops.local import paths
from ops.local.aws import DEFAULT_EDGE_PORT
from ops.local.edge import distribution_config, firewall_config, key_value_store, report, route53_config
from ops.local.edge.distribution import Distribution
from ops.local.edge.firewall_config import Firewalls
from ops.local.edge.forward import new_session
from ops.local.edge.front import Front
from ops.local.edge.functions import FunctionRuntime
from ops.local.edge.health_checker import HealthChecker
from ops.local.edge.invalidations import Invalidations
from ops.local.edge.log import log
from ops.local.edge.process import listen, until_terminated
from ops.local.edge.route53_config import Dns
from ops.local.edge.watch import Watch
from ops.local.edge.zones import BalancerPlace, UnresolvedError, World
from stacks.regions import region

ADDRESS = "127.0.0.1"
STORE_INTERVAL = 0.5
FILE_INTERVAL = 0.3
INVALIDATION_INTERVAL = 0.5


class Edge:
    """Keeps a Front supplied with what is deployed."""

    def __init__(self, session: aiohttp.ClientSession, runtime: FunctionRuntime, home: str) -> None:
        self.front = Front(session, runtime, home)
        self._home = region(home).location
        self._checker = HealthChecker(session, self._address_of, self._refresh)
        self._distributions = Watch("CloudFront", distribution_config.read)
        self._stores = Watch("KeyValueStore", self._read_stores, STORE_INTERVAL, rests=False)
        self._dns = Watch("Route 53", route53_config.read)
        self._balancers = Watch("load balancers", route53_config.read_balancers, FILE_INTERVAL, rests=False)
        self._firewalls = Watch("WAF", self._read_firewalls)
        self._invalidations = Invalidations(self.front.cache)
        self._invalidated = Watch(
            "invalidations", self._read_invalidations, INVALIDATION_INTERVAL, rests=False
        )
        self._watches: tuple[Watch[Any], ...] = (
            self._distributions,
            self._stores,
            self._dns,
            self._balancers,
            self._firewalls,
            self._invalidated,
        )

    def start(self) -> None:
        """Begin to watch; must be called on the event loop."""
        self._distributions.on_change(self._deploy)
        self._stores.on_change(self._store)
        self._dns.on_change(self._name)
        self._balancers.on_change(self._place)
        self._firewalls.on_change(lambda found: self.front.firewall.configure(*found))
        self._invalidated.on_change(self._invalidations.carry_out)
        for watch in self._watches:
            watch.start()

    def stop(self) -> None:
        """Watch and probe no more."""
        for watch in self._watches:
            watch.stop()
        self._checker.stop()

    def _deploy(self, distributions: tuple[Distribution, ...]) -> None:
        self.front.deployed.distributions = distributions
        log("distributions", ids=[distribution.id for distribution in distributions])

    def _store(self, stores: Mapping[str, Mapping[str, str]]) -> None:
        self.front.deployed.stores = stores
        log("key_value_stores", keys={arn: sorted(items) for arn, items in stores.items()})

    def _name(self, dns: Dns) -> None:
        self._checker.apply(dns.checks)

    def _place(self, balancers: Mapping[str, BalancerPlace]) -> None:
        healthy = {balancer.name + "." + balancer.region: balancer.healthy for balancer in balancers.values()}
        log("load_balancers", healthy=healthy)
        self._refresh()

    def _refresh(self) -> None:
        records = self._dns.value.records if self._dns.value else {}
        self.front.deployed.world = World(records, self._balancers.value or {}, self._checker.down)

    def _address_of(self, host: str) -> str:
        """Where a health check's name leads, whatever the state of health."""
        world = replace(self.front.deployed.world, down=frozenset())
        address = world.resolve(host, self._home).address
        if not address:
            raise UnresolvedError(f"{host} has no address")
        return address

    def _read_invalidations(self) -> Any:
        return self._invalidations.read([d.id for d in self.front.deployed.distributions])

    def _read_firewalls(self) -> Firewalls:
        """Only the web ACLs that deployed distributions have."""
        return firewall_config.read(
            frozenset(d.web_acl for d in self.front.deployed.distributions if d.web_acl)
        )

    def _read_stores(self) -> dict[str, dict[str, str]]:
        """Only the stores that deployed functions use."""
        behaviours = [b for d in self.front.deployed.distributions for b in d.behaviours]
        functions = [f for b in behaviours for f in (b.function, b.response_function) if f]
        arns = {function.store for function in functions if function.store}
        return {arn: key_value_store.read_items(arn) for arn in sorted(arns)}


async def run(port: int, home: str) -> None:
    """Serve until SIGTERM. Raises OSError when the port is taken."""
    runtime = FunctionRuntime()
    async with new_session() as session:
        edge = Edge(session, runtime, home)
        server = await listen(edge.front.handle, ADDRESS, port)
        edge.start()
        log("edge_started", url=f"http://localhost:{port}", viewer_protocol="http accepted for every policy")
        reporting = asyncio.create_task(report.keep(paths.EDGE_FILE, edge.front))
        await until_terminated()
        reporting.cancel()
        edge.stop()
        await server.cleanup()
        await runtime.stop()
    log("edge_stopped")


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m ops.local.edge.cdn", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_EDGE_PORT)
    parser.add_argument("--home", default="us-east-1", help="region where viewers without a location are")
    options = parser.parse_args()
    try:
        asyncio.run(run(options.port, options.home))
    except OSError as error:
        log(
            "edge_refused",
            port=options.port,
            reason=str(error),
            mend="set RICHESREACH_EDGE_PORT to a free port",
        )
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
