"""Massive's bars of days and minutes, as its documentation shows them, from a server of the test's own."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

from aiohttp import web
from loopback import own_address
from richesreach.core.vendors.http import VendorHttp
from richesreach.history.vendor.massive import MassiveBars, Unit
from yarl import URL

KEY = "a-key-that-nobody-may-see"
DAY = date(2026, 1, 5)
MINUTES = Unit("AAPL", "1m", DAY, DAY)
# 9:30 in New York.
OPEN = int(datetime(2026, 1, 5, 14, 30, tzinfo=UTC).timestamp() * 1000)
# A day after the day of the bars was over in New York.
LATER = datetime(2026, 1, 7, 5, tzinfo=UTC)
Answer = tuple[int, Any, dict[str, str]]


def bar(minute: int = 0, **changed: Any) -> dict[str, Any]:
    found = {"o": 187.1, "h": 187.5, "l": 187.05, "c": 187.25, "v": 1000, "vw": 187.2, "n": 12}
    return {**found, "t": OPEN + minute * 60_000, **changed}


def page(*results: Any, **more: Any) -> Answer:
    return 200, {"ticker": "AAPL", "status": "OK", "results": list(results), **more}, {}


class Vendor:
    """Answers one after the other, and with the last one for good."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.requests, self.url = list(answers), list[web.Request](), URL()

    async def handle(self, request: web.Request) -> web.Response:
        status, body, headers = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(request)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=sent, headers=headers)


@asynccontextmanager
async def asking(vendor: Vendor, waits: list[float] | None = None) -> AsyncIterator[MassiveBars]:
    """Waits are noted, and not waited for."""

    async def sleep(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", vendor.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    host, port = own_address()
    await web.TCPSite(runner, host, port).start()
    vendor.url = URL(f"http://{host}:{port}")
    try:
        async with VendorHttp("massive") as http:
            yield MassiveBars(http, KEY, 60_000, vendor.url, sleep)
    finally:
        await runner.cleanup()
