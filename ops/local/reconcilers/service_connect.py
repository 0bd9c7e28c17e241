"""Service Connect: names by which the services of a namespace find each other, and the proxy behind them.

On AWS a proxy beside each task answers for `http://<name>:<port>`. Here each name of a region has a loopback
address of its own, on which one process forwards connections to healthy tasks. No resolver of this machine is
touched: where the environment of a task says `<name>:<port>`, the task finds the address instead, which its
code cannot tell from a name. As on AWS, a revision knows the names that there were when it was deployed, and
tasks that no service owns know none.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.local import state
from ops.local.keeper import Keeper
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.report import Report
from ops.local.reconcilers.traffic import python_command

PROCESS = "service-connect"


@dataclass(frozen=True)
class Name:
    """What neighbours call, such as `gateway-grpc:9000`, and the name of the port mapping behind it."""

    host: str
    port: int
    mapping: str


@dataclass(frozen=True)
class Connected:
    """A service's part: the namespace whose names its tasks know, and its own names there."""

    namespace: str = ""
    names: tuple[Name, ...] = ()


#: A service that no namespace knows.
ALONE = Connected()


def connected(deployment: Mapping[str, Any]) -> Connected:
    """Of a deployment as DescribeServices tells it."""
    said: Mapping[str, Any] = deployment.get("serviceConnectConfiguration") or {}
    if not said.get("enabled"):
        return ALONE
    names = [
        Name(
            str(alias.get("dnsName") or each.get("discoveryName")), int(alias["port"]), str(each["portName"])
        )
        for each in said.get("services") or []
        for alias in each.get("clientAliases") or []
    ]
    return Connected(str(said.get("namespace", "")), tuple(names))


def ports(definition: Mapping[str, Any]) -> dict[str, int]:
    """Container ports by the names of their mappings."""
    containers = definition.get("containerDefinitions") or []
    mappings = (mapping for container in containers for mapping in container.get("portMappings") or [])
    return {str(m["name"]): int(m["containerPort"]) for m in mappings if m.get("name")}


def renamed(value: str, names: Mapping[str, str]) -> str:
    """A variable's value, with the addresses in the place of the names: `http://gateway:8000/x` and
    `gateway:8000`, but not `the-gateway:8000`."""
    for name, address in names.items():
        value = re.sub(rf"(?<![\w.@-]){re.escape(name)}(?!\d)", address, value)
    return value


class ServiceConnect:
    """Names and targets as the ECS reconciler tells them; as a reconciler, the process that forwards."""

    name = PROCESS

    def __init__(self, addresses: Addresses, file: Path, logs: Path) -> None:
        self._addresses = addresses
        self._file = file
        self._logs = logs
        self._hosts: dict[tuple[str, str, str], str] = {}
        self._targets: dict[str, list[str]] = {}
        self._written: dict[str, list[str]] | None = None
        self._keeper = Keeper(PROCESS, PROCESS)

    def learn(self, region: str, services: Iterable[Connected]) -> None:
        """Give each name of a region an address, and take back those of names that are gone."""
        wanted = {
            (region, each.namespace, name.host): f"{each.namespace}/{name.host}"
            for each in services
            for name in each.names
        }
        for key, owner in wanted.items():
            if key not in self._hosts:
                self._hosts[key] = self._addresses.take(region, owner)
        for key in [key for key in self._hosts if key[0] == region and key not in wanted]:
            self._addresses.release(region, f"{key[1]}/{key[2]}")
            del self._hosts[key]

    def names(self, region: str, service: Connected, others: Iterable[Connected]) -> dict[str, str]:
        """`name:port` to `address:port` of all services in the namespace of this one."""
        return {
            f"{name.host}:{name.port}": f"{self._hosts[region, each.namespace, name.host]}:{name.port}"
            for each in others
            if each.namespace == service.namespace
            for name in each.names
        }

    def forward(
        self, region: str, service: Connected, mappings: Mapping[str, int], tasks: Iterable[str]
    ) -> None:
        """Have the names of a service lead to these addresses of healthy tasks, in this pass."""
        healthy = sorted(tasks)
        for name in service.names:
            host = self._hosts.get((region, service.namespace, name.host))
            if host is not None and name.mapping in mappings:
                self._targets[f"{host}:{name.port}"] = [
                    f"{task}:{mappings[name.mapping]}" for task in healthy
                ]

    def publish(self) -> None:
        """Tell the process what this pass found; the next begins anew."""
        if self._targets != self._written:
            state.write_json(self._file, self._targets)
            self._written = self._targets
        self._targets = {}

    def reconcile(self) -> Report:
        """One pass: the process runs while there is a name."""
        if self._written:
            arguments = ("ops.local.connect", "--file", str(self._file))
            self._keeper.tick(python_command(PROCESS, self._logs, *arguments))
        elif self._keeper.wanted:
            self._keeper.stop()
        return Report(processes=(self._keeper.state(),) if self._keeper.wanted else ())

    def stop(self) -> None:
        """End the process."""
        self._keeper.stop(grace=2.0)
