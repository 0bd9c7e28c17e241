"""The processes in front of the tasks: one for each load balancer, and the edge."""

import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ops.local import aws, state
from ops.local.keeper import Keeper, stop_together
from ops.local.paths import PYTHON, ROOT
from ops.local.process import BASE_PATH, Command
from ops.local.reconcilers.addresses import Addresses
from ops.local.reconcilers.report import Report
from ops.local.reconcilers.secrets import Clients

PASSED_ON = ("RICHESREACH_AWS_PORT", "RICHESREACH_EDGE_PORT", "RICHESREACH_STATE_DIR")


def python_command(name: str, logs: Path, *arguments: str) -> Command:
    """A module of this repository, with the supervisor's own settings and nothing else of its environment."""
    env = {"PATH": f"{PYTHON.parent}:{BASE_PATH}", "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    env.update({key: os.environ[key] for key in PASSED_ON if key in os.environ})
    argv = (str(PYTHON), "-m", *arguments)
    return Command(argv, logs / f"{name}.log", env, ROOT, death_signal=signal.SIGKILL)


class LoadBalancers:
    """One process an application load balancer, at an address of its own that the edge reads from a file."""

    name = "load-balancers"

    def __init__(
        self, clients: Clients, regions: Iterable[str], addresses: Addresses, logs: Path, file: Path
    ) -> None:
        self._clients = clients
        self._regions = regions
        self._addresses = addresses
        self._logs = logs
        self._file = file
        self._keepers: dict[str, Keeper] = {}
        self._written: dict[str, dict[str, Any]] | None = None

    def reconcile(self) -> Report:
        """One pass: a process for each load balancer, none without one."""
        entries: dict[str, dict[str, Any]] = {}
        for region in self._regions:
            elbv2 = self._clients("elbv2", region)
            for balancer in elbv2.describe_load_balancers()["LoadBalancers"]:
                if balancer.get("Type", "application") != "application":
                    continue
                listeners = elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
                ports = sorted(int(listener["Port"]) for listener in listeners)
                if ports:
                    entries[balancer["DNSName"]] = self._entry(region, balancer, ports[0])
        # Written before the processes start: the edge may ask for the address as soon as one listens.
        if entries != self._written:
            state.write_json(self._file, entries)
            self._written = entries
        for entry in entries.values():
            self._keep(entry)
        arns = {entry["arn"]: entry["region"] for entry in entries.values()}
        for arn in [arn for arn in self._keepers if arn not in arns]:
            gone = self._keepers.pop(arn)
            gone.stop()
            self._addresses.release(gone.region, arn)
        return Report(processes=tuple(keeper.state() for keeper in self._keepers.values()))

    def stop(self) -> None:
        """End every load balancer."""
        stop_together(self._keepers.values(), grace=3.0)

    def _entry(self, region: str, balancer: dict[str, Any], port: int) -> dict[str, Any]:
        arn = str(balancer["LoadBalancerArn"])
        address = self._addresses.take(region, arn)
        name = str(balancer["LoadBalancerName"])
        return {"region": region, "name": name, "arn": arn, "address": address, "port": port}

    def _keep(self, entry: dict[str, Any]) -> None:
        region, name, address, port = entry["region"], entry["name"], entry["address"], entry["port"]
        label = f"lb-{region}-{name}"
        keeper = self._keepers.setdefault(entry["arn"], Keeper(label, "load-balancer", region, address, port))
        keeper.port = port
        options = ("--region", region, "--arn", entry["arn"], "--address", address, "--port", str(port))
        arguments = ("ops.local.edge.load_balancer", *options, "--name", name)
        keeper.tick(python_command(label, self._logs, *arguments))


class Edge:
    """The local CloudFront: one process for all distributions, from the first one on."""

    name = "edge"

    def __init__(self, clients: Clients, logs: Path) -> None:
        self._clients = clients
        self._logs = logs
        self._keeper = Keeper("edge", "edge", "", "127.0.0.1", aws.edge_port())

    def reconcile(self) -> Report:
        """One pass: the process runs while there is a distribution."""
        answer = self._clients("cloudfront", "us-east-1").list_distributions()
        if answer.get("DistributionList", {}).get("Items"):
            arguments = ("ops.local.edge.cdn", "--port", str(aws.edge_port()))
            self._keeper.tick(python_command("edge", self._logs, *arguments))
        elif self._keeper.wanted:
            self._keeper.stop()
        return Report(processes=(self._keeper.state(),) if self._keeper.wanted else ())

    def stop(self) -> None:
        """End the edge."""
        self._keeper.stop(grace=3.0)
