"""Stands by until the lease is free, publishes while it is held, and lets go when told or when it is lost."""

import asyncio
from collections.abc import Callable, Sequence

from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.ending import end
from richesreach.core.events import EventRefusedError, Events
from richesreach.core.events.accounting import StageAccount, Teller
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.logs import logger
from richesreach.market_data.consensus import Board
from richesreach.market_data.dead_letters import DeadLetters
from richesreach.market_data.lane import DOUBTS
from richesreach.market_data.roster import Entry
from richesreach.market_data.running.lease import RENEW, Lease, LeaseLostError
from richesreach.market_data.running.takeover import take_over
from richesreach.market_data.running.term import Publishing
from richesreach.market_data.told import Telling

# Seconds: between two looks whether the lease is free, and after a term that failed; what a last tick may
# take to arrive when the service ends.
STANDBY, LEAVE = 1.0, 4.0


class Runner:
    """`entries` makes the sources anew for each term; `letters` takes what they say wrong."""

    def __init__(
        self,
        events: Events,
        nodes: Nodes,
        lease: Lease,
        entries: Callable[[], Sequence[Entry]],
        letters: DeadLetters,
    ) -> None:
        self.publishing: Publishing | None = None
        self._events = events
        self._nodes = nodes
        self._lease = lease
        self._entries = entries
        self._letters = letters
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._run(), name="market runner")

    async def close(self) -> None:
        """End the term in order, so that the next one may begin at once."""
        task, self._task = self._task, None
        await end(task)
        publishing, self.publishing = self.publishing, None
        if publishing is not None:
            await publishing.close(LEAVE)
        await self._lease.release()

    def accounts(self) -> list[StageAccount]:
        return self.publishing.accounts() if self.publishing is not None else []

    async def _run(self) -> None:
        while True:
            try:
                if await self._lease.acquire():
                    logger().info("lease_acquired", member=self._lease.member)
                    await self._term()
            except CacheUnavailableError:
                pass  # the cache says so itself
            except LeaseLostError as error:
                logger().warning("lease_lost", error=str(error))
            except (*DOUBTS, EventRefusedError) as error:
                logger().warning("term_failed", error=str(error))
                await self._lease.release()
            except Exception:
                logger().exception("term_stumbled")
                await self._lease.release()
            await asyncio.sleep(STANDBY)

    async def _term(self) -> None:
        """Raises what ends it. Cancelled, it leaves `publishing` to whoever cancels."""
        keeping = asyncio.create_task(self._keep(), name="lease")
        beginning = asyncio.create_task(self._begin(), name="term")
        try:
            await asyncio.wait({keeping, beginning}, return_when=asyncio.FIRST_COMPLETED)
            await end(beginning)
            publishing, self.publishing = self.publishing, None
            if publishing is not None:
                await publishing.close(0.0)
            for task in (keeping, beginning):
                if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                    raise error
        finally:
            await end(keeping)
            await end(beginning)

    async def _begin(self) -> None:
        epoch, past = await take_over(self._events, self._lease.member)
        partitions = await self._events.partitions(MARKET_TICKS)
        publishing = Publishing(
            self._events,
            self._lease,
            self._entries(),
            partitions=partitions,
            epoch=epoch,
            past=past,
            letters=self._letters,
        )
        self.publishing = publishing
        board = Board()
        telling = Telling(self._nodes, board)
        teller = Teller(self._nodes, self.accounts)
        telling.open()
        teller.open()
        try:
            await publishing.run(telling)
        finally:
            await telling.close()
            await teller.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEW)
            await self._lease.renew()
