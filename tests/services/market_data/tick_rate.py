"""Prints how many ticks a second one core takes from a vendor's frame to an encoded batch:
`python tests/services/market_data/tick_rate.py [SECONDS]`.

The frames are Massive's, of 100 trades each over 500 symbols and 8 exchanges, made beforehand. No broker:
what a batch costs further is the producer's. Each figure is of the stage and of those before it.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / "services")]

from richesreach.core.events.schemas import TickBatch  # noqa: E402
from richesreach.core.events.topics import MARKET_TICKS  # noqa: E402
from richesreach.market_data.intake import Intake  # noqa: E402
from richesreach.market_data.model import Trade  # noqa: E402
from richesreach.market_data.packing import Packer  # noqa: E402
from richesreach.market_data.sources import massive  # noqa: E402
from richesreach.market_data.sources.reading import Frames  # noqa: E402

SYMBOLS, EXCHANGES, TRADES, FRAMES, PARTITIONS = 500, 8, 100, 500, 12


def frames(since: int) -> list[str]:
    """Trades with prices to the cent, and numbers that increase from `since` on: none was seen before."""
    now, found = time.time_ns() // 1_000_000, []
    for frame in range(FRAMES):
        trades = []
        for place in range(TRADES):
            number = since + frame * TRADES + place
            trades.append(
                {
                    "ev": "T", "sym": f"SYM{number % SYMBOLS}", "x": number % EXCHANGES, "i": str(number),
                    "p": 100 + number % 977 / 100, "s": 100, "c": [14, 37], "t": now, "q": number, "z": 3,
                }
            )  # fmt: skip
        found.append(msgspec.json.encode(trades).decode())
    return found


class Stages:
    """The pipeline, cut after each stage."""

    def __init__(self) -> None:
        self._adapter = massive.Massive([f"SYM{number}" for number in range(SYMBOLS)], "")
        self._frames = Frames("massive", massive._Event, lambda _rejection: None)
        self._intake = Intake(massive.ABOUT)
        self._packer = Packer(massive.ABOUT, PARTITIONS)
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(MARKET_TICKS.kinds)
        self.bytes = self.batches = 0

    def understood(self, frame: str) -> list[Trade]:
        return self._adapter._trades(self._frames, frame)

    def batches_of(self, frame: str) -> Iterator[TickBatch]:
        for packed in self._packer.add(self._intake.ticks(self.understood(frame)), 0):
            yield packed.batch

    def packed(self, frame: str) -> None:
        for _ in self.batches_of(frame):
            self.batches += 1

    def encoded(self, frame: str) -> None:
        for batch in self.batches_of(frame):
            self.bytes += len(self._encoder.encode(batch))
            self.batches += 1

    def checked(self, frame: str) -> None:
        """As `Events.publish` does it: what is encoded is read once, as its readers will."""
        for batch in self.batches_of(frame):
            self._decoder.decode(self._encoder.encode(batch))


def rate(work: Callable[[str], object], seconds: float) -> float:
    """Ticks a second of this process's own time, so that neighbours on the machine do not count."""
    count, spent = 0, 0.0
    while spent < seconds:
        given = frames(count)
        began = time.process_time()
        for frame in given:
            work(frame)
        spent += time.process_time() - began
        count += FRAMES * TRADES
    return count / spent


def main(seconds: float) -> None:
    rows = [
        ("read and normalise", lambda stages: stages.understood),
        ("+ number, clock, pack", lambda stages: stages.packed),
        ("+ encode", lambda stages: stages.encoded),
        ("+ check, as publishing does", lambda stages: stages.checked),
    ]
    print(f"Python {sys.version.split()[0]}, one of {os.cpu_count()} cores, {seconds:g} s each")  # noqa: T201
    for name, stage in rows:
        found = rate(stage(Stages()), seconds)
        print(f"{name:30} {found:10,.0f} ticks/s")  # noqa: T201


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
