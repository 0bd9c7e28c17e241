"""A replica that spends: `python -m spender`, with many clients on one budget, until it is told to stop.

What it does is written before and after it is done, a line each, so that a test knows it whatever becomes
of the process: `reserved <id> <amount>`, `billed <id> <cost>`, `settled <id>`, `refused`. A provider bills
what it wants up to what was set aside.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time

from cache_servers import CacheServer
from money_stores import Till, till_of
from richesreach.ai_router.budgets.model import BudgetExhaustedError, BudgetsUnavailableError
from richesreach.ai_router.model import Caller
from richesreach.core.settings import Settings

# Seconds: the longest request, and what its reservation outlives it. Together longer than a busy machine
# holds a replica up: else what a living one set aside runs out, too.
DEADLINE, SLACK = 2.0, 4.0


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def client(books: Till, caller: Caller, rng: random.Random, stop: asyncio.Event) -> None:
    while not stop.is_set():
        amount = rng.randint(1, 2_000)
        try:
            reservation = await books.books.reserve(caller, amount, time.monotonic() + DEADLINE)
        except BudgetExhaustedError:
            say("refused")
            await asyncio.sleep(0.05)
            continue
        except BudgetsUnavailableError:
            say("unavailable")
            await asyncio.sleep(0.05)
            continue
        say("reserved", reservation.id, amount)
        cost = rng.randint(0, amount)
        say("billed", reservation.id, cost)
        await asyncio.sleep(rng.random() * 0.02)
        await books.books.settle(reservation, cost)
        say("settled", reservation.id)


async def spend() -> None:
    environ = os.environ
    host, _, port = environ["SPEND_CACHE"].partition(":")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    callers = [Caller(environ["SPEND_ORG"], "research", key) for key in ("key-1", "key-2", "key-3")]
    far = environ.get("SPEND_FAR") == "yes"
    settings = Settings.from_environment(environ)
    async with till_of(settings, CacheServer(host, int(port)), far=far, slack=SLACK) as books:
        books.books.open()
        number, seed = int(environ["SPEND_CLIENTS"]), int(environ["SPEND_SEED"])
        began = time.process_time()
        async with asyncio.TaskGroup() as clients:
            for place in range(number):
                rng = random.Random(seed * 1000 + place)  # noqa: S311 (amounts, not secrets)
                clients.create_task(client(books, callers[place % len(callers)], rng, stop))
        say("cpu", time.process_time() - began, books.books.counts["settled"])
    say("closed")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(spend())
    sys.exit(0)
