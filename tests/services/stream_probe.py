"""Run by the services' Python in a task's environment: `publish`, or `follow` until a message comes.

`publish 7` publishes a tick of sequence 7; `follow` says `ready`, and then the sequence of the
first of these ticks that comes.
"""

import asyncio
import os
import sys
from decimal import Decimal

from richesreach.core.events import Events
from richesreach.core.events.schemas import Tick
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.metrics import Metrics
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing


def tick(sequence: int) -> Tick:
    return Tick(
        symbol="ACCEPTANCE",
        venue="TEST",
        price=Decimal("1.25"),
        size=Decimal(1),
        event_time=1,
        received_time=1,
        source="acceptance",
        licence="internal",
        sequence=sequence,
    )


async def main(verb: str, *numbers: str) -> None:
    settings = Settings.from_environment(os.environ)
    assert settings.stream is not None
    events = Events(settings, settings.stream, metrics=Metrics(), tracing=Tracing(settings))
    events.open()
    try:
        if verb == "publish":
            await events.publish(MARKET_TICKS, "ACCEPTANCE", tick(int(numbers[0])))
            return
        async with events.tail(MARKET_TICKS) as tail:
            print("ready", flush=True)  # noqa: T201
            async for message in tail:
                if isinstance(message, Tick) and message.symbol == "ACCEPTANCE":
                    print(message.sequence, flush=True)  # noqa: T201
                    return
    finally:
        await events.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
