"""One node of Apache Kafka (KRaft), on a loopback address, that can be killed and started on its own disk."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loopback import accepts, die_with_parent, own_address, until

ROOT = Path(__file__).parents[2]
LIBRARIES = ROOT / ".local" / "kafka" / "libs"
# A node with nothing but a few topics needs no more; the machine is shared. Of two compilers the quick one:
# the other has a processor to itself for a while, and takes a third off what a broker of some minutes costs.
BRIEF = ("-Xmx384m", "-XX:TieredStopAtLevel=1")
# As Kafka's own script starts it (bin/kafka-run-class.sh and kafka-server-start.sh of 4.x).
LASTING = (
    "-Xms1G",
    "-Xmx1G",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
)
LOGGED = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


class KafkaServer:
    """`output` is what it says. Auto-creation of topics is off, as on the platform. One that is `lasting`
    runs as a server of days does.
    """

    def __init__(self, folder: Path, *, lasting: bool = False) -> None:
        self._options = [*(LASTING if lasting else BRIEF), LOGGED]
        (self.host, self.port), (_, controller) = own_address(), own_address()
        self._output = folder / "output"
        self._settings = folder / "server.properties"
        quorum, protocol = f"{self.host}:{controller}", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{quorum}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.endpoint},CONTROLLER://{quorum}",
            "listener.security.protocol.map": protocol,
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            # A broker that was killed comes back once its session is over.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
        }
        self._settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        self._process: subprocess.Popen[bytes] | None = None
        # Its highest bit is 0: an id that began with a dash would be taken for an option.
        cluster = urlsafe_b64encode((uuid.uuid4().int >> 1).to_bytes(16)).decode().rstrip("=")
        self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._settings)).wait(120)

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """While it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def start(self) -> None:
        """Until it takes connections; fails with what it said where it ends instead."""
        self._process = process = self._java("kafka.Kafka", str(self._settings))

        def answers() -> bool:
            assert process.poll() is None, f"Kafka ended: {self.output[-2000:]}"
            return accepts(self.host, self.port)

        until(answers, f"Kafka answers at {self.endpoint}", patience=120)

    def kill(self) -> None:
        """As a machine that fails: no word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def _java(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with self._output.open("ab") as output:
            return subprocess.Popen(
                ["java", *self._options, "-cp", f"{LIBRARIES}/*", *arguments],
                preexec_fn=die_with_parent,  # noqa: PLW1509
                stdout=output,
                stderr=subprocess.STDOUT,
            )


@contextmanager
def running(folder: Path, *, lasting: bool = False) -> Iterator[KafkaServer]:
    server = KafkaServer(folder, lasting=lasting)
    try:
        server.start()
        yield server
    finally:
        server.kill()
