"""Run by the services' Python in a task's environment: `SYMBOL PRICE` publishes ticks until it is killed.

They go packed to the partition of the symbol, as a source's do, ten a second.
"""

import asyncio
import itertools
import os
import sys
import time
from decimal import Decimal

from richesreach.core.events import Events
from richesreach.core.events.scaled import partition_of, scaled
from richesreach.core.events.schemas import PackedTick, TickBatch
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.metrics import Metrics
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing

# Terms of publishers are times in milliseconds. This one comes after all of them, so that nothing is void.
EPOCH = 2**50


async def main(symbol: str, price: str) -> None:
    settings = Settings.from_environment(os.environ)
    assert settings.stream is not None
    events = Events(settings, settings.stream, metrics=Metrics(), tracing=Tracing(settings))
    events.open()
    partition = partition_of(symbol, await events.partitions(MARKET_TICKS))
    # Numbers that no run before has given.
    for sequence in itertools.count(time.time_ns() // 1_000_000):
        now = time.time_ns()
        tick = PackedTick(s=symbol, q=sequence, t=now, r=now, p=scaled(Decimal(price)), z=10**8)
        batch = TickBatch(source="acceptance", venue="TEST", licence="internal", ticks=[tick], epoch=EPOCH)
        await events.publish(MARKET_TICKS, str(partition), batch, partition=partition)
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
