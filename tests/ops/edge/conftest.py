"""A real local AWS, real upstream servers in a thread, and the edge's processes as the platform runs them."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from ops.local.edge.key_value_store import SERVICE, _without_account
from tests.aws_calls.recorder import RECORDED
from tests.ops.edge.servers import Page, Seen, Upstreams

__all__ = ["Page", "Seen", "Upstreams"]

ROOT = Path(__file__).resolve().parents[3]
# PR_SET_PDEATHSIG (1) with SIGKILL (9), set in the child itself: what it becomes cannot outlive the tests.
_MORTAL = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


def free_port(address: str = "127.0.0.1") -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def eventually(check: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """The first truthy value of `check`; fails, naming `what`, when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, urllib.error.URLError, json.JSONDecodeError):
            value = check()
            if value:
                return value
        time.sleep(0.05)
    return pytest.fail(f"{what}: not within {seconds} s")


@contextlib.contextmanager
def process(arguments: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that dies with this one, and is ended by its id."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", _MORTAL, *arguments],
            cwd=ROOT,
            env={**os.environ, **env},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


async def until(check: Callable[[], Any], what: str) -> None:
    """As `eventually`, while this event loop goes on."""
    for _ in range(1000):
        if check():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{what}: not in time")


async def becomes(read: Callable[[], Awaitable[str]], expected: str) -> None:
    """Read until it is so: configuration is polled about once a second."""
    seen = ""
    for _ in range(300):
        seen = await read()
        if seen == expected:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"still {seen!r}, not {expected!r}")


@dataclass
class LocalAws:
    """The local AWS under test, with clients of its own."""

    port: int
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """A client of it."""
        key = (service, region)
        if key not in self._clients:
            made = boto3.client(
                service,
                region_name=region,
                endpoint_url=f"http://127.0.0.1:{self.port}",
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
            made.meta.events.register(f"before-send.{SERVICE}", _without_account)
            self._clients[key] = made
        return self._clients[key]


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    port = free_port()
    log = tmp_path_factory.mktemp("aws") / "aws.log"
    env = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0"}
    with process([str(ROOT / ".venv-local/bin/python"), "-m", "ministack"], env, log):
        url = f"http://127.0.0.1:{port}/_ministack/health"
        eventually(lambda: urllib.request.urlopen(url, timeout=1).status == 200, "local AWS answers")
        yield LocalAws(port)


@pytest.fixture(scope="session")
def upstreams() -> Iterator[Upstreams]:
    servers = Upstreams()
    yield servers
    servers.close()


@dataclass
class Region:
    """A load balancer of the local AWS with one target group, and its process."""

    region: str
    name: str
    arn: str
    dns_name: str
    address: str
    group: str
    listener: str
    state: Path
    log: Path

    def targets(self) -> list[dict[str, Any]]:
        """What the load balancer reports of its target group."""
        file = self.state / "run" / f"targets-{self.region}-{self.name}.json"
        return list(json.loads(file.read_text()).get(self.group, []))

    def states(self) -> list[str]:
        """The targets' states, in the order of their addresses."""
        return [target["state"] for target in self.targets()]


LISTENER_PORT = 8080


def create_region(aws: LocalAws, region: str, address: str, state: Path, check_path: str = "/ok") -> Region:
    """A load balancer with a listener on 8080 whose default action forwards to one target group."""
    elbv2 = aws.client("elbv2", region)
    name = f"lb-{address.replace('.', '-')}"
    balancer = elbv2.create_load_balancer(Name=name, Subnets=["subnet-1"])["LoadBalancers"][0]
    arn = balancer["LoadBalancerArn"]
    group = elbv2.create_target_group(
        Name=f"tg-{name}",
        Protocol="HTTP",
        Port=8000,
        VpcId="vpc-1",
        TargetType="ip",
        HealthCheckPath=check_path,
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
        Matcher={"HttpCode": "200-299"},
    )["TargetGroups"][0]["TargetGroupArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    listener = elbv2.create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=LISTENER_PORT, DefaultActions=forward
    )["Listeners"][0]["ListenerArn"]
    log = state / f"{name}.log"
    return Region(region, name, arn, balancer["DNSName"], address, group, listener, state, log)


def balancer_process(
    aws: LocalAws, place: Region
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """The load balancer's process."""
    module = [*RECORDED, "ops.local.edge.load_balancer"]
    options = ["--region", place.region, "--arn", place.arn, "--address", place.address, "--name", place.name]
    env = {"RICHESREACH_AWS_PORT": str(aws.port), "RICHESREACH_STATE_DIR": str(place.state)}
    return process([*module, *options, "--port", str(LISTENER_PORT)], env, place.log)


@pytest.fixture(scope="session")
def site(upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A running edge before the site of site.py: an edge_site.Site."""
    from tests.ops.edge import edge_site  # noqa: PLC0415 - it uses what is defined here

    with contextlib.ExitStack() as stack:
        yield edge_site.start(stack, upstreams, tmp_path_factory.mktemp("site"))
