"""An operator that is killed and goes on from its last snapshot: as if it had never stopped, to the byte."""

import contextlib
import os
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import richesreach
from hypothesis import given, settings
from hypothesis import strategies as st
from one_tick_at_a_time import BEAT, NOON, message, tick
from resumed_operator import (
    PARTITIONS,
    Log,
    made_of,
    read_outputs,
    without_duplicates,
    write_log,
)
from richesreach.stream import snapshot
from richesreach.stream.definitions import SECOND
from richesreach.stream.outputs import Identity
from richesreach.stream.partition import Partition
from richesreach.stream.snapshot import SnapshotError

Made = list[tuple[Identity, bytes]]


class KilledError(Exception):
    """Stands for SIGKILL: nothing after it happens."""


def market(seed: int, messages: int) -> Log:
    """Messages of every partition: disorder, gaps, duplicates, several sources, some unreadable."""
    source = np.random.default_rng(seed)
    log: Log = {}
    for number in range(PARTITIONS):
        numbers: dict[tuple[str, str], int] = defaultdict(int)
        log[number], at = [], NOON
        for offset in range(messages):
            name, ticks = str(source.choice(["x", "y"])), []
            for _ in range(int(source.integers(1, 6))):
                at += int(source.integers(0, SECOND))
                symbol = f"P{number}{source.choice(list('ABC'))}"
                numbers[name, symbol] += int(source.choice([0, 1, 1, 1, 1, 2]))
                ticks.append(
                    tick(
                        symbol,
                        numbers[name, symbol],
                        at - int(source.integers(0, 3 * SECOND)),
                        int(source.integers(1, 2**40)),
                    )
                )
            value = b"?" if source.random() < 0.05 else message(offset, name, ticks)[1]
            log[number].append((offset, value))
        log[number].append((messages, message(0, "x", [tick(f"P{number}Z", 1, at + 3600 * SECOND)])[1]))
    return log


def undisturbed(log: Log, partitions: dict[int, Partition]) -> Made:
    return [one for number, messages in log.items() for one in made_of(partitions, number, messages)]


def by_partition(made: Made) -> Made:
    """In the order of each partition's topic; between partitions there is none."""
    return sorted(made, key=lambda one: one[0].partition)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_an_operator_killed_anywhere_gives_the_bytes_of_one_that_never_was(
    seed: int, data: st.DataObject
) -> None:
    log, sink = market(seed, 12), Made()
    never_killed, last = dict[int, Partition](), dict[int, Partition]()
    expected = undisturbed(log, never_killed)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "snapshot"
        for kill in [*data.draw(st.lists(st.integers(0, 60), max_size=6), label="kills"), None]:
            portion = data.draw(st.integers(1, 5), label="messages at a time")
            every = data.draw(st.integers(1, 4), label="turns to a snapshot")
            with contextlib.suppress(KilledError):
                last = run(path, log, sink, kill, portion, every)
        assert by_partition(without_duplicates(sink)) == expected
        snapshot.write(path, last)
        snapshot.write(path.with_name("other"), never_killed)
        assert path.read_bytes() == path.with_name("other").read_bytes()


def run(path: Path, log: Log, sink: Made, kill: int | None, portion: int, every: int) -> dict[int, Partition]:
    """Go on from the snapshot until the log ends, or something was written `kill` times."""
    partitions, turn, steps = snapshot.read(path), 0, 0
    while any(number not in partitions or partitions[number].offset < len(log[number]) for number in log):
        for number, messages in log.items():
            offset = partitions[number].offset if number in partitions else 0
            for made in made_of(partitions, number, messages[offset : offset + portion]):
                if steps == kill:
                    raise KilledError
                steps += 1
                sink.append(made)
        turn += 1
        if turn % every == 0:
            snapshot.write(path, partitions)
    return partitions


def test_a_process_that_is_killed_and_started_again_leaves_the_outputs_of_one_that_never_was(
    tmp_path: Path,
) -> None:
    log = market(11, 400)
    write_log(tmp_path, log)
    program = [sys.executable, str(Path(__file__).with_name("resumed_operator.py")), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(next(iter(richesreach.__path__))).parent)}
    outputs = tmp_path / "outputs"
    outputs.touch()
    for written in (20_000, 60_000, 110_000):
        with subprocess.Popen(program, env=environment) as process:
            while process.poll() is None and outputs.stat().st_size < written:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, "it ended before it was killed: give it more messages"
        # A topic holds whole messages: what was being written is not there.
        outputs.write_bytes(outputs.read_bytes().rpartition(b"\n")[0] + b"\n")
    subprocess.run(program, env=environment, check=True)
    made = read_outputs(tmp_path)
    assert len(without_duplicates(made)) < len(made), "no kill cost a repetition: nothing was tested"
    assert by_partition(without_duplicates(made)) == undisturbed(log, {})


def test_a_state_that_was_read_back_is_written_to_the_same_bytes(tmp_path: Path) -> None:
    log, partitions = market(3, 60), dict[int, Partition]()
    for number, messages in log.items():
        for _ in made_of(partitions, number, messages[:-1]):
            pass
    snapshot.write(tmp_path / "one", partitions)
    snapshot.write(tmp_path / "other", snapshot.read(tmp_path / "one"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_messages_that_were_taken_before_are_left() -> None:
    messages = market(5, 30)[0]
    partition = Partition()
    partition.take(messages[:20])
    taken = partition.take(messages[:20])
    assert not taken.closings
    assert taken.duplicates == 0
    assert len(taken.ticks) == 0


def test_whose_ticks_are_void_is_known_after_a_restart(tmp_path: Path) -> None:
    partition = Partition()
    partition.take([message(0, BEAT, [tick("-", 0, NOON)])])
    snapshot.write(tmp_path / "snapshot", {0: partition})
    assert snapshot.read(tmp_path / "snapshot")[0].reader.epoch == 1


def test_a_crash_while_a_snapshot_is_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages, partition = market(5, 30)[0], Partition()
    partition.take(messages[:10])
    snapshot.write(tmp_path / "snapshot", {0: partition})
    partition.take(messages[10:])

    def crash(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KilledError):
        snapshot.write(tmp_path / "snapshot", {0: partition})
    assert snapshot.read(tmp_path / "snapshot")[0].offset == 10


def test_no_snapshot_is_a_beginning(tmp_path: Path) -> None:
    assert snapshot.read(tmp_path / "snapshot") == {}


@pytest.mark.parametrize(
    "harm", [lambda raw: raw[:-1], lambda raw: raw[:50] + b"!" + raw[51:], lambda _: b""]
)
def test_a_damaged_snapshot_is_refused(tmp_path: Path, harm: object) -> None:
    path = tmp_path / "snapshot"
    snapshot.write(path, {0: Partition()})
    assert callable(harm)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(SnapshotError, match="damaged or no snapshot: remove it"):
        snapshot.read(path)


def test_a_snapshot_of_other_definitions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "snapshot"
    snapshot.write(path, {0: Partition()})
    monkeypatch.setattr(snapshot, "fingerprint", lambda: "another")
    with pytest.raises(SnapshotError, match="other definitions"):
        snapshot.read(path)


def test_what_was_captured_stays_as_it_was_while_takes_go_on() -> None:
    """A thread encodes it later. Here new symbols come up meanwhile, and gaps are filled and made."""
    partition = Partition()
    partition.take([message(0, "x", [tick("A", n, NOON + n) for n in (1, 2, 9)])])
    captured = snapshot.captured({0: partition})
    then = snapshot.body(captured)
    partition.take([message(1, "y", [tick("A", 5, NOON + 3), tick("B", 1, NOON + 9 * SECOND)])])
    partition.take([message(2, "x", [tick("A", n, NOON + 9 * SECOND) for n in (4, 12)])])
    assert snapshot.body(captured) == then
    assert snapshot.body(snapshot.captured({0: partition})) != then
