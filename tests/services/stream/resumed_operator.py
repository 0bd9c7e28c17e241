"""An operator that reads a file of messages, appends what it makes to another, and takes snapshots.

Run with a folder, it goes on from the folder's last snapshot to the end of `messages`: tests kill
it at any moment and start it again. The log of outputs is what a topic is: nothing is taken back.
"""

import base64
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from richesreach.stream import snapshot
from richesreach.stream.outputs import Identity, Unseen, outputs
from richesreach.stream.partition import Partition

PARTITIONS = 2
AT_A_TIME, SNAPSHOT_EVERY = 3, 4
Log = dict[int, list[tuple[int, bytes]]]


def made_of(
    partitions: dict[int, Partition], number: int, messages: list[tuple[int, bytes]]
) -> Iterator[tuple[Identity, bytes]]:
    """What comes of messages: bars and indicators by their ids."""
    partition = partitions.setdefault(number, Partition())
    taken = partition.take(messages)
    for closing in taken.closings:
        for output in outputs(number, partition, closing):
            yield output.identity, output.bar + (output.indicator or b"")


def without_duplicates(made: list[tuple[Identity, bytes]]) -> list[tuple[Identity, bytes]]:
    unseen = Unseen()
    return [(identity, value) for identity, value in made if unseen.admit(identity)]


def read_log(folder: Path) -> Log:
    log: Log = {number: [] for number in range(PARTITIONS)}
    for line in (folder / "messages").read_text().splitlines():
        number, offset, value = json.loads(line)
        log[number].append((offset, base64.b64decode(value)))
    return log


def write_log(folder: Path, log: Log) -> None:
    (folder / "messages").write_text(
        "".join(
            json.dumps([number, offset, base64.b64encode(value).decode()]) + "\n"
            for number, messages in log.items()
            for offset, value in messages
        )
    )


def read_outputs(folder: Path) -> list[tuple[Identity, bytes]]:
    """What was written whole: the last line of a process that was killed may not be."""
    made = []
    for line in (folder / "outputs").read_bytes().split(b"\n")[:-1]:
        number, offset, sequence, value = json.loads(line)
        made.append((Identity(number, offset, sequence), base64.b64decode(value)))
    return made


def main(folder: Path) -> None:
    log = read_log(folder)
    partitions = snapshot.read(folder / "snapshot")
    file = os.open(folder / "outputs", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    turn = 0
    while True:
        waiting = False
        for number, messages in log.items():
            offset = partitions[number].offset if number in partitions else 0
            portion = [message for message in messages if message[0] >= offset][:AT_A_TIME]
            waiting = waiting or bool(portion)
            for identity, value in made_of(partitions, number, portion):
                row: list[Any] = [identity.partition, identity.offset, identity.sequence]
                os.write(file, json.dumps([*row, base64.b64encode(value).decode()]).encode() + b"\n")
        if not waiting:
            return
        turn += 1
        if turn % SNAPSHOT_EVERY == 0:
            snapshot.write(folder / "snapshot", partitions)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
