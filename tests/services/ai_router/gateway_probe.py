"""What a gateway adds to a request, for `make bench-ai`: `python gateway_probe.py RIVAL ROUNDS` prints JSON.

The router and its rival stand before one canned provider, and both are started as for production. A round
asks the provider alone, the router and the rival, in turns: one client at a time for what is added to a
request, then 32 clients for how many requests a second are answered, with processor time and memory of each.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2] / "services")]

import canned_provider  # noqa: E402
import loopback  # noqa: E402
import postgres_servers  # noqa: E402
from cache_servers import cache_pair  # noqa: E402
from canned_provider import CannedProvider  # noqa: E402
from gateway_task import ServiceProcess, task_environment  # noqa: E402
from load import Load  # noqa: E402
from money_stores import make_tables, settings_of  # noqa: E402
from postgres_servers import PostgresCluster  # noqa: E402
from richesreach.core.auth import api_key  # noqa: E402
from richesreach.core.database import Database  # noqa: E402
from richesreach.core.migration import migrate  # noqa: E402
from richesreach.gateway.migrate import MIGRATIONS as GATEWAYS_TABLES  # noqa: E402
from richesreach.gateway.users.audit import Actor  # noqa: E402
from richesreach.gateway.users.key_store import KeyStore, NewKey  # noqa: E402
from rivals import KEY, MODEL, RIVALS, Gateway, megabytes, processor  # noqa: E402

MESSAGES = [
    {"role": "system", "content": "You are an analyst of markets. Answer in one sentence."},
    {"role": "user", "content": "What moved the index today, and what should a careful reader look at next?"},
]
# Of one measurement.
SEQUENTIAL, CLIENTS, SECONDS = 300, 32, 4.0
# Processes of the router, and of rivals that can have more than one: one a core.
PROCESSES = 2


@contextlib.contextmanager
def router(provider: CannedProvider, processes: int) -> Iterator[Gateway]:
    """Tasks of the router on a cache and a database of their own: callers are known and every request is
    recorded. As with the rivals, nobody has a limit or a budget.
    """
    secret = {"openai": {"keys": [{"id": "bench", "key": KEY}], "base_url": f"{provider.url}/v1"}}
    with contextlib.ExitStack() as stack:
        caches = stack.enter_context(cache_pair())
        folder = Path(stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True)))
        folder.chmod(0o755)
        template = postgres_servers.make_template(folder)
        cluster = stack.enter_context(postgres_servers.postgres_cluster(template, folder / "cluster"))
        asyncio.run(make_tables(cluster))
        key = asyncio.run(issue_key(cluster))
        targets, roots = [], []
        for _ in range(processes):
            host, port = loopback.own_address()
            environment = {
                **task_environment(cluster, caches),
                "SERVICE_NAME": "ai-router",
                "BIND_ADDRESS": host,
                "PORT": str(port),
                "LOG_LEVEL": "INFO",
                "RATE_LIMITING": "false",
                "AI_DEFAULT_BUDGET": "0",
                "AI_PRIVATE_PROVIDERS": "true",
                "DRAIN_SECONDS": "0",
                "SECRET_AI_PROVIDERS": json.dumps(secret),
            }
            process = ServiceProcess("richesreach.ai_router", environment)
            stack.callback(process.kill)
            loopback.until(lambda at=(host, port): loopback.accepts(*at), "the router serves", patience=120)
            targets.append((host, port))
            roots.append(process.process.pid)
        headers = {"authorization": f"Bearer {key}"}
        yield Gateway("router", targets, headers=headers, roots=roots)


async def issue_key(cluster: PostgresCluster) -> str:
    """A service's API key, among the gateway's tables, as its owner sends it."""
    database = Database(settings_of(cluster))
    await migrate(database.writer, GATEWAYS_TABLES, "gateway_migrations")
    await database.open()
    try:
        key, new = api_key.mint(), NewKey("service:bench", "bench", ["service"], None, None)
        await KeyStore(database).add(key, new, Actor("bench", "bench", "us-east-1"))
    finally:
        await database.close()
    return key.text


def asked(gateway: Gateway, *, clients: int, seconds: float, requests: int = 10**9) -> dict[str, Any]:
    body = {"model": gateway.model, "messages": MESSAGES, "max_tokens": 64}
    load = Load(gateway.targets, gateway.path, gateway.headers, body, clients, seconds, requests)
    before = processor(gateway.roots)
    done = subprocess.run(
        [sys.executable, str(HERE / "load.py"), json.dumps(asdict(load))],
        capture_output=True,
        check=True,
        timeout=120,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if not found["answers"]:
        raise SystemExit(f"{gateway.name} answered nothing: {found['bad']}")
    found["processor"] = (processor(gateway.roots) - before) / found["answers"] if gateway.roots else 0.0
    return found


def measure(gateways: dict[str, Gateway], rounds: int) -> dict[str, Any]:
    """Milliseconds, requests a second, microseconds of processor time, and megabytes by gateway."""
    kinds = ("added_ms", "rps", "p99_ms", "processor_us", "megabytes", "bad")
    found: dict[str, dict[str, list[float]]] = {
        name: {kind: [] for kind in kinds} for name in gateways if name != "provider"
    }
    order = list(gateways)
    for number in range(-1, rounds):
        order.reverse()
        one = {name: asked(gateways[name], clients=1, seconds=30, requests=SEQUENTIAL) for name in order}
        many = {
            name: asked(gateways[name], clients=CLIENTS, seconds=SECONDS)
            for name in order
            if name != "provider"
        }
        if number < 0:  # to warm up
            continue
        bare = one["provider"]["median"]
        for name, figures in found.items():
            load = many[name]
            figures["added_ms"].append((one[name]["median"] - bare) * 1e3)
            figures["rps"].append(load["answers"] / load["seconds"])
            figures["p99_ms"].append(load["p99"] * 1e3)
            figures["processor_us"].append(load["processor"] * 1e6)
            figures["megabytes"].append(megabytes(gateways[name].roots))
            figures["bad"].append(float(sum(load["bad"].values())))
    return found


def main() -> None:
    rival, rounds = sys.argv[1], int(sys.argv[2])
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(canned_provider.running())
        gateways = {
            "provider": Gateway(
                "provider", [(provider.host, provider.port)], headers={"authorization": f"Bearer {KEY}"}
            )
        }
        gateways["ours"] = stack.enter_context(router(provider, PROCESSES))
        if rival != "none":
            gateways["theirs"] = stack.enter_context(RIVALS[rival](provider, PROCESSES))
        sys.stdout.write(json.dumps(measure(gateways, rounds) | {"model": MODEL}) + "\n")


if __name__ == "__main__":
    main()
