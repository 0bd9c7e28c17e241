"""An MSK cluster and its topics on a real broker, driven only through the API of the local AWS."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.local import aws
from ops.local.process import send_signal, start_time
from ops.local.reconcilers.stream import Stream, find_broker
from ops.local.state import ProcessState, StreamState
from tests.ops.local.conftest import REGIONS, deploy, eventually

HOME, EUROPE, _ = REGIONS


def cluster() -> dict[str, Any]:
    """As the platform's templates have it, as far as the local AWS looks."""
    properties = {
        "ClusterName": "under-test",
        "KafkaVersion": "3.9.x.kraft",
        "NumberOfBrokerNodes": 2,
        "BrokerNodeGroupInfo": {"ClientSubnets": ["subnet-1"], "InstanceType": "kafka.m7g.large"},
    }
    return {"Type": "AWS::MSK::Cluster", "Properties": properties}


def topic(name: str, partitions: int) -> dict[str, Any]:
    properties = {
        "ClusterArn": {"Fn::GetAtt": ["Cluster", "Arn"]},
        "TopicName": name,
        "PartitionCount": partitions,
        "ReplicationFactor": 1,
    }
    return {"Type": "AWS::MSK::Topic", "Properties": properties}


class Platform:
    """The reconciler in a loop of its own."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.streams: tuple[StreamState, ...] = ()
        self.processes: tuple[ProcessState, ...] = ()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop)
        self._thread.start()

    def _loop(self) -> None:
        while not self._stopping.wait(0.2):
            report = self.stream.reconcile()
            self.streams, self.processes = report.streams, report.processes

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.stream.stop()

    def running(self, region: str, topics: int) -> StreamState:
        def found() -> StreamState | None:
            states = [s for s in self.streams if s.region == region and s.status == "running"]
            return next((state for state in states if state.topics == topics), None)

        state: StreamState = eventually(found)
        return state


@pytest.fixture(scope="module")
def platform(local_aws: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    for region in (HOME, EUROPE):
        deploy(region, "stream", {"Cluster": cluster(), "Ticks": topic("market.ticks", 4)})
    running = Platform(Stream(aws.client, (HOME, EUROPE), tmp_path_factory.mktemp("logs")))
    yield running
    running.close()


def listed(state: StreamState) -> str:
    words = ("topic", "list", "--broker", f"tcp://{state.address}:{state.port}")
    answer = subprocess.run([find_broker(), *words], capture_output=True, text=True, check=True, timeout=20)
    return answer.stdout


def test_each_region_has_a_broker_of_its_own_at_the_address_of_the_api(platform: Platform) -> None:
    states = [platform.running(region, 1) for region in (HOME, EUROPE)]
    assert len({state.address for state in states}) == 2
    for state in states:
        api = aws.client("kafka", state.region)
        (arn,) = [found["ClusterArn"] for found in api.list_clusters()["ClusterInfoList"]]
        brokers = api.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerString"]
        assert brokers == f"{state.address}:{state.port}"


def test_the_broker_holds_the_topics_of_the_template_and_those_that_come_later(platform: Platform) -> None:
    assert "market.ticks" in listed(platform.running(EUROPE, 1))
    more = {"Cluster": cluster(), "Ticks": topic("market.ticks", 4), "Letters": topic("dlq", 1)}
    deploy(EUROPE, "stream", more)
    assert "dlq" in listed(platform.running(EUROPE, 2))


def test_a_killed_broker_comes_back_in_place_with_its_topics(platform: Platform) -> None:
    before = platform.running(HOME, 1)
    (process,) = [p for p in platform.processes if p.region == HOME]
    started = start_time(process.pid)
    assert started is not None
    send_signal(process.pid, started, signal.SIGKILL)
    eventually(lambda: any(p.restarts == 1 for p in platform.processes if p.region == HOME))
    after = platform.running(HOME, 1)
    assert (after.address, after.port) == (before.address, before.port)
    assert "market.ticks" in listed(after)


def test_a_missing_broker_names_the_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("ops.local.reconcilers.stream.ROOT", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"install ops/local/requirements\.txt"):
        find_broker()
