"""Run by the services' Python in a task's environment: `URL PLACE` subscribes there with a client library,
publishes on the task's own broker, and prints what the subscriber got.

Ticks go on until one arrives: the gateway begins to read the topic when somebody subscribes.
"""

import asyncio
import itertools
import json
import os
import sys
import time
from decimal import Decimal

from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from richesreach.core.events import Events
from richesreach.core.events.schemas import Tick
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.metrics import Metrics
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing

QUERY = 'subscription { priceUpdate(symbol: "SPY") { symbol price volume } }'
PRICE, PATIENCE = Decimal("551.25"), 60


def tick(sequence: int) -> Tick:
    now = time.time_ns()
    return Tick(
        symbol="SPY",
        venue="TEST",
        price=PRICE,
        size=Decimal(7),
        event_time=now,
        received_time=now,
        source="acceptance",
        licence="internal",
        sequence=sequence,
    )


async def publish(events: Events) -> None:
    for sequence in itertools.count(1):
        await events.publish(MARKET_TICKS, "SPY", tick(sequence))
        await asyncio.sleep(0.2)


async def main(url: str, place: str) -> None:
    settings = Settings.from_environment(os.environ)
    assert settings.stream is not None
    events = Events(settings, settings.stream, metrics=Metrics(), tracing=Tracing(settings))
    events.open()
    transport = WebsocketsTransport(
        url=url, headers={"x-viewer-location": place}, subprotocols=["graphql-transport-ws"]
    )
    try:
        async with asyncio.timeout(PATIENCE), Client(transport=transport) as client:
            publishing = asyncio.create_task(publish(events))
            async for update in client.subscribe(gql(QUERY)):
                if update["priceUpdate"]["price"] == float(PRICE):  # the region's sources go on
                    print(json.dumps(update))  # noqa: T201
                    break
            publishing.cancel()
            await asyncio.wait({publishing})
    finally:
        await events.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
